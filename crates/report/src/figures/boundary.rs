//! The stability boundary: critical learning rate against batch size, by every criterion.

use minimascope_plot::number::reading;
use minimascope_plot::{
    Axis, Chart, DataPoint, Figure, Ink, LegendPlace, Mark, Marker, Panel, Series, Text,
};

use super::criterion::CriterionStyle;
use super::may_join;

/// A critical learning rate at one batch size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Critical {
    /// B.
    pub batch_size: f64,
    /// η*.
    pub learning_rate: f64,
    /// Standard error of an estimate that is random.
    pub standard_error: Option<f64>,
}

/// One criterion over batch sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct CriterionCurve {
    /// Which.
    pub criterion: CriterionStyle,
    /// Its values, B rising.
    pub values: Vec<Critical>,
}

/// Rigorous bounds of the exact threshold at one batch size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundaryBracket {
    /// B.
    pub batch_size: f64,
    /// η* is not below.
    pub lower: f64,
    /// η* is not above.
    pub upper: f64,
}

/// One minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundaryPanel {
    /// Data set, network, how the minimum was reached.
    pub title: String,
    /// Bounds of the exact threshold, B rising; may be empty.
    pub bracket: Vec<BoundaryBracket>,
    /// The criteria.
    pub curves: Vec<CriterionCurve>,
    /// The (B, η) that reached the minimum, if it is to be marked.
    pub trained_with: Option<[f64; 2]>,
}

/// The boundary for one or more minima.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    /// Heading.
    pub title: String,
    /// Under the heading.
    pub subtitle: String,
    /// One panel a minimum.
    pub panels: Vec<BoundaryPanel>,
}

/// The bounds of the exact threshold: a band over the batch sizes, or a stroke for each of one or two.
pub(crate) fn bracket_series(bracket: &[BoundaryBracket]) -> Vec<Series> {
    let ink = Ink::Series(0);
    let stroke = |at: &BoundaryBracket| {
        Series::line(vec![[at.batch_size, at.lower], [at.batch_size, at.upper]], ink)
    };
    let series: Vec<Series> = if may_join(bracket.len()) {
        let bounds = bracket.iter().map(|at| [at.batch_size, at.lower, at.upper]).collect();
        vec![Series::new(Mark::Band { bounds }, ink)]
    } else {
        bracket.iter().map(stroke).collect()
    };
    let name = Text::markup("bracket of the exact *η*").then(Text::plain("*"));
    series.into_iter().map(|series| series.named(name.clone())).collect()
}

/// A criterion's line and, where it is random, its error bars.
pub(crate) fn criterion_series(curve: &CriterionCurve) -> Vec<Series> {
    let criterion = &curve.criterion;
    let places = curve.values.iter().map(|value| [value.batch_size, value.learning_rate]);
    let line = if may_join(curve.values.len()) {
        Series::line(places.collect(), criterion.ink())
            .dashed(criterion.dash())
            .marked(criterion.marker())
    } else {
        let points = places.map(|[x, y]| DataPoint::new(x, y)).collect();
        Series::points(points, criterion.marker(), criterion.ink())
    };
    let line = line.named(criterion.label());
    let errors = curve.values.iter().filter(|value| value.standard_error.is_some());
    let points: Vec<DataPoint> = errors
        .map(|value| DataPoint {
            error: [None, value.standard_error],
            ..DataPoint::new(value.batch_size, value.learning_rate)
        })
        .collect();
    let line = if criterion.is_unlimited() { line.cut() } else { line };
    let mut series = vec![line];
    if !points.is_empty() {
        series.push(Series::points(points, criterion.marker(), criterion.ink()));
    }
    series
}

pub(crate) fn batch_size_axis() -> Axis {
    Axis::log10(Text::markup("batch size *B*"))
}

pub(crate) fn learning_rate_axis(label: &str) -> Axis {
    Axis::log10(Text::markup(label))
}

impl Boundary {
    /// The figure.
    pub fn figure(&self) -> Figure {
        let mut figure = Figure::new("boundary", Text::plain(&self.title), self.description());
        figure.subtitle = Text::plain(&self.subtitle);
        figure.columns = 2;
        figure.legend = LegendPlace::Figure;
        figure.panels = self.panels.iter().map(BoundaryPanel::panel).collect();
        if self.panels.iter().any(|panel| panel.trained_with.is_some()) {
            figure.notes.push(Text::markup(
                "Cross: the (*B*, *η*) that reached the minimum. Below the shaded bracket \
                 linearised SGD stays near it in mean square, above it leaves; inside, the bounds do \
                 not decide.",
            ));
        }
        figure
    }

    fn description(&self) -> String {
        let panels = self.panels.iter().map(|panel| {
            let ends = panel.curves.iter().filter_map(|curve| {
                let (first, last) = (curve.values.first()?, curve.values.last()?);
                Some(format!(
                    "{} goes from {} at B = {} to {} at B = {}",
                    curve.criterion.label().bare(),
                    reading(first.learning_rate),
                    reading(first.batch_size),
                    reading(last.learning_rate),
                    reading(last.batch_size)
                ))
            });
            format!("{}: {}.", panel.title, ends.collect::<Vec<_>>().join("; "))
        });
        format!(
            "Critical learning rate against batch size. {}",
            panels.collect::<Vec<_>>().join(" ")
        )
    }
}

impl BoundaryPanel {
    fn panel(&self) -> Panel {
        let mut axis = learning_rate_axis("critical learning rate *η*");
        let unlimited = self.curves.iter().filter(|curve| curve.criterion.is_unlimited());
        let lowest = unlimited.flat_map(|curve| &curve.values).map(|value| value.learning_rate);
        axis.include.extend(lowest.reduce(f64::min));
        let mut chart = Chart::new(batch_size_axis(), axis);
        chart.height = 300.0;
        chart.series.extend(bracket_series(&self.bracket));
        chart.series.extend(self.curves.iter().flat_map(criterion_series));
        if let Some([batch_size, learning_rate]) = self.trained_with {
            let point = DataPoint {
                note: Some(format!(
                    "trained with B = {}, η = {}",
                    reading(batch_size),
                    reading(learning_rate)
                )),
                ..DataPoint::new(batch_size, learning_rate)
            };
            let here = Series::points(vec![point], Marker::Cross, Ink::Strong);
            chart.series.push(here.named(Text::plain("trained with")));
        }
        Panel::chart(Text::plain(&self.title), chart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_covers_more_than_two_batch_sizes() {
        let bracket = |sizes: u32| -> Vec<BoundaryBracket> {
            let at = |size| BoundaryBracket { batch_size: f64::from(size), lower: 0.1, upper: 0.2 };
            (1..=sizes).map(at).collect()
        };
        assert!(bracket_series(&[]).is_empty());
        let two = bracket_series(&bracket(2));
        // Each stroke stands at one batch size.
        let upright =
            |series: &Series| series.values()[0].windows(2).all(|pair| pair[0] == pair[1]);
        assert!(two.len() == 2 && two.iter().all(upright));
        let three = bracket_series(&bracket(3));
        assert!(three.len() == 1 && matches!(three[0].mark, Mark::Band { .. }));
    }
}
