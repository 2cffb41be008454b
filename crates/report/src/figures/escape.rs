//! Runs of another optimiser, launched from a minimum.

use minimascope_plot::number::reading;
use minimascope_plot::{
    Axis, Body, Chart, Dash, Figure, Ink, LegendPlace, Marker, Panel, Series, Text,
};

use super::training_curves::{IterationCurve, LOSS_FLOOR, iterations, measured, percent};

/// The minimum from which every run starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EscapeStart {
    /// Training loss.
    pub loss: f64,
    /// Fraction.
    pub train_accuracy: f64,
    /// Fraction.
    pub test_accuracy: f64,
    /// a.
    pub sharpness: f64,
    /// s.
    pub non_uniformity: f64,
}

/// Exponential growth of the loss over a stretch of iterations: value · factor^(t − first).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthLine {
    /// First iteration.
    pub first: f64,
    /// Last iteration.
    pub last: f64,
    /// Loss at the first.
    pub value: f64,
    /// Factor an iteration.
    pub factor: f64,
}

/// One continued run.
#[derive(Clone, Debug, PartialEq)]
pub struct EscapeRun {
    /// Optimiser, η, B, seed.
    pub label: String,
    /// 2/η of this run.
    pub sharpness_limit: f64,
    /// Iteration at which it left, by the criterion that the record states.
    pub left_at: Option<f64>,
    /// Training loss.
    pub loss: IterationCurve,
    /// Fractions.
    pub train_accuracy: IterationCurve,
    /// Fractions.
    pub test_accuracy: IterationCurve,
    /// a.
    pub sharpness: IterationCurve,
    /// s.
    pub non_uniformity: IterationCurve,
    /// Growth of the loss, fitted while the run leaves.
    pub fitted: Option<GrowthLine>,
    /// Growth of the loss that the linearised dynamics predict.
    pub predicted: Option<GrowthLine>,
}

/// Runs from one minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct EscapeFigure {
    /// Heading.
    pub title: String,
    /// Under the heading: data, network, how the start was reached.
    pub subtitle: String,
    /// The loss with its normalisation.
    pub loss_name: String,
    /// The start.
    pub start: EscapeStart,
    /// Length of the departure, in iterations: the first panel shows it enlarged.
    pub departure: f64,
    /// The runs.
    pub runs: Vec<EscapeRun>,
}

type Select = fn(&EscapeRun) -> &IterationCurve;

impl EscapeFigure {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let mut figure = Figure::new("escape", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.columns = 2;
        figure.legend = LegendPlace::Figure;
        let start = &self.start;
        figure.panels = vec![
            self.departure_panel(),
            self.loss_panel(),
            self.curvature_panel(
                ["Sharpness", "sharpness *a*"],
                start.sharpness,
                self.limits(),
                |run| &run.sharpness,
            ),
            self.curvature_panel(
                ["Non-uniformity", "non-uniformity *s*"],
                start.non_uniformity,
                Vec::new(),
                |run| &run.non_uniformity,
            ),
            self.accuracy_panel("Training accuracy", start.train_accuracy, |run| {
                &run.train_accuracy
            }),
            self.accuracy_panel("Test accuracy", start.test_accuracy, |run| &run.test_accuracy),
        ];
        figure.panels.retain(|panel| self.drawn(panel));
        figure.notes = self.runs.iter().filter_map(EscapeRun::growth_note).collect();
        figure
    }

    /// Whether a panel holds more than the level of the start.
    fn drawn(&self, panel: &Panel) -> bool {
        match &panel.body {
            Body::Chart(chart) => chart.series.iter().any(|series| !series.values()[0].is_empty()),
            Body::BarChart(_) | Body::Sheet(_) => true,
        }
    }

    /// A chart with the start's level and one series a run.
    fn chart(&self, y: Axis, start: f64, select: impl Fn(&EscapeRun) -> IterationCurve) -> Chart {
        let start = Series::horizontal(start).named(Text::plain("start"));
        let mut chart = Chart::new(iterations(), y).with(start);
        for (index, run) in self.runs.iter().enumerate() {
            let (marker, ink) = (Marker::of(index), Ink::Series(index));
            chart.series.extend(measured(select(run), &run.label, marker, ink));
        }
        chart
    }

    fn loss_axis(&self) -> Axis {
        Axis::log10_above(LOSS_FLOOR, Text::plain(format!("training loss ({})", self.loss_name)))
    }

    fn departure_panel(&self) -> Panel {
        let mut chart = self.chart(self.loss_axis(), self.start.loss, |run| {
            let early = run.loss.iter().filter(|point| point[0] <= self.departure);
            early.copied().collect()
        });
        for run in &self.runs {
            let growths = [
                ("fitted growth", Dash::Dashed, run.fitted),
                ("predicted growth", Dash::Dotted, run.predicted),
            ];
            for (name, dash, growth) in growths {
                if let Some(growth) = growth {
                    let line = Series::line(growth.ends(), Ink::Strong).dashed(dash).cut();
                    chart.series.push(line.named(Text::plain(name)));
                }
            }
        }
        for (index, run) in self.runs.iter().enumerate() {
            if let Some(iteration) = run.left_at.filter(|at| *at <= self.departure) {
                let label = Text::plain(format!("left at {}", reading(iteration)));
                let line = Series::vertical(iteration).named(label).inked(Ink::Series(index));
                chart.series.push(line.dashed(Dash::Dotted));
            }
        }
        Panel::chart(Text::plain("Departure"), chart)
    }

    fn loss_panel(&self) -> Panel {
        let chart = self.chart(self.loss_axis(), self.start.loss, |run| run.loss.clone());
        Panel::chart(Text::plain("Whole run"), chart)
    }

    fn curvature_panel(
        &self,
        [title, label]: [&str; 2],
        start: f64,
        limits: Vec<Series>,
        select: Select,
    ) -> Panel {
        let axis = Axis::linear(Text::markup(label)).including(&[0.0]);
        let mut chart = self.chart(axis, start, |run| select(run).clone());
        // Drawn behind the other series, as the level of the start is.
        chart.series.splice(1..1, limits);
        Panel::chart(Text::plain(title), chart)
    }

    /// 2/η, once for each different η.
    fn limits(&self) -> Vec<Series> {
        let mut limits: Vec<f64> = self.runs.iter().map(|run| run.sharpness_limit).collect();
        limits.sort_by(f64::total_cmp);
        limits.dedup();
        let limit = |value: f64| {
            let label = Text::markup(&format!("2/*η* = {}", reading(value)));
            Series::horizontal(value).named(label).dashed(Dash::Dotted)
        };
        limits.into_iter().map(limit).collect()
    }

    fn accuracy_panel(&self, title: &str, start: f64, select: Select) -> Panel {
        let axis = Axis::linear(Text::plain(format!("{} (%)", title.to_lowercase())));
        let chart = self.chart(axis, 100.0 * start, |run| percent(select(run)));
        Panel::chart(Text::plain(title), chart)
    }

    fn description(&self) -> String {
        let runs = self.runs.iter().map(|run| {
            let fate = run.left_at.map_or("stays".to_owned(), |iteration| {
                format!("leaves at iteration {}", reading(iteration))
            });
            let settled = |name: &str, trace: &IterationCurve, scale: f64| {
                trace
                    .last()
                    .map(|[_, value]| format!(", {name} {}", reading(scale * value)))
                    .unwrap_or_default()
            };
            format!(
                "{} {fate} and ends at{}{}{}.",
                run.label,
                settled("sharpness", &run.sharpness, 1.0).replacen(',', "", 1),
                settled("non-uniformity", &run.non_uniformity, 1.0),
                settled("test accuracy in percent", &run.test_accuracy, 100.0)
            )
        });
        format!(
            "Runs from a minimum of sharpness {}, non-uniformity {} and test accuracy {} %. {}",
            reading(self.start.sharpness),
            reading(self.start.non_uniformity),
            reading(100.0 * self.start.test_accuracy),
            runs.collect::<Vec<_>>().join(" ")
        )
    }
}

impl EscapeRun {
    fn growth_note(&self) -> Option<Text> {
        let fitted = self.fitted?;
        let predicted = self.predicted.map_or(String::new(), |growth| {
            format!(", predicted by the linearised dynamics ×{}", reading(growth.factor))
        });
        Some(Text::plain(format!(
            "{}: the loss grows ×{} an iteration from iteration {} to {}{predicted}.",
            self.label,
            reading(fitted.factor),
            reading(fitted.first),
            reading(fitted.last)
        )))
    }
}

impl GrowthLine {
    /// The two ends of the growth, a straight line on a logarithmic axis that ends where f64 does.
    fn ends(&self) -> IterationCurve {
        let room = (libm::log(f64::MAX) - libm::log(self.value)) / libm::log(self.factor);
        let steps = self.last - self.first;
        let steps = if self.factor > 1.0 { steps.min(room) } else { steps };
        let end = (self.value * libm::pow(self.factor, steps)).min(f64::MAX);
        vec![[self.first, self.value], [self.first + steps, end]]
    }
}
