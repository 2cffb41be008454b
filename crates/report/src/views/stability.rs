//! The thresholds of a minimum against the batch size, and the attribution to examples.

use minimascope_plot::Image;
use minimascope_record::stability::{BoundaryRow, MeasuredPoint, Origin, Share, StabilityReport};
use minimascope_record::threshold::{CriterionName, Evidence, Threshold, mean_square};

use crate::figures::attribution::{Attributed, AttributedExample, AttributionFigure, Rest};
use crate::figures::boundary::{
    Boundary, BoundaryBracket, BoundaryPanel, CriterionCurve, Critical,
};
use crate::figures::criterion::CriterionStyle;

/// The thresholds against the batch size; `None` if the report has none.
pub fn boundary(report: &StabilityReport) -> Option<Boundary> {
    if report.boundary.is_empty() {
        return None;
    }
    let momentum = match report.momentum {
        0.0 => String::new(),
        beta => format!(", heavy ball with β = {beta}"),
    };
    let origin = report.origin.as_ref();
    let panel = BoundaryPanel {
        title: origin.map_or(String::new(), |origin| reached(origin, &report.point)),
        bracket: brackets(&report.boundary),
        curves: curves(&report.boundary),
        trained_with: origin.map(|origin| [origin.batch_size as f64, origin.learning_rate]),
    };
    let data = origin.map_or(String::new(), |origin| format!("{}, ", origin.data));
    Some(Boundary {
        title: "Which learning rate and batch size can stay".into(),
        subtitle: format!("{data}{} examples{momentum}", report.point.train_examples),
        panels: vec![panel],
    })
}

/// The network, optimiser and learning rate that reached a minimum, in words.
pub(crate) fn reached(origin: &Origin, point: &MeasuredPoint) -> String {
    let optimizer = if origin.batch_size == point.train_examples {
        "GD".to_owned()
    } else {
        format!("SGD, B = {}", origin.batch_size)
    };
    format!("{}, {optimizer}, η = {}", origin.model, origin.learning_rate)
}

/// The brackets with a proved lower end.
pub(super) fn brackets(rows: &[BoundaryRow]) -> Vec<BoundaryBracket> {
    let bracket = |row: &BoundaryRow| {
        let ends = mean_square(&row.thresholds)?.bracket.filter(|ends| ends.lower > 0.0)?;
        let (lower, upper) = (ends.lower, ends.upper);
        Some(BoundaryBracket { batch_size: row.batch_size as f64, lower, upper })
    };
    rows.iter().filter_map(bracket).collect()
}

/// Every criterion over the batch sizes at which it has a value. A batch that was drawn is no curve.
pub(super) fn curves(rows: &[BoundaryRow]) -> Vec<CriterionCurve> {
    let mut curves: Vec<CriterionCurve> = Vec::new();
    for row in rows {
        let shown = row.thresholds.iter().filter(|threshold| {
            threshold.criterion != CriterionName::WORST_BATCH && threshold.learning_rate > 0.0
        });
        for threshold in shown {
            let at = critical(row.batch_size, threshold);
            let known = curves.iter_mut().find(|curve| curve.criterion.name == threshold.criterion);
            match known {
                Some(curve) => curve.values.push(at),
                None => curves.push(CriterionCurve {
                    criterion: CriterionStyle::of(threshold),
                    values: vec![at],
                }),
            }
        }
    }
    curves
}

fn critical(batch_size: usize, threshold: &Threshold) -> Critical {
    let standard_error = match threshold.evidence {
        Evidence::Simulation { standard_error, .. } => Some(standard_error),
        Evidence::Orders { standard_error, all: false, .. } => Some(standard_error),
        _ => None,
    };
    let learning_rate = threshold.learning_rate;
    // An error bar that reaches zero cannot be drawn on a logarithmic axis.
    let standard_error = standard_error.filter(|error| *error < learning_rate);
    Critical { batch_size: batch_size as f64, learning_rate, standard_error }
}

/// The attribution of η* and of the non-uniformity to examples, a figure each; none if the report has
/// none. `picture` gives the name of an example's label, and its image.
pub fn attribution(
    report: &StabilityReport,
    picture: impl Fn(usize) -> (String, Option<Image>),
) -> Vec<AttributionFigure> {
    let Some(found) = report.attribution.as_ref() else { return Vec::new() };
    let example = |share: &Share| {
        let (name, image) = picture(share.example);
        let label = if share.corrupted { format!("{name}, corrupted") } else { name };
        AttributedExample { index: share.example, label, share: share.share, image }
    };
    let subtitle = report.origin.as_ref().map_or(String::new(), |origin| {
        format!("{}; {}", origin.data, reached(origin, &report.point))
    });
    let figure = |of, shares: &[Share], rest: Vec<Rest>| AttributionFigure {
        of,
        subtitle: subtitle.clone(),
        examples: shares.iter().map(example).collect(),
        population: report.point.train_examples,
        rest,
    };
    let critical = found.critical_of_rest.iter().map(|at| Rest {
        left_out: at.left_out,
        value: at.critical_learning_rate,
        leader: at.largest_share.as_ref().map(example),
    });
    let non_uniformity = found.non_uniformity_of_rest.iter().map(|at| Rest {
        left_out: at.left_out,
        value: Some(at.non_uniformity.value),
        leader: at.largest_share.as_ref().map(example),
    });
    let (batch_size, rank) = (found.batch_size, found.rank);
    vec![
        figure(
            Attributed::CriticalLearningRate { batch_size, rank },
            &found.mean_square,
            critical.collect(),
        ),
        figure(Attributed::NonUniformity, &found.non_uniformity, non_uniformity.collect()),
    ]
}
