//! The curves of one run.

use minimascope_record::measured::Measured;
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;
use minimascope_record::trace::CurvatureLine;

use crate::figures::training_curves::{IterationCurve, TrainingCurves};

/// The recorded curves of a run, each with the final measurement as its last point; `None` if it recorded
/// nothing.
pub fn training_curves(run: &StoredRun) -> Option<TrainingCurves> {
    let config = &run.config;
    let end = run.result.as_ref();
    let trace = |value: &dyn Fn(&CurvatureLine) -> Option<f64>,
                 last: Option<f64>|
     -> IterationCurve {
        let lines = run.curvature.iter();
        let mut points: IterationCurve =
            lines.filter_map(|line| Some([line.step as f64, value(line)?])).collect();
        let steps = end.map_or(0.0, |result| result.steps as f64);
        // A single point would be no curve.
        if let Some(last) = last.filter(|_| points.last().is_some_and(|point| point[0] < steps)) {
            points.push([steps, last]);
        }
        points
    };
    let of = |measured: Option<Measured>| measured.map(|measured| measured.value);
    let losses = run.steps.iter().filter_map(|line| Some([line.step as f64, line.average_loss?]));
    let rate = config.train.learning_rate;
    let curves = TrainingCurves {
        title: "The run".into(),
        subtitle: format!(
            "η = {rate}, B = {}, seed {}; exponential average of the batch loss",
            config.train.batch_size, config.train.seed
        ),
        loss_name: config.loss.description().into(),
        loss: losses.collect(),
        loss_tolerance: config.train.stop.average_batch_loss_below,
        train_accuracy: trace(&|at| at.train_accuracy, end.and_then(|end| end.train_accuracy)),
        test_accuracy: trace(&|at| at.test_accuracy, end.and_then(|end| end.test_accuracy)),
        sharpness: trace(&|at| of(at.sharpness), end.and_then(|end| of(end.sharpness))),
        sharpness_limit: sharpness_limit(rate),
        non_uniformity: trace(
            &|at| of(at.non_uniformity),
            end.and_then(|end| of(end.non_uniformity)),
        ),
        non_uniformity_limit: end.and_then(|end| end.non_uniformity_limit),
    };
    let empty = curves.loss.is_empty() && curves.sharpness.is_empty();
    (!empty).then_some(curves)
}
