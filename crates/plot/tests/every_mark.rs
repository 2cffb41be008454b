//! One figure with every mark, bars and images: it is well-formed XML, the same each time, and refuses
//! values that have no position.

use minimascope_plot::{
    Axis, BarChart, Body, Chart, DataPoint, Error, Figure, Image, Ink, LabelledBar, LegendPlace,
    Mark, Marker, Panel, Series, Sheet, Text, Theme, Tile, number,
};

fn image() -> Image {
    Image::new(2, 1, 1, vec![0, 255]).unwrap()
}

fn chart() -> Chart {
    let error = DataPoint { error: [None, Some(0.5)], ..DataPoint::new(2.0, 3.0) };
    let marks = [
        Mark::Band { bounds: vec![[1.0, 1.0, 2.0], [3.0, 2.0, 4.0]] },
        Mark::Region {
            x: [None, Some(2.0)],
            y: [None, Some(2.0)],
            dash: minimascope_plot::Dash::Solid,
        },
        Mark::Rug { values: vec![1.0, 2.0] },
        Mark::Beside { y: 3.0 },
    ];
    let mut chart =
        Chart::new(Axis::linear(Text::markup("*x*")), Axis::log10(Text::plain("y < 5 & up")))
            .with(
                Series::line(vec![[1.0, 1.0], [3.0, 4.0]], Ink::Series(0))
                    .named(Text::plain("line")),
            )
            .with(
                Series::points(vec![error], Marker::Circle, Ink::Series(1))
                    .named(Text::plain("points")),
            )
            .with(Series::horizontal(2.0).named(Text::plain("level")))
            .with(Series::vertical(2.0).named(Text::plain("position")));
    chart.series.extend(marks.map(|mark| Series::new(mark, Ink::Strong)));
    chart
}

fn figure() -> Figure {
    let bar = LabelledBar {
        name: Text::plain("GD"),
        caption: Text::default(),
        value: 3.0,
        error: Some(0.5),
        reading: Text::plain(number::plus_minus(3.0, 0.5)),
        thumbnail: Some(image()),
    };
    let axis = Axis::linear(Text::plain("sharpness"));
    let tile = Tile { image: image(), label: Text::plain("shirt"), marked: true };
    let mut figure = Figure::new("every-mark", Text::plain("Every mark"), "One of each.");
    figure.columns = 2;
    figure.legend = LegendPlace::Figure;
    figure.panels = vec![
        Panel::chart(Text::plain("Chart"), chart()),
        Panel {
            title: Text::plain("Bars"),
            body: Body::BarChart(BarChart { axis, bars: vec![bar], ink: Ink::Series(2) }),
        },
        Panel {
            title: Text::plain("Images"),
            body: Body::Sheet(Sheet { tiles: vec![tile], columns: 4 }),
        },
    ];
    figure
}

#[test]
fn a_figure_is_one_well_formed_document() {
    let svg = figure().to_svg(Theme::Auto).unwrap();
    assert_eq!(svg, figure().to_svg(Theme::Auto).unwrap());
    let document = roxmltree::Document::parse(&svg).unwrap();
    let count = |class: &str| {
        let has = |node: &roxmltree::Node<'_, '_>| {
            node.attribute("class").is_some_and(|all| all.split(' ').any(|one| one == class))
        };
        document.descendants().filter(has).count()
    };
    assert_eq!(count("mm-panel"), 3);
    // Eight series of the chart, one bar, one sheet.
    assert_eq!(count("mm-series"), 10);
    let images = document.descendants().filter(|node| node.tag_name().name() == "image");
    assert_eq!(images.count(), 2);
}

#[test]
fn a_value_without_a_position_is_refused_with_its_panel() {
    for value in [f64::NAN, f64::INFINITY, 0.0] {
        let mut figure = figure();
        let Body::Chart(chart) = &mut figure.panels[0].body else { unreachable!() };
        chart.series.push(Series::horizontal(value).named(Text::plain("limit")));
        let refused = figure.to_svg(Theme::Auto).unwrap_err();
        assert!(matches!(refused, Error::NotFinite { .. } | Error::NotPositive { .. }));
        let message = refused.to_string();
        assert!(message.contains("`every-mark`") && message.contains("limit in panel `Chart`"));
    }
}

#[test]
fn a_figure_without_panels_is_refused() {
    let empty = Figure::new("empty", Text::default(), "");
    assert!(matches!(empty.to_svg(Theme::Light), Err(Error::Empty { .. })));
}
