//! The thresholds of a minimum against the batch size, and the attribution to examples.

use minimascope_plot::Image;
use minimascope_record::stability::{BoundaryRow, CriticalLearningRate, Minimum, StabilityReport};

use crate::figures::attribution::{AttributedExample, AttributionFigure};
use crate::figures::boundary::{
    Boundary, BoundaryBracket, BoundaryPanel, CriterionCurve, Critical,
};
use crate::figures::criterion::CriterionStyle;

/// The thresholds against the batch size; `None` if the report has none.
pub fn boundary(report: &StabilityReport) -> Option<Boundary> {
    if report.boundary.is_empty() {
        return None;
    }
    let minimum = &report.minimum;
    let momentum = match report.momentum {
        0.0 => String::new(),
        beta => format!(", heavy ball with β = {beta}"),
    };
    let panel = BoundaryPanel {
        title: reached(minimum),
        bracket: brackets(&report.boundary),
        curves: curves(&report.boundary),
        trained_with: Some([minimum.trained_batch_size as f64, minimum.trained_learning_rate]),
    };
    Some(Boundary {
        title: "Which learning rate and batch size can stay".into(),
        subtitle: format!("{}, {} examples{momentum}", minimum.data, minimum.train_examples),
        panels: vec![panel],
    })
}

/// The network, optimiser and learning rate that reached a minimum, in words.
pub(crate) fn reached(minimum: &Minimum) -> String {
    let optimizer = if minimum.trained_batch_size == minimum.train_examples {
        "GD".to_owned()
    } else {
        format!("SGD, B = {}", minimum.trained_batch_size)
    };
    format!("{}, {optimizer}, η = {}", minimum.model, minimum.trained_learning_rate)
}

/// The brackets with a proved lower end.
pub(super) fn brackets(rows: &[BoundaryRow]) -> Vec<BoundaryBracket> {
    let rows = rows.iter().map(|row| (row.batch_size as f64, &row.critical_learning_rate.exact));
    let proved = rows.filter(|(_, exact)| exact.lower > 0.0);
    proved
        .map(|(batch_size, exact)| BoundaryBracket {
            batch_size,
            lower: exact.lower,
            upper: exact.upper,
        })
        .collect()
}

/// Every criterion over the batch sizes at which it has a value.
pub(super) fn curves(rows: &[BoundaryRow]) -> Vec<CriterionCurve> {
    type Value = fn(&CriticalLearningRate) -> Option<(f64, Option<f64>)>;
    let criteria: [(CriterionStyle, Value); 10] = [
        (CriterionStyle::Theorem1, |at| Some((at.theorem1?, None))),
        (CriterionStyle::Rectangle, |at| Some((at.rectangle, None))),
        (CriterionStyle::Exact, |at| Some((at.exact.estimate, None))),
        (CriterionStyle::TopPairBound, |at| Some((*at.bounds.first()?, None))),
        (CriterionStyle::TraceBound, |at| Some((*at.bounds.get(1)?, None))),
        (CriterionStyle::DirectionBound, |at| Some((*at.bounds.get(2)?, None))),
        (CriterionStyle::AlmostSure, |at| {
            at.almost_sure.map(|estimate| (estimate.value, Some(estimate.standard_error)))
        }),
        (CriterionStyle::WorstExample, |at| Some((at.worst_example, None))),
        (CriterionStyle::GradientDescent, |at| Some((at.gradient_descent, None))),
        (CriterionStyle::Decoupled, |at| Some((at.decoupled, None))),
    ];
    let curve = |(criterion, value): (CriterionStyle, Value)| {
        let values = rows.iter().filter_map(|row| {
            let (learning_rate, standard_error) = value(&row.critical_learning_rate)?;
            // An error bar that reaches zero cannot be drawn on a logarithmic axis.
            let standard_error = standard_error.filter(|error| *error < learning_rate);
            Some(Critical { batch_size: row.batch_size as f64, learning_rate, standard_error })
        });
        CriterionCurve { criterion, values: values.filter(|at| at.learning_rate > 0.0).collect() }
    };
    criteria.into_iter().map(curve).filter(|curve| !curve.values.is_empty()).collect()
}

/// The attribution of the non-uniformity to examples; `None` if the report has none. `picture` gives the
/// name of an example's label, and its image.
pub fn attribution(
    report: &StabilityReport,
    picture: impl Fn(usize) -> (String, Option<Image>),
) -> Option<AttributionFigure> {
    let found = report.blame.as_ref()?;
    let examples = found.non_uniformity.iter().map(|share| {
        let (name, image) = picture(share.example);
        let label = if share.corrupted { format!("{name}, corrupted") } else { name };
        AttributedExample { index: share.example, label, share: share.share, image }
    });
    Some(AttributionFigure {
        title: "Which examples make SGD leave".into(),
        subtitle: format!("{}; {}", report.minimum.data, reached(&report.minimum)),
        examples: examples.collect(),
        population: report.minimum.train_examples,
        batch_size: found.batch_size,
        directions: found.directions,
        left_out: found
            .left_out
            .iter()
            .map(|at| [at.examples as f64, at.critical_learning_rate])
            .collect(),
    })
}
