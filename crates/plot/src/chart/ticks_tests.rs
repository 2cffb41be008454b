//! Ticks that are round, inside, in order, labelled and apart, for every kind of extent.

use super::*;

fn span(scale: Scale, low: f64, high: f64, length: f64) -> Span {
    Span { scale, values: [low, high], page: [0.0, length] }
}

fn labels_of(span: &Span, orientation: Orientation) -> Vec<String> {
    let ticks = ticks(span, orientation);
    ticks.iter().filter_map(|tick| tick.label.as_ref()).map(Text::bare).collect()
}

const LOG: Scale = Scale::Log10 { floor: None };

#[test]
fn linear_ticks_are_one_two_five() {
    let labels = labels_of(&span(Scale::Linear, 0.0, 4.2, 300.0), Orientation::Horizontal);
    assert_eq!(labels, ["0", "1", "2", "3", "4"]);
    let labels = labels_of(&span(Scale::Count, -0.1, 2.1, 300.0), Orientation::Horizontal);
    assert_eq!(labels, ["0", "1", "2"]);
    let labels = labels_of(&span(Scale::Linear, 0.793, 0.8051, 260.0), Orientation::Vertical);
    assert_eq!(labels, ["0.794", "0.796", "0.798", "0.800", "0.802", "0.804"]);
    let labels = labels_of(&span(Scale::Linear, -1.0, 11_300.0, 300.0), Orientation::Horizontal);
    assert_eq!(labels, ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]);
}

#[test]
fn negative_and_tiny_numbers_are_written_whole() {
    let labels = labels_of(&span(Scale::Linear, -0.5, 0.5, 100.0), Orientation::Horizontal);
    assert_eq!(labels, ["−0.5", "0.0", "0.5"]);
    let labels = labels_of(&span(Scale::Linear, 0.0, 4e-7, 300.0), Orientation::Horizontal);
    assert_eq!(labels, ["0", "1×10−7", "2×10−7", "3×10−7", "4×10−7"]);
}

#[test]
fn a_logarithmic_axis_of_many_decades_has_powers() {
    let wide = span(LOG, 1e-5, 2.0, 200.0);
    assert_eq!(
        labels_of(&wide, Orientation::Vertical),
        ["10−5", "10−4", "10−3", "10−2", "10−1", "100"]
    );
    let minor =
        ticks(&wide, Orientation::Vertical).iter().filter(|tick| tick.label.is_none()).count();
    assert_eq!(minor, 5 * 8 + 1);
    let batch = span(LOG, 1.0, 1000.0, 300.0);
    assert_eq!(labels_of(&batch, Orientation::Horizontal), ["1", "10", "100", "1000"]);
}

#[test]
fn a_logarithmic_axis_of_many_more_decades_skips_some() {
    let labels = labels_of(&span(LOG, 1e-22, 1.0, 150.0), Orientation::Vertical);
    assert_eq!(labels, ["10−20", "10−16", "10−12", "10−8", "10−4", "100"]);
}

#[test]
fn under_two_decades_multiples_are_labelled() {
    let labels = labels_of(&span(LOG, 0.08, 2.1, 200.0), Orientation::Vertical);
    assert_eq!(labels, ["0.1", "0.2", "0.5", "1", "2"]);
    let labels = labels_of(&span(LOG, 18.4, 22.0, 200.0), Orientation::Vertical);
    assert!(labels.len() >= 2, "{labels:?}");
}

#[test]
fn ticks_lie_inside_in_order_and_labels_never_touch() {
    let mut state = 1_u64;
    let mut uniform = move || {
        // Knuth's MMIX generator: any spread of cases will do.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for case in 0..4000 {
        let scale = if case % 2 == 0 { Scale::Linear } else { LOG };
        let magnitude = 10f64.powf(24.0 * uniform() - 12.0);
        let low = if scale == LOG { magnitude } else { magnitude * (2.0 * uniform() - 1.0) };
        let high = if scale == LOG {
            low * 10f64.powf(0.002 + 14.0 * uniform() * uniform())
        } else {
            low + magnitude * 10f64.powf(4.0 * uniform() - 3.0)
        };
        let axis = span(scale, low, high, 40.0 + 400.0 * uniform());
        let orientation =
            if uniform() < 0.5 { Orientation::Horizontal } else { Orientation::Vertical };
        let ticks = ticks(&axis, orientation);
        let location = format!("case {case}: {axis:?} {orientation:?}");
        assert!(ticks.iter().any(|tick| tick.label.is_some()), "{location}");
        assert!(ticks.iter().all(|tick| axis.holds(tick.value)), "{location}");
        assert!(ticks.windows(2).all(|pair| pair[0].value < pair[1].value), "{location}");
        let ends = ticks.iter().filter_map(|tick| {
            let label = tick.label.as_ref()?;
            let half = match orientation {
                Orientation::Horizontal => 0.5 * TextRole::TickLabel.width(label) + 2.0,
                Orientation::Vertical => 0.5 * TextRole::TickLabel.size() + 2.0,
            };
            Some([axis.at(tick.value) - half, axis.at(tick.value) + half])
        });
        let ends: Vec<[f64; 2]> = ends.collect();
        assert!(ends.windows(2).all(|pair| pair[0][1] <= pair[1][0]), "{location}");
        let labels = labels_of(&axis, orientation);
        let mut distinct = labels.clone();
        distinct.dedup();
        assert_eq!(labels, distinct, "{location}");
    }
}
