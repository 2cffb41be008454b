//! The examples that carry the top direction of Σ, with their pictures.

use minimascope_plot::number::reading;
use minimascope_plot::{
    Axis, BarChart, Body, Chart, Figure, Image, Ink, LabelledBar, Marker, Panel, Series, Text,
};

use super::percentage;

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributedExample {
    /// Index in the training set.
    pub index: usize,
    /// Label, and whether it was corrupted.
    pub label: String,
    /// Its share of vᵀΣv, v the top direction; shares of all examples sum to one.
    pub share: f64,
    /// Its picture.
    pub image: Option<Image>,
}

/// The examples and what leaving them out does.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributionFigure {
    /// Heading.
    pub title: String,
    /// Under the heading: data, network, minimum.
    pub subtitle: String,
    /// Largest share first.
    pub examples: Vec<AttributedExample>,
    /// Number of examples in the training set.
    pub population: usize,
    /// B of `left_out`.
    pub batch_size: usize,
    /// The Gauss–Newton rank at which η* is computed.
    pub rank: usize,
    /// `[number of top examples left out, η*]`; may be empty.
    pub left_out: Vec<[f64; 2]>,
}

impl AttributionFigure {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let mut figure = Figure::new("attribution", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.panels.push(self.bars_panel());
        if !self.left_out.is_empty() {
            figure.columns = 2;
            figure.panels.push(self.left_out_panel());
        }
        figure
    }

    fn bars_panel(&self) -> Panel {
        let bar = |example: &AttributedExample| LabelledBar {
            name: Text::plain(&example.label),
            caption: Text::plain(format!("example {}", example.index)),
            value: 100.0 * example.share,
            error: None,
            reading: Text::plain(format!("{} %", percentage(example.share))),
            thumbnail: example.image.clone(),
        };
        let label = Text::markup("share of *s*^{2} in the top direction of Σ (%)");
        let bars = BarChart {
            axis: Axis::linear(label).tight(),
            bars: self.examples.iter().map(bar).collect(),
            ink: Ink::Series(0),
        };
        Panel { title: Text::plain("Examples with the largest share"), body: Body::BarChart(bars) }
    }

    fn left_out_panel(&self) -> Panel {
        let y = Axis::linear(
            Text::markup(&format!("critical learning rate at *B* = {}, *η*", self.batch_size))
                .then(Text::plain("*")),
        );
        let x = Axis::count(Text::plain("examples left out, largest share first"));
        let mut chart = Chart::new(x, y);
        chart =
            chart.with(Series::line(self.left_out.clone(), Ink::Series(1)).marked(Marker::Square));
        let title = format!("Without them, at rank {}", self.rank);
        Panel::chart(Text::plain(title), chart)
    }

    fn description(&self) -> String {
        let total: f64 = self.examples.iter().map(|example| example.share).sum();
        let mut text = format!(
            "{} of {} examples carry {} % of s squared in the top direction of Σ.",
            self.examples.len(),
            self.population,
            percentage(total)
        );
        if let Some(first) = self.examples.first() {
            text += &format!(
                " The largest share, {} %, is example {} ({}).",
                percentage(first.share),
                first.index,
                first.label
            );
        }
        if let (Some(before), Some(after)) = (self.left_out.first(), self.left_out.last()) {
            text += &format!(
                " Leaving {} out takes the critical learning rate from {} to {}.",
                reading(after[0]),
                reading(before[1]),
                reading(after[1])
            );
        }
        text
    }
}
