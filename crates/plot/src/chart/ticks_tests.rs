//! Ticks that are round, inside, in order, labelled and apart, for every kind of extent.

use super::*;
use crate::chart::scale::Extent;

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

/// Of every two numbers of f64, zero, subnormal and huge ones among them, of both signs.
#[test]
fn every_extent_of_f64_has_ends_and_a_few_ticks() {
    const POSITIVE: [f64; 12] = [
        5e-324,
        1e-320,
        1e-310,
        f64::MIN_POSITIVE,
        1e-300,
        1e-8,
        1.0,
        1.000_000_000_000_1,
        1e7,
        1e300,
        1.7e308,
        f64::MAX,
    ];
    let signed: Vec<f64> =
        POSITIVE.iter().flat_map(|value| [*value, -value]).chain([0.0]).collect();
    let floored = Scale::Log10 { floor: Some(1e-16) };
    for scale in [Scale::Linear, Scale::Count, LOG, floored] {
        let is_even = matches!(scale, Scale::Linear | Scale::Count);
        let values = if is_even { &signed[..] } else { &POSITIVE };
        let pairs = values.iter().flat_map(|one| values.iter().map(|other| [*one, *other]));
        for (case, pair) in pairs.enumerate() {
            let mut extent = Extent::new(scale);
            pair.iter().for_each(|value| extent.hold(*value));
            let padding = [0.0, 0.05, 1.0][case % 3];
            let ends = extent.ends(padding).unwrap();
            let axis = Span { scale, values: ends, page: [0.0, 220.0] };
            let location = format!("{pair:?}, padding {padding}: {axis:?}");
            assert!(ends.iter().all(|end| end.is_finite()) && ends[0] < ends[1], "{location}");
            assert!(is_even || ends[0] > 0.0, "{location}");
            assert!(pair.iter().all(|value| axis.holds(*value)), "{location}");
            for orientation in [Orientation::Horizontal, Orientation::Vertical] {
                let ticks = ticks(&axis, orientation);
                assert!(ticks.len() <= 100, "{} ticks: {location}", ticks.len());
                assert!(ticks.iter().all(|tick| axis.holds(tick.value)), "{location}");
                assert!(ticks.windows(2).all(|pair| pair[0].value < pair[1].value), "{location}");
                let labelled = ticks.iter().filter(|tick| tick.label.is_some()).count();
                // A short axis of counts may hold no whole number.
                assert!((1..=12).contains(&labelled) || scale == Scale::Count, "{location}");
            }
        }
    }
}

#[test]
fn what_lies_far_outside_an_axis_keeps_a_coordinate() {
    let axis = span(Scale::Linear, 0.0, 1e-3, 100.0);
    for value in [1e300, -1e300, f64::MAX] {
        assert!(axis.at(value).abs() < 1e7 && !axis.holds(value), "{value}");
    }
}
