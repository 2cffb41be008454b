//! Every figure, read back from its SVG: marks, labels, places of text, refusals, sameness.

#[path = "../../examples/gallery/sample/mod.rs"]
pub(crate) mod sample;

pub(crate) mod parsed_svg;
mod refusals;

use minimascope_plot::{Body, Figure, Text, Theme};

use self::parsed_svg::ParsedSvg;

fn page(figure: &Figure) -> ParsedSvg {
    ParsedSvg::read(&figure.to_svg(Theme::Auto).unwrap())
}

/// The gallery, and the same figures narrower and with names longer than anyone should give.
fn stressed() -> Vec<Figure> {
    let mut figures = sample::figures();
    for mut figure in sample::figures() {
        figure.width *= 0.8;
        figures.push(figure);
    }
    for mut figure in sample::figures() {
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
    // Marks in panels: points of every series, markers on measured lines, bars.
    let expected = [
        ("diagram", 2 * 4 * 15),
        ("training", 21 + 21 + 2 * 8),
        ("boundary", 2 * (8 * 11 + 11 + 1) - WORST_ABOVE_THE_AXIS),
        ("spectral-density", 0),
        ("escape", ESCAPE),
        ("agreement", 2 * (42 + 11 + 2)),
        ("attribution", 10 + 5),
    ];
    for figure in sample::figures() {
        let page = page(&figure);
        let wanted = expected.iter().find(|(name, _)| *name == figure.identifier);
        if let Some((name, marks)) = wanted.filter(|(_, marks)| *marks > 0) {
            assert_eq!(page.marks, *marks, "{name}");
        }
        assert!(page.marks + page.paths > 0, "{}", figure.identifier);
        assert_eq!(page.panels, figure.panels.len(), "{}", figure.identifier);
    }
}

/// Points of the worst example's edge, 2B/420, above the other criteria's largest value: B = 32
/// to 1000 in each of two panels.
const WORST_ABOVE_THE_AXIS: usize = 2 * 6;

/// Two runs: eight marks on the lines of the two loss and two accuracy panels, one on each of the 30
/// measurements of a and of s.
const ESCAPE: usize = 2 * (4 * 8 + 2 * 30);

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
    let page = page(&sample::attribution().figure());
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
    let mut curves = sample::training_curves();
    assert!(curves.loss.len() > 30_000);
    let length = |curves: &super::training_curves::TrainingCurves| {
        curves.figure().to_svg(Theme::Auto).unwrap().len()
    };
    let whole = length(&curves);
    assert!(whole < 100_000, "{whole} bytes");
    // The first and last value are still there.
    curves.loss.truncate(30_000);
    assert_ne!(whole, length(&curves));
}
