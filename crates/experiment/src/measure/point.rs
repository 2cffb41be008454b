//! Everything that is measured at the end of training.

use minimascope_net::Scalar;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::measured::{Measured, finite};
use minimascope_record::outcome::Outcome;
use minimascope_record::run::{RunSummary, Spectrum};
use minimascope_record::training::{Optimizer, Schedule};
use minimascope_stability::criteria::rectangle::Rectangle;
use minimascope_stability::{Batching, LearningRate};

use crate::Error;
use crate::measure::{Instruments, MoreSpectrum};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::stability::law;

/// A point's losses, accuracies and curvature.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtPoint {
    train_loss: Option<f64>,
    gradient_norm: Option<f64>,
    train_accuracy: Option<f64>,
    test_accuracy: Option<f64>,
    sharpness: Option<Measured>,
    non_uniformity: Option<Measured>,
    spectrum: Option<Spectrum>,
}

impl Instruments<'_> {
    /// Everything at θ; `None` when interrupted. Without a finite loss there is nothing to measure,
    /// and every value is absent.
    pub(crate) fn at_point<T: Scalar>(
        &mut self,
        problem: &Problem<'_, T>,
        parameters: &[T],
        more: &MoreSpectrum,
    ) -> Result<Option<AtPoint>, Error> {
        let on_train = problem.on_train().assess(parameters);
        if !on_train.loss.is_finite() {
            return Ok(Some(AtPoint::default()));
        }
        let test_accuracy = problem.on_test().map(|mut test| test.assess(parameters).accuracy);
        let mut train = problem.evaluator()?;
        train.set_point(parameters)?;
        let squares = train.gradient().iter().map(|g| g.to_f64() * g.to_f64());
        let gradient_norm = finite(squares.sum::<f64>().sqrt());
        let Some(sharpness) = self.sharpness(&mut train)? else { return Ok(None) };
        let Some(non_uniformity) = self.non_uniformity(&mut train)? else { return Ok(None) };
        let Some(spectrum) = self.more(&mut train, more)? else { return Ok(None) };
        Ok(Some(AtPoint {
            train_loss: finite(on_train.loss),
            gradient_norm,
            train_accuracy: Some(on_train.accuracy),
            test_accuracy,
            sharpness: Some(sharpness),
            non_uniformity: Some(non_uniformity),
            spectrum: (spectrum != Spectrum::default()).then_some(spectrum),
        }))
    }
}

/// The record of a point of a plan.
pub(crate) fn summary(
    plan: &Plan,
    outcome: Option<Outcome>,
    steps: u64,
    point: AtPoint,
) -> RunSummary {
    let config = plan.config();
    let limits = limits(plan);
    RunSummary {
        schema_version: SCHEMA_VERSION,
        run: plan.id().to_string(),
        folder: None,
        model: plan.model().to_owned(),
        data: plan.train().name().to_owned(),
        parameters: plan.network().parameters(),
        train_examples: plan.train().len(),
        corrupted_examples: plan.corrupted().to_vec(),
        loss: config.loss,
        weight_decay: config.train.weight_decay,
        learning_rate: config.train.learning_rate,
        batch_size: plan.batch_size(),
        sampling: config.train.sampling,
        seed: config.train.seed,
        outcome,
        steps,
        train_loss: point.train_loss,
        gradient_norm: point.gradient_norm,
        train_accuracy: point.train_accuracy,
        test_accuracy: point.test_accuracy,
        sharpness: point.sharpness,
        non_uniformity: point.non_uniformity,
        sharpness_limit: limits.map(|limits| limits.largest_sharpness),
        // Infinite at B = n.
        non_uniformity_limit: limits.and_then(|limits| finite(limits.largest_non_uniformity)),
        spectrum: point.spectrum,
    }
}

/// The study's rectangle; its theory is of plain SGD with a constant learning rate.
fn limits(plan: &Plan) -> Option<Rectangle> {
    let train = &plan.config().train;
    if train.optimizer != Optimizer::Sgd || train.schedule != Schedule::Constant {
        return None;
    }
    // A single example has no batches to speak of.
    let batching =
        Batching::new(plan.train().len(), plan.batch_size(), law(train.sampling)).ok()?;
    let learning_rate = LearningRate::new(train.learning_rate).ok()?;
    Some(Rectangle::new(learning_rate, &batching))
}
