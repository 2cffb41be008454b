//! Launches from a minimum, and grids of them.

use minimascope_record::escape::{Escape, EscapeGrid, EscapePoint, Fate, Launch};
use minimascope_record::measured::Measured;
use minimascope_record::stability::Verdict;
use minimascope_record::threshold::{CriterionName, sharpness_limit};

use super::stability::{brackets, curves, reached};
use crate::figures::agreement::{
    AgreementCell, AgreementFigure, AgreementPanel, Observed, Predicted,
};
use crate::figures::escape as figure;
use crate::figures::training_curves::IterationCurve;

/// Steps after the latest departure that the enlarged panel shows.
const BEYOND: f64 = 40.0;
/// Steps that it shows if no launch leaves.
const STAYS: f64 = 100.0;
/// A loss beyond this multiple of the minimum's diverges. It is not drawn, since it would set the axis.
const DIVERGING: f64 = 1e12;
/// The number of launches drawn.
const DRAWN: usize = 4;

/// The courses of the first launches.
pub fn escape(record: &Escape) -> figure::EscapeFigure {
    escape_with(record, 0)
}

/// The same with the number of wrong labels of the training set, which the record does not have.
pub(crate) fn escape_with(record: &Escape, wrong_labels: usize) -> figure::EscapeFigure {
    let (origin, minimum) = (&record.origin, &record.point);
    let drawn = &record.launches[..record.launches.len().min(DRAWN)];
    let departures = drawn.iter().filter_map(|launch| launch.left_at);
    let latest = departures.max().map_or(STAYS, |step| step as f64 + BEYOND);
    figure::EscapeFigure {
        title: format!(
            "From the minimum of {} to {}",
            reached(origin, minimum),
            if record.batch_size == minimum.train_examples {
                format!("GD with η = {}", record.learning_rate)
            } else {
                format!("SGD with η = {}, B = {}", record.learning_rate, record.batch_size)
            }
        ),
        subtitle: format!(
            "{}, {} examples{}; predicted: {} (η/η* = {:.2})",
            origin.data,
            minimum.train_examples,
            if wrong_labels > 0 { format!(", {wrong_labels} wrong labels") } else { String::new() },
            record.verdict,
            record.margin
        ),
        loss_name: record.loss.description().into(),
        start: figure::EscapeStart {
            loss: minimum.train_loss,
            train_accuracy: minimum.train_accuracy.unwrap_or_default(),
            // Without a test set the panel of its accuracy has no series, and is left out.
            test_accuracy: origin.test_accuracy.unwrap_or_default(),
            sharpness: minimum.sharpness.value,
            non_uniformity: minimum.non_uniformity.value,
        },
        departure: latest,
        runs: drawn.iter().map(|launch| run(record, launch)).collect(),
    }
}

fn run(record: &Escape, launch: &Launch) -> figure::EscapeRun {
    let highest = DIVERGING * record.point.train_loss.max(1e-13);
    let trace = |value: &dyn Fn(&EscapePoint) -> Option<f64>| -> IterationCurve {
        let points = launch.course.iter().take_while(|at| at.train_loss < highest);
        points.filter_map(|at| Some([at.step as f64, value(at)?])).collect()
    };
    let measured = |value: Option<Measured>| value.map(|value| value.value);
    let fitted = launch.fitted_growth.map(|fit| figure::GrowthLine {
        first: fit.first as f64,
        last: fit.last as f64,
        value: fit.value,
        factor: fit.factor,
    });
    let growth = &record.predicted_growth;
    let predicted = growth.typical.unwrap_or(growth.mean_square);
    figure::EscapeRun {
        label: match launch.fate {
            Fate::Diverged => format!("seed {}, diverges", launch.seed),
            _ => format!("seed {}", launch.seed),
        },
        sharpness_limit: sharpness_limit(record.learning_rate),
        left_at: launch.left_at.map(|step| step as f64),
        loss: trace(&|at| Some(at.train_loss)),
        train_accuracy: trace(&|at| Some(at.train_accuracy)),
        test_accuracy: trace(&|at| at.test_accuracy),
        sharpness: trace(&|at| measured(at.sharpness)),
        non_uniformity: trace(&|at| measured(at.non_uniformity)),
        fitted,
        predicted: fitted
            .filter(|_| predicted.is_finite())
            .map(|fit| figure::GrowthLine { factor: predicted, ..fit }),
    }
}

/// The cells of a grid over the thresholds of its minimum.
pub fn grid(record: &EscapeGrid) -> AgreementFigure {
    let (origin, minimum) = (&record.origin, &record.point);
    let cells = record.cells.iter().map(|cell| AgreementCell {
        learning_rate: cell.learning_rate,
        batch_size: cell.batch_size as f64,
        observed: if cell.has_left() { Observed::Leaves } else { Observed::Stays },
        predicted: match cell.predicted {
            Verdict::Stays => Predicted::Stays,
            Verdict::Leaves => Predicted::Leaves,
            Verdict::NotDecided => Predicted::NotDecided,
        },
    });
    let shown = [
        CriterionName::MEAN_SQUARE,
        CriterionName::RESHUFFLED,
        CriterionName::THEOREM_ONE,
        CriterionName::RECTANGLE,
    ];
    let curves = curves(&record.boundary).into_iter();
    AgreementFigure {
        title: "Who stays at the minimum, predicted and seen".into(),
        subtitle: format!(
            "{}, {} examples; {} launches a cell of at most {} steps; a cell leaves when most of \
             them do",
            origin.data, minimum.train_examples, record.seeds, record.asked.max_steps
        ),
        panels: vec![AgreementPanel {
            title: reached(origin, minimum),
            bracket: brackets(&record.boundary),
            curves: curves.filter(|curve| shown.contains(&curve.criterion.name)).collect(),
            cells: cells.collect(),
        }],
    }
}
