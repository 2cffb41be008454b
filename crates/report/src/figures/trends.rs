//! Quantities of many runs against one of their settings or against each other.

use crate::{Axis, Chart, Figure, Ink, Layer, LegendPlace, Mark, Marker, Panel, Sample, Text};

/// Runs of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Kind; the same label has the same look in each panel.
    pub label: Text,
    /// One a run or a cell.
    pub samples: Vec<Sample>,
    /// Whether a line goes through them.
    pub joined: bool,
    /// What others printed for the same kind, drawn as rings.
    pub published: Vec<Sample>,
}

/// One quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPanel {
    /// Heading.
    pub title: Text,
    /// Quantity across.
    pub x: Axis,
    /// Quantity up.
    pub y: Axis,
    /// Limits and fits, drawn first.
    pub references: Vec<Layer>,
    /// The runs.
    pub series: Vec<Series>,
}

/// Panels that share their series.
#[derive(Clone, Debug, PartialEq)]
pub struct Trends {
    /// Of the figure.
    pub identifier: String,
    /// Heading.
    pub title: String,
    /// Under the heading.
    pub subtitle: Text,
    /// What is seen, in words.
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
        for series in self.panels.iter().flat_map(|panel| &panel.series) {
            if !labels.contains(&&series.label) {
                labels.push(&series.label);
            }
        }
        let title = Text::plain(&self.title);
        let mut figure = Figure::new(&self.identifier, title, self.description.clone());
        figure.subtitle = self.subtitle.clone();
        figure.columns = self.columns;
        figure.legend = LegendPlace::Figure;
        figure.panels = self.panels.iter().map(|panel| panel.panel(&labels)).collect();
        figure.notes = self.notes.clone();
        let mut published = self.panels.iter().flat_map(|panel| &panel.series);
        if published.any(|series| !series.published.is_empty()) {
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
        chart.layers.extend(self.references.iter().cloned());
        for series in &self.series {
            let index = labels.iter().position(|label| **label == series.label).unwrap_or(0);
            let (marker, ink) = (Marker::of(index), Ink::Series(index));
            if !series.published.is_empty() {
                let rings = series.published.clone();
                chart.layers.push(Layer::points(rings, Marker::Ring, ink));
            }
            if series.joined && series.samples.len() > 1 {
                let points = series.samples.iter().map(|sample| sample.at).collect();
                chart.layers.push(Layer::line(points, ink).named(series.label.clone()));
            }
            let points = Layer::new(Mark::Points { samples: series.samples.clone(), marker }, ink);
            chart.layers.push(points.named(series.label.clone()));
        }
        Panel::chart(self.title.clone(), chart)
    }
}
