//! Every figure, read back from its SVG: marks, labels, places of text, refusals, sameness.

#[path = "../../examples/gallery/sample.rs"]
pub(crate) mod sample;

pub(crate) mod parsed_svg;
mod refusals;

use minimascope_plot::{Body, Figure, Text, Theme};
use minimascope_record::stability::BoundaryRow;
use minimascope_record::threshold::{CriterionName, Evidence, Threshold};

use self::parsed_svg::ParsedSvg;

fn page(figure: &Figure) -> ParsedSvg {
    ParsedSvg::read(&figure.to_svg(Theme::Auto).unwrap())
}

/// The figure of the gallery whose identifier begins so.
fn figure(start: &str) -> Figure {
    let mut figures = sample::figures().into_iter();
    figures.find(|figure| figure.identifier.starts_with(start)).unwrap()
}

/// The gallery, and the same figures narrower and with names longer than anyone should give.
fn stressed() -> Vec<Figure> {
    let plain = sample::figures();
    let mut figures = plain.clone();
    for mut figure in plain.clone() {
        figure.width *= 0.8;
        figures.push(figure);
    }
    for mut figure in plain {
        let long = " <and> a \"remark\" & more that goes on for longer than the page is wide, \
                    with_a_word_that_has_no_space_in_it_and_would_not_fit_into_a_panel_by_itself";
        for text in [&mut figure.title, &mut figure.subtitle] {
            *text = text.clone().then(Text::plain(long));
        }
        for panel in &mut figure.panels {
            panel.title = panel.title.clone().then(Text::plain(long));
            if let Body::Chart(chart) = &mut panel.body {
                chart.x.label = chart.x.label.clone().then(Text::plain(long));
                for series in &mut chart.series {
                    if let Some(label) = &mut series.label {
                        *label = label.clone().then(Text::plain(" <&> \"long\" name of a series"));
                    }
                }
            }
        }
        figures.push(figure);
    }
    figures
}

#[test]
fn every_text_lies_on_the_page() {
    for figure in stressed() {
        let page = page(&figure);
        for text in &page.texts {
            let [left, top, right, bottom] = text.bounds;
            assert!(
                left >= 0.0 && top >= 0.0 && right <= page.width && bottom <= page.height,
                "{} at width {}: {text:?}",
                figure.identifier,
                figure.width
            );
        }
    }
}

#[test]
fn no_two_texts_overlap() {
    for figure in stressed() {
        let page = page(&figure);
        for (index, one) in page.texts.iter().enumerate() {
            for other in &page.texts[..index] {
                assert!(
                    !one.overlaps(other),
                    "{} at width {}: {one:?} {other:?}",
                    figure.identifier,
                    figure.width
                );
            }
        }
    }
}

#[test]
fn every_figure_has_its_marks() {
    let run = sample::one_run();
    let grid = run.grid.as_ref().unwrap();
    let report = run.stability.iter().find(|report| !report.boundary.is_empty()).unwrap();
    // Marks in panels: points of every series, markers on measured lines, bars.
    let expected = [
        // Eight marks on each long line: two accuracies, a and s.
        ("training", 4 * 8),
        // The (B, η) that reached the minimum has one too.
        ("boundary", thresholds(&report.boundary) + 1),
        ("spectral-density", 0),
        // The stored answer is of an earlier version, which has shares alone.
        ("attribution", 10),
    ];
    for figure in sample::figures() {
        let page = page(&figure);
        let wanted = expected.iter().find(|(name, _)| figure.identifier.starts_with(name));
        if let Some((name, marks)) = wanted.filter(|(_, marks)| *marks > 0) {
            assert_eq!(page.marks, *marks, "{name}");
        }
        if figure.identifier.starts_with("plane") {
            assert!(page.marks >= grid.cells.len(), "{}", page.marks);
        }
        assert!(page.marks + page.paths > 0, "{}", figure.identifier);
        assert_eq!(page.panels, figure.panels.len(), "{}", figure.identifier);
    }
}

/// The thresholds on the axes: a simulated one has a mark with its error besides, and that of the worst
/// example has none above the largest of the others.
fn thresholds(rows: &[BoundaryRow]) -> usize {
    let all = || rows.iter().flat_map(|row| &row.thresholds);
    let drawn = |name: &CriterionName| {
        *name != CriterionName::WORST_EXAMPLE && *name != CriterionName::WORST_BATCH
    };
    let largest = all().filter(|at| drawn(&at.criterion)).map(|at| at.learning_rate);
    let largest = largest.fold(0.0, f64::max);
    let marks = |at: &Threshold| {
        if drawn(&at.criterion) {
            1 + usize::from(matches!(at.evidence, Evidence::Simulation { .. }))
        } else {
            let shown = at.criterion == CriterionName::WORST_EXAMPLE;
            usize::from(shown && at.learning_rate <= largest)
        }
    };
    all().map(marks).sum()
}

#[test]
fn every_label_is_on_the_page() {
    for figure in sample::figures() {
        let page = page(&figure);
        // Wrapping may part a label at its spaces, never in a word.
        let written: String = page.texts.iter().map(|text| text.content.replace(' ', "")).collect();
        let has = |label: &Text| written.contains(&label.bare().replace(' ', ""));
        assert!(has(&figure.title) && has(&figure.subtitle), "{}", figure.identifier);
        for panel in &figure.panels {
            assert!(has(&panel.title), "{}: {}", figure.identifier, panel.title.bare());
            if let Body::Chart(chart) = &panel.body {
                for label in [&chart.x.label, &chart.y.label] {
                    assert!(has(label), "{}: {}", figure.identifier, label.bare());
                }
                for label in chart.series.iter().filter_map(|series| series.label.as_ref()) {
                    assert!(has(label), "{}: {}", figure.identifier, label.bare());
                }
            }
        }
        assert!(figure.notes.iter().all(has), "{}", figure.identifier);
    }
}

#[test]
fn thumbnails_are_inside_the_document() {
    let page = page(&figure("attribution"));
    assert_eq!(page.images.len(), 10);
    assert!(page.images.iter().all(|source| source.starts_with("data:image/png;base64,")));
}

#[test]
fn figures_stand_alone_and_are_named() {
    let mut identifiers = Vec::new();
    for figure in sample::figures() {
        let svg = figure.to_svg(Theme::Auto).unwrap();
        let page = ParsedSvg::read(&svg);
        assert_eq!(page.name.as_deref(), Some(figure.title.bare().as_str()));
        assert_eq!(page.description.as_deref(), Some(figure.description.as_str()));
        assert!(figure.description.len() > 60, "{}", figure.description);
        let outside = svg.replace("http://www.w3.org/2000/svg", "");
        assert!(!outside.contains("http") && !outside.contains("url("), "{}", figure.identifier);
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{}", figure.identifier);
        identifiers.extend(page.identifiers);
    }
    let count = identifiers.len();
    identifiers.sort();
    identifiers.dedup();
    assert_eq!(identifiers.len(), count, "two figures of a page share an identifier");
}

#[test]
fn the_same_data_give_the_same_bytes() {
    for (one, other) in sample::figures().iter().zip(&sample::figures()) {
        assert_eq!(one.to_svg(Theme::Auto).unwrap(), other.to_svg(Theme::Auto).unwrap());
    }
}

#[test]
fn a_long_trace_costs_no_more_than_the_page_shows() {
    let mut curves = crate::views::training_curves(&sample::one_run()).unwrap();
    let recorded = curves.loss.clone();
    curves.loss =
        (0..=31_000).map(|t| [f64::from(t), recorded[t as usize % recorded.len()][1]]).collect();
    let length = |curves: &super::training_curves::TrainingCurves| {
        curves.figure().to_svg(Theme::Auto).unwrap().len()
    };
    let whole = length(&curves);
    assert!(whole < 100_000, "{whole} bytes");
    // The first and last value are still there.
    curves.loss.truncate(30_000);
    assert_ne!(whole, length(&curves));
}
