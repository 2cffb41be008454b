//! A run from start to end: loss, accuracy, sharpness and non-uniformity against iteration.

use minimascope_plot::number::reading;
use minimascope_plot::{Axis, Chart, DataPoint, Figure, Ink, Marker, Panel, Series, Text};

/// A quantity against iteration, as `[iteration, value]`.
pub type IterationCurve = Vec<[f64; 2]>;

/// The curves of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingCurves {
    /// Heading.
    pub title: String,
    /// Under the heading: data, η, B, outcome.
    pub subtitle: String,
    /// The loss with its normalisation, as "mean squared error over outputs".
    pub loss_name: String,
    /// Batch or full training loss.
    pub loss: IterationCurve,
    /// Tolerance of the stop rule, if there was one.
    pub loss_tolerance: Option<f64>,
    /// Fractions; may be empty.
    pub train_accuracy: IterationCurve,
    /// Fractions; may be empty.
    pub test_accuracy: IterationCurve,
    /// a = λ_max(H); may be empty.
    pub sharpness: IterationCurve,
    /// 2/η.
    pub sharpness_limit: f64,
    /// s = √λ_max(Σ); may be empty.
    pub non_uniformity: IterationCurve,
    /// (1/η)/√p(B, n); `None` where s is not limited.
    pub non_uniformity_limit: Option<f64>,
}

/// Losses below this are rounding errors of single precision. They lie at the lower end of the axis.
pub(crate) const LOSS_FLOOR: f64 = 1e-16;

/// The axis that every trace shares.
pub fn iterations() -> Axis {
    Axis::count(Text::markup("iteration *t*")).tight()
}

/// Fractions as percent.
pub(crate) fn percent(trace: &[[f64; 2]]) -> IterationCurve {
    trace.iter().map(|[iteration, fraction]| [*iteration, 100.0 * fraction]).collect()
}

/// A named line with markers, on every point of a short trace and on a few points of a long one, so that
/// lines differ in more than colour.
pub(crate) fn measured(
    points: IterationCurve,
    name: &str,
    marker: Marker,
    ink: Ink,
) -> Vec<Series> {
    const FEW: usize = 40;
    const SPREAD: usize = 7;
    let named = |series: Series| {
        if name.is_empty() { series } else { series.named(Text::plain(name)) }
    };
    if points.is_empty() {
        return Vec::new();
    }
    if points.len() <= FEW {
        return vec![named(Series::line(points, ink).marked(marker))];
    }
    let (start, end) = (points[0][0], points[points.len() - 1][0]);
    let spread = (0..=SPREAD).map(|part| {
        let wanted = start + (end - start) * part as f64 / SPREAD as f64;
        let index = points.partition_point(|[iteration, _]| *iteration < wanted);
        points[index.min(points.len() - 1)]
    });
    let marks = spread.map(|[x, y]| DataPoint::new(x, y)).collect();
    vec![named(Series::line(points, ink)), named(Series::points(marks, marker, ink))]
}

impl TrainingCurves {
    /// The figure; panels of empty traces are left out.
    pub fn figure(&self) -> Figure {
        let mut figure = Figure::new("training", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.columns = 2;
        let panels = [
            (!self.loss.is_empty()).then(|| self.loss_panel()),
            (!self.train_accuracy.is_empty() || !self.test_accuracy.is_empty())
                .then(|| self.accuracy_panel()),
            (!self.sharpness.is_empty()).then(|| self.sharpness_panel()),
            (!self.non_uniformity.is_empty()).then(|| self.non_uniformity_panel()),
        ];
        figure.panels = panels.into_iter().flatten().collect();
        figure
    }

    fn loss_panel(&self) -> Panel {
        let label = Text::plain(format!("training loss ({})", self.loss_name));
        let mut chart = Chart::new(iterations(), Axis::log10_above(LOSS_FLOOR, label));
        chart.series.push(Series::line(self.loss.clone(), Ink::Series(0)));
        if let Some(tolerance) = self.loss_tolerance {
            let label = Text::plain("stop rule");
            chart.series.push(Series::horizontal(tolerance).named(label));
        }
        Panel::chart(Text::plain("Loss"), chart)
    }

    fn accuracy_panel(&self) -> Panel {
        let mut chart = Chart::new(iterations(), Axis::linear(Text::plain("accuracy (%)")));
        let traces = [
            ("training", &self.train_accuracy, Marker::Circle, 0),
            ("test", &self.test_accuracy, Marker::Square, 1),
        ];
        for (name, trace, marker, index) in traces {
            if !trace.is_empty() {
                let series = measured(percent(trace), name, marker, Ink::Series(index));
                chart.series.extend(series);
            }
        }
        Panel::chart(Text::plain("Accuracy"), chart)
    }

    fn sharpness_panel(&self) -> Panel {
        let axis = Axis::linear(Text::markup("sharpness *a* = λ_{max}(*H*)")).including(&[0.0]);
        let mut chart = Chart::new(iterations(), axis);
        if self.sharpness_limit.is_finite() {
            let label = Text::markup(&format!("2/*η* = {}", reading(self.sharpness_limit)));
            chart.series.push(Series::horizontal(self.sharpness_limit).named(label));
        }
        let trace = self.sharpness.clone();
        chart.series.extend(measured(trace, "", Marker::Triangle, Ink::Series(2)));
        Panel::chart(Text::plain("Sharpness"), chart)
    }

    fn non_uniformity_panel(&self) -> Panel {
        let axis = Axis::linear(Text::markup("non-uniformity *s* = √λ_{max}(Σ)")).including(&[0.0]);
        let mut chart = Chart::new(iterations(), axis);
        if let Some(limit) = self.non_uniformity_limit {
            let label = Text::markup(&format!("*s*_{{max}} = {}", reading(limit)));
            chart.series.push(Series::horizontal(limit).named(label));
        }
        let trace = self.non_uniformity.clone();
        chart.series.extend(measured(trace, "", Marker::Diamond, Ink::Series(3)));
        Panel::chart(Text::plain("Non-uniformity"), chart)
    }

    fn description(&self) -> String {
        let last = |name: &str, trace: &IterationCurve, scale: f64, unit: &str| {
            trace
                .last()
                .map(|[_, value]| format!(" {name} ends at {}{unit}.", reading(scale * value)))
                .unwrap_or_default()
        };
        let steps = self.loss.last().map_or(0.0, |[iteration, _]| *iteration);
        format!(
            "A run of {} iterations.{}{}{}{}{} The limit 2/η is {}.",
            reading(steps),
            last("The training loss", &self.loss, 1.0, ""),
            last("Training accuracy", &self.train_accuracy, 100.0, " %"),
            last("Test accuracy", &self.test_accuracy, 100.0, " %"),
            last("Sharpness", &self.sharpness, 1.0, ""),
            last("Non-uniformity", &self.non_uniformity, 1.0, ""),
            reading(self.sharpness_limit)
        )
    }
}
