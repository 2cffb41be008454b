//! Sharpness, non-uniformity and more of the spectrum at a run's parameters.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_minimum::{Budget, Measurement, SpectrumQuestion, Watch, measure};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::measured::{Measured, finite};
use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;
use minimascope_record::training::{Optimizer, Schedule};
use minimascope_stability::criteria::rectangle::Rectangle;
use minimascope_stability::{Batching, LearningRate};

use crate::Error;
use crate::folder::SPECTRA;
use crate::loaded_plan::{LoadedPlan, in_precision};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::progress::{Event, Progress, watching};
use crate::target::Target;

/// What a measurement while training needs besides the point.
pub(crate) struct Instruments<'a> {
    pub(crate) budget: Budget,
    pub(crate) progress: &'a mut dyn Progress,
    pub(crate) interrupt: &'a AtomicBool,
}

impl<'a> Instruments<'a> {
    /// With a plan's settings.
    pub(crate) fn of(
        plan: &Plan,
        machine: Machine,
        progress: &'a mut dyn Progress,
        interrupt: &'a AtomicBool,
    ) -> Self {
        Self { budget: budget(plan, machine), progress, interrupt }
    }

    /// a = λ_max(H); `None` when interrupted, and where a product overflows.
    pub(crate) fn sharpness<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
    ) -> Result<Option<Measured>, Error> {
        let budget = self.budget;
        self.watched(|watch| minimascope_minimum::sharpness(evaluator, &budget, watch))
    }

    /// s = √λ_max(Σ); `None` when interrupted, and where a product overflows.
    pub(crate) fn non_uniformity<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
    ) -> Result<Option<Measured>, Error> {
        let budget = self.budget;
        self.watched(|watch| minimascope_minimum::non_uniformity(evaluator, &budget, watch))
    }

    fn watched<R>(
        &mut self,
        work: impl FnOnce(&mut Watch<'_>) -> Result<R, minimascope_minimum::Error>,
    ) -> Result<Option<R>, Error> {
        match watching(self.progress, self.interrupt, work) {
            Err(minimascope_minimum::Error::Interrupted) => Ok(None),
            // Training goes on: whether the run diverges is for its loss to say.
            Err(error) if error.is_overflow() => Ok(None),
            other => Ok(other.map(Some)?),
        }
    }

    /// Whether the user asked to stop.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// A break when the user asked to stop.
    pub(crate) fn go_on(&self) -> ControlFlow<()> {
        if self.is_interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How accurate a plan wants eigenvalues, on a machine.
pub(crate) fn budget(plan: &Plan, machine: Machine) -> Budget {
    let config = plan.config();
    Budget::of(config.measure, config.train.seed, machine.memory_bytes)
}

/// A run's end, measured; all is absent where the loss is not finite.
#[derive(Clone, Debug, Default)]
pub(crate) struct MeasuredEnd {
    measurement: Option<Measurement>,
    test_accuracy: Option<f64>,
}

/// Everything at θ.
pub(crate) fn measured<T: Scalar>(
    loaded: &LoadedPlan<'_, T>,
    parameters: &[T],
    question: &SpectrumQuestion,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<MeasuredEnd, Error> {
    let mut evaluator = loaded.evaluator()?;
    evaluator.set_point(parameters)?;
    let budget = budget(loaded.plan, loaded.machine);
    let found =
        watching(progress, interrupt, |watch| measure(&mut evaluator, question, &budget, watch));
    let measurement = match found {
        Err(minimascope_minimum::Error::NotFinite(_)) => return Ok(MeasuredEnd::default()),
        other => Some(other?),
    };
    let test_accuracy = loaded.on_test().map(|mut test| test.assess(parameters).accuracy);
    Ok(MeasuredEnd { measurement, test_accuracy })
}

/// The record of a point of a plan.
pub(crate) fn summary(
    plan: &Plan,
    outcome: Option<Outcome>,
    steps: u64,
    found: MeasuredEnd,
) -> RunSummary {
    let config = plan.config();
    let limits = limits(plan);
    let MeasuredEnd { measurement, test_accuracy } = found;
    let facts = measurement.as_ref().map(|measurement| measurement.facts);
    let spectrum = measurement.as_ref().map(|measurement| measurement.spectrum.clone());
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
        train_loss: facts.and_then(|facts| finite(facts.loss)),
        gradient_norm: facts.and_then(|facts| finite(facts.gradient_norm)),
        train_accuracy: facts.and_then(|facts| facts.accuracy),
        test_accuracy,
        sharpness: measurement.as_ref().and_then(|measurement| measurement.sharpness),
        non_uniformity: measurement.and_then(|measurement| measurement.non_uniformity),
        // Beyond f64 for the smallest learning rates.
        sharpness_limit: limits.and_then(|limits| finite(limits.largest_sharpness)),
        // Infinite at B = n.
        non_uniformity_limit: limits.and_then(|limits| finite(limits.largest_non_uniformity)),
        spectrum: spectrum.filter(|spectrum| *spectrum != Default::default()),
    }
}

/// The study's rectangle; its theory is of plain SGD with a constant learning rate.
fn limits(plan: &Plan) -> Option<Rectangle> {
    let train = &plan.config().train;
    if train.optimizer != Optimizer::Sgd || train.schedule != Schedule::Constant {
        return None;
    }
    // A single example has no batches to speak of.
    let batching = Batching::new(plan.train().len(), plan.batch_size(), train.sampling).ok()?;
    let learning_rate = LearningRate::new(train.learning_rate).ok()?;
    Some(Rectangle::new(learning_rate, &batching))
}

impl Target {
    /// Measures. The answer of a run's end is saved in the run's folder, a file a question.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; a file that does not fit the network; a budget of memory that is too
    /// small; [`Error::Write`].
    pub fn measure(
        &self,
        question: &SpectrumQuestion,
        machine: &Machine,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, Error> {
        let precision = self.plan().config().precision;
        let summary = in_precision!(precision, T => {
            let (parameters, steps) = self.read::<T>()?;
            let loaded = LoadedPlan::new(self.plan(), machine)?;
            let found = measured(&loaded, &parameters, question, progress, interrupt)?;
            if let Some(measurement) = &found.measurement {
                progress.event(Event::ProductCost(measurement.product_cost));
            }
            summary(self.plan(), self.outcome(), steps, found)
        });
        if summary.spectrum.is_some() {
            self.save_answer(SPECTRA, &file_of(question), &summary)?;
        }
        Ok(summary)
    }
}

/// The file of a question's answer.
fn file_of(question: &SpectrumQuestion) -> String {
    let SpectrumQuestion { top, density, trace } = *question;
    let parts = [
        (top > 0).then(|| format!("top-{top}")),
        density.then(|| "density".to_owned()),
        trace.then(|| "trace".to_owned()),
    ];
    format!("{}.json", parts.into_iter().flatten().collect::<Vec<_>>().join("-"))
}
