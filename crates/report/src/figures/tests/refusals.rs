//! What must not be drawn is refused with its name.

use minimascope_plot::{
    Axis, Body, Chart, DataPoint, Error, Figure, Ink, Mark, Marker, Panel, Series, Text, Theme,
};

use super::{figure, sample};

/// Replaces the first value of a series; `false` for a series without values.
fn poison(series: &mut Series, value: f64) -> bool {
    match &mut series.mark {
        Mark::Line { points, .. } => points.first_mut().map(|point| point[1] = value).is_some(),
        Mark::Points { points, .. } => {
            points.first_mut().map(|point| point.at[0] = value).is_some()
        }
        Mark::Band { bounds } => bounds.first_mut().map(|bound| bound[2] = value).is_some(),
        Mark::Region { y, .. } => {
            y[1] = Some(value);
            true
        }
        Mark::Horizontal { y, .. } | Mark::Beside { y } => {
            *y = value;
            true
        }
        Mark::Vertical { x, .. } => {
            *x = value;
            true
        }
        Mark::Rug { values } => values.first_mut().map(|first| *first = value).is_some(),
    }
}

#[test]
fn nan_and_infinity_are_refused_in_every_series_of_every_figure() {
    for figure in sample::figures() {
        for panel in 0..figure.panels.len() {
            let count = match &figure.panels[panel].body {
                Body::Chart(chart) => chart.series.len(),
                Body::BarChart(bars) => bars.bars.len(),
                Body::Sheet(_) => 0,
            };
            for index in 0..count {
                for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut poisoned = figure.clone();
                    let changed = match &mut poisoned.panels[panel].body {
                        Body::Chart(chart) => poison(&mut chart.series[index], value),
                        Body::BarChart(bars) => {
                            bars.bars[index].value = value;
                            true
                        }
                        Body::Sheet(_) => false,
                    };
                    assert!(changed, "{}: panel {panel}, series {index}", figure.identifier);
                    let refused = poisoned.to_svg(Theme::Auto).unwrap_err();
                    assert!(
                        matches!(&refused, Error::NotFinite { figure: name, .. } if *name == figure.identifier),
                        "{refused}"
                    );
                }
            }
        }
    }
}

fn one_panel(chart: Chart) -> Figure {
    let mut figure = Figure::new("test", Text::plain("Test"), "A test.");
    figure.panels.push(Panel::chart(Text::plain("Only"), chart));
    figure
}

fn axis() -> Axis {
    Axis::linear(Text::plain("value"))
}

#[test]
fn a_logarithm_needs_a_positive_number_or_a_floor() {
    let chart = |axis: Axis, value: f64| {
        let line = Series::line(vec![[0.0, 1.0], [1.0, value]], Ink::Series(0));
        one_panel(Chart::new(self::axis(), axis).with(line.named(Text::plain("loss"))))
            .to_svg(Theme::Light)
    };
    let plain = Axis::log10(Text::plain("loss"));
    let floored = Axis::log10_above(1e-8, Text::plain("loss"));
    let refused = chart(plain.clone(), 0.0).unwrap_err();
    assert_eq!(
        refused,
        Error::NotPositive {
            figure: "test".to_owned(),
            what: "loss in panel `Only`".to_owned(),
            value: 0.0
        }
    );
    assert!(matches!(chart(plain, -1.0), Err(Error::NotPositive { .. })));
    assert!(matches!(chart(floored.clone(), -1.0), Err(Error::NotPositive { .. })));
    let shown = chart(floored.clone(), 0.0).unwrap();
    assert!(shown.contains("below 10"), "a value on the floor must be said to lie below it");
    assert!(!chart(floored, 1e-7).unwrap().contains("below 10"));
}

#[test]
fn a_figure_or_panel_without_data_is_refused() {
    let empty = Figure::new("test", Text::plain("Test"), "A test.").to_svg(Theme::Auto);
    assert!(matches!(empty, Err(Error::Empty { .. })));
    let bare = one_panel(Chart::new(axis(), axis())).to_svg(Theme::Auto);
    assert!(matches!(bare, Err(Error::Empty { .. })));
}

#[test]
fn ends_in_the_wrong_order_are_refused() {
    let reversed = [
        Mark::Band { bounds: vec![[0.0, 2.0, 1.0], [1.0, 1.0, 2.0]] },
        Mark::Region {
            x: [Some(1.0), Some(0.0)],
            y: [Some(0.0), Some(1.0)],
            dash: minimascope_plot::Dash::Solid,
        },
        Mark::Points {
            points: vec![DataPoint { error: [None, Some(-1.0)], ..DataPoint::new(0.0, 0.0) }],
            marker: Marker::Circle,
        },
    ];
    for mark in reversed {
        let chart = Chart::new(axis(), axis()).with(Series::new(mark, Ink::Series(0)));
        let refused = one_panel(chart).to_svg(Theme::Auto);
        assert!(matches!(refused, Err(Error::Reversed { .. })), "{refused:?}");
    }
}

#[test]
fn a_figure_without_room_for_data_is_refused() {
    let mut figure = figure("batch-size");
    figure.width = 260.0;
    assert!(matches!(figure.to_svg(Theme::Auto), Err(Error::TooNarrow { .. })));
}

#[test]
fn a_single_point_is_a_figure() {
    let sample = Series::points(vec![DataPoint::new(3.0, 3.0)], Marker::Circle, Ink::Series(0));
    let log = Axis::log10(Text::plain("value"));
    for (x, y) in [(axis(), axis()), (log.clone(), log)] {
        assert!(one_panel(Chart::new(x, y).with(sample.clone())).to_svg(Theme::Auto).is_ok());
    }
}
