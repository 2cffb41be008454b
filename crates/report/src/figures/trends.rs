//! Quantities of many runs against one of their settings or against each other.

use minimascope_plot::{
    Axis, Chart, DataPoint, Figure, Ink, LegendPlace, Mark, Marker, Panel, Series, Text,
};

use super::may_join;

/// The runs of one kind in one panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// The kind. The same label has the same marker and colour in every panel.
    pub label: Text,
    /// One for each run or cell.
    pub points: Vec<DataPoint>,
    /// Whether a line joins the points, if there are more than two.
    pub joined: bool,
    /// Published values of the same kind, drawn as rings.
    pub published: Vec<DataPoint>,
}

/// One quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPanel {
    /// Heading.
    pub title: Text,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Limits and fits, drawn first.
    pub references: Vec<Series>,
    /// The runs.
    pub trends: Vec<Trend>,
}

/// Panels that show the same kinds of run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trends {
    /// Identifier of the figure.
    pub identifier: String,
    /// Heading.
    pub title: String,
    /// Under the heading.
    pub subtitle: Text,
    /// What the figure shows, for readers who do not see it.
    pub description: String,
    /// Panels in a row.
    pub columns: usize,
    /// The panels.
    pub panels: Vec<TrendPanel>,
    /// Remarks below.
    pub notes: Vec<Text>,
}

impl Trends {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let mut labels: Vec<&Text> = Vec::new();
        for trend in self.panels.iter().flat_map(|panel| &panel.trends) {
            if !labels.contains(&&trend.label) {
                labels.push(&trend.label);
            }
        }
        let title = Text::plain(&self.title);
        let mut figure = Figure::new(&self.identifier, title, self.description.clone());
        figure.subtitle = self.subtitle.clone();
        figure.columns = self.columns;
        figure.legend = LegendPlace::Figure;
        figure.panels = self.panels.iter().map(|panel| panel.panel(&labels)).collect();
        figure.notes = self.notes.clone();
        let mut published = self.panels.iter().flat_map(|panel| &panel.trends);
        if published.any(|trend| !trend.published.is_empty()) {
            figure.notes.push(Text::plain(
                "Rings: published means, with the standard deviation over runs where it is known.",
            ));
        }
        figure
    }
}

impl TrendPanel {
    fn panel(&self, labels: &[&Text]) -> Panel {
        let mut chart = Chart::new(self.x.clone(), self.y.clone());
        chart.height = 250.0;
        chart.series.extend(self.references.iter().cloned());
        for trend in &self.trends {
            let index = labels.iter().position(|label| **label == trend.label).unwrap_or(0);
            let (marker, ink) = (Marker::of(index), Ink::Series(index));
            if !trend.published.is_empty() {
                let rings = trend.published.clone();
                chart.series.push(Series::points(rings, Marker::Ring, ink));
            }
            if trend.joined && may_join(trend.points.len()) {
                let points = trend.points.iter().map(|point| point.at).collect();
                chart.series.push(Series::line(points, ink).named(trend.label.clone()));
            }
            let points = Series::new(Mark::Points { points: trend.points.clone(), marker }, ink);
            chart.series.push(points.named(trend.label.clone()));
        }
        Panel::chart(self.title.clone(), chart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_joins_more_than_two_marks() {
        for (marks, lines) in [(1, 0), (2, 0), (3, 1), (200, 1)] {
            let trend = Trend {
                label: Text::plain("η = 0.1"),
                points: (1..=marks).map(|at| DataPoint::new(f64::from(at), 1.0)).collect(),
                joined: true,
                published: Vec::new(),
            };
            let axis = || Axis::log10(Text::plain("value"));
            let panel = TrendPanel {
                title: Text::default(),
                x: axis(),
                y: axis(),
                references: Vec::new(),
                trends: vec![trend],
            };
            let minimascope_plot::Body::Chart(chart) = panel.panel(&[]).body else {
                panic!("a panel holds a chart");
            };
            let joined =
                chart.series.iter().filter(|series| matches!(series.mark, Mark::Line { .. }));
            assert_eq!(joined.count(), lines, "{marks} marks");
        }
    }
}
