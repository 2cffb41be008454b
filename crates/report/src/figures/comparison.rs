//! Optimisers side by side: one bar each in every quantity.

use minimascope_plot::number::{plus_minus, reading};
use minimascope_plot::{Axis, BarChart, Body, Figure, Ink, LabelledBar, Panel, Text};

/// One quantity of one optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeedMean {
    /// The mean over seeds.
    pub mean: f64,
    /// The standard deviation over seeds, where there are several.
    pub deviation: Option<f64>,
}

/// One optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonRow {
    /// Name.
    pub label: String,
    /// One value for each quantity; `None` where it was not measured.
    pub values: Vec<Option<SeedMean>>,
}

/// Optimisers at one learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Identifier of the figure.
    pub identifier: String,
    /// Heading.
    pub title: String,
    /// Under the heading.
    pub subtitle: Text,
    /// Heading, and axis label with symbol and unit, of each quantity.
    pub quantities: Vec<(String, Text)>,
    /// The optimisers.
    pub rows: Vec<ComparisonRow>,
}

impl Comparison {
    /// The figure. A quantity without values is left out.
    pub fn figure(&self) -> Figure {
        let title = Text::plain(&self.title);
        let mut figure = Figure::new(&self.identifier, title, self.description());
        figure.subtitle = self.subtitle.clone();
        figure.columns = 2;
        let panels = self.quantities.iter().enumerate().filter_map(|(index, (name, label))| {
            let bars: Vec<LabelledBar> =
                self.rows.iter().filter_map(|row| row.bar(index)).collect();
            (!bars.is_empty()).then(|| Panel {
                title: Text::plain(name),
                body: Body::BarChart(BarChart {
                    axis: Axis::linear(label.clone()).tight(),
                    bars,
                    ink: Ink::Series(index % 4),
                }),
            })
        });
        figure.panels = panels.collect();
        figure
    }

    fn description(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let values =
                self.quantities.iter().zip(&row.values).filter_map(|((name, _), value)| {
                    Some(format!("{} {}", name.to_lowercase(), reading(value.as_ref()?.mean)))
                });
            format!("{}: {}.", row.label, values.collect::<Vec<_>>().join(", "))
        });
        format!("Bars side by side. {}", rows.collect::<Vec<_>>().join(" "))
    }
}

impl ComparisonRow {
    fn bar(&self, index: usize) -> Option<LabelledBar> {
        let value = self.values.get(index).copied().flatten()?;
        let deviation = value.deviation.filter(|half| *half > 0.0);
        let words = match deviation {
            Some(half) => plus_minus(value.mean, half),
            None => reading(value.mean),
        };
        Some(LabelledBar {
            name: Text::plain(&self.label),
            caption: Text::default(),
            value: value.mean,
            error: deviation.filter(|half| *half < value.mean),
            reading: Text::plain(words),
            thumbnail: None,
        })
    }
}
