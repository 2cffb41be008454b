//! The examples that carry a minimum's critical learning rate or its non-uniformity, with their
//! pictures, and what leaving them out does.

use minimascope_plot::number::reading;
use minimascope_plot::{
    Axis, BarChart, Body, Chart, DataPoint, Figure, Image, Ink, LabelledBar, Marker, Panel, Series,
    Text,
};

use super::{may_join, percentage};

/// What is attributed to examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributed {
    /// η* at this B, in this rank.
    CriticalLearningRate {
        /// B.
        batch_size: usize,
        /// The Gauss–Newton rank at which η* is computed.
        rank: usize,
    },
    /// s.
    NonUniformity,
}

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributedExample {
    /// Index in the training set.
    pub index: usize,
    /// Label, and whether it was corrupted.
    pub label: String,
    /// Its share; those of all examples sum to one.
    pub share: f64,
    /// Its picture.
    pub image: Option<Image>,
}

/// What is left when so many examples are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// How many: the leaders of the entries before.
    pub left_out: usize,
    /// η* or s; `None` where no learning rate leaves.
    pub value: Option<f64>,
    /// The example of the largest share in it, which is the next to be left out.
    pub leader: Option<AttributedExample>,
}

/// The examples and what leaving them out does.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributionFigure {
    /// What is attributed.
    pub of: Attributed,
    /// Under the heading: data, network, minimum.
    pub subtitle: String,
    /// With nothing left out; largest share first.
    pub examples: Vec<AttributedExample>,
    /// Number of examples in the training set.
    pub population: usize,
    /// With 0, 1, 2, … examples left out; empty in answers of earlier versions.
    pub rest: Vec<Rest>,
}

impl AttributionFigure {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let (identifier, title) = match self.of {
            Attributed::CriticalLearningRate { .. } => {
                ("attribution", "Which examples make SGD leave")
            }
            Attributed::NonUniformity => {
                ("attribution-non-uniformity", "Which examples carry the non-uniformity")
            }
        };
        let mut figure = Figure::new(identifier, Text::plain(title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.panels.push(self.bars_panel());
        if self.rest.len() > 1 {
            figure.columns = 2;
            figure.panels.push(self.rest_panel());
        }
        figure
    }

    /// The examples in the order in which they are left out, or those of the largest share.
    fn order(&self) -> (Vec<&AttributedExample>, &'static str) {
        if self.rest.is_empty() {
            (self.examples.iter().collect(), "Examples with the largest share")
        } else {
            let leaders = self.rest.iter().filter_map(|rest| rest.leader.as_ref());
            (leaders.collect(), "Largest share when those above it are left out")
        }
    }

    fn bars_panel(&self) -> Panel {
        let bar = |example: &&AttributedExample| LabelledBar {
            name: Text::plain(&example.label),
            caption: Text::plain(format!("example {}", example.index)),
            value: 100.0 * example.share,
            error: None,
            reading: Text::plain(format!("{} %", percentage(example.share))),
            thumbnail: example.image.clone(),
        };
        let label = match self.of {
            Attributed::CriticalLearningRate { .. } => "share in *η*^{∗} (%)",
            Attributed::NonUniformity => "share of *s*^{2} in the top direction of Σ (%)",
        };
        let (examples, title) = self.order();
        let bars = BarChart {
            axis: Axis::linear(Text::markup(label)).tight(),
            bars: examples.iter().map(bar).collect(),
            ink: Ink::Series(0),
        };
        Panel { title: Text::plain(title), body: Body::BarChart(bars) }
    }

    fn rest_panel(&self) -> Panel {
        let (label, title) = match self.of {
            Attributed::CriticalLearningRate { batch_size, rank } => (
                format!("critical learning rate *η*^{{∗}} at *B* = {batch_size}"),
                format!("Without them, at rank {rank}"),
            ),
            Attributed::NonUniformity => {
                ("non-uniformity *s*".to_owned(), "Without them".to_owned())
            }
        };
        let x = Axis::count(Text::plain("examples left out"));
        let mut y = Axis::linear(Text::markup(&label));
        y.include.push(0.0);
        let known = self.rest.iter().filter_map(|rest| Some([rest.left_out as f64, rest.value?]));
        let known: Vec<[f64; 2]> = known.collect();
        let series = if may_join(known.len()) {
            Series::line(known, Ink::Series(1)).marked(Marker::Square)
        } else {
            let points = known.into_iter().map(|[x, y]| DataPoint::new(x, y)).collect();
            Series::points(points, Marker::Square, Ink::Series(1))
        };
        Panel::chart(Text::plain(title), Chart::new(x, y).with(series))
    }

    fn description(&self) -> String {
        let total: f64 = self.examples.iter().map(|example| example.share).sum();
        let quantity = match self.of {
            Attributed::CriticalLearningRate { .. } => "the critical learning rate",
            Attributed::NonUniformity => "s squared in the top direction of Σ",
        };
        let mut text = format!(
            "The {} of {} examples with the largest shares in {quantity} carry {} % of it.",
            self.examples.len(),
            self.population,
            percentage(total)
        );
        let finding = self.finding(["η*", "s"]);
        if !finding.is_empty() {
            text += " ";
            text += &finding;
        }
        text
    }

    /// Who has the largest share, and who takes over when it goes, in sentences; the names of η* and of s
    /// are given, since plain text and labels write them differently. Empty without shares.
    pub fn finding(&self, [rate, non_uniformity]: [&str; 2]) -> String {
        let (name, share_of) = match self.of {
            Attributed::CriticalLearningRate { batch_size, .. } => {
                (rate, format!("in {rate} at B = {batch_size}"))
            }
            Attributed::NonUniformity => (non_uniformity, "of the non-uniformity".to_owned()),
        };
        let first = self.rest.first().and_then(|rest| rest.leader.as_ref());
        let Some(first) = first.or(self.examples.first()) else { return String::new() };
        let mut text = format!(
            "Example {} has the largest share {share_of}, {} %.",
            first.index,
            percentage(first.share)
        );
        let [all, rests @ ..] = &self.rest[..] else { return text };
        let before = all.value.map_or(String::new(), |at| format!(" instead of {}", reading(at)));
        let value = |rest: &Rest| match rest.value {
            Some(value) => format!("{name} is {}", reading(value)),
            None => "no curvature is left and every learning rate stays".to_owned(),
        };
        if let Some(rest) = rests.first() {
            let before = if rest.value.is_some() { before.as_str() } else { "" };
            text += &format!(" Without it {}{before}", value(rest));
            text += &match &rest.leader {
                Some(next) => format!(
                    ", and example {} takes over with a share of {} %.",
                    next.index,
                    percentage(next.share)
                ),
                None => ".".to_owned(),
            };
        }
        if let [_, .., last] = rests {
            text += &format!(
                " Without {}, each time the one of the largest share, {}",
                last.left_out,
                value(last)
            );
            text += &match &last.leader {
                Some(next) => format!(
                    ", and the largest share is {} %, of example {}.",
                    percentage(next.share),
                    next.index
                ),
                None => ".".to_owned(),
            };
        }
        text
    }
}
