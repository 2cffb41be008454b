//! A trained point, measured once for every question about it.

use std::sync::atomic::AtomicBool;

use minimascope_curvature::Hessian;
use minimascope_linop::{End, LanczosParameters, Progress as LanczosProgress, Stop, lanczos};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::measured::{Measured, finite};
use minimascope_record::outcome::Outcome;
use minimascope_record::stability as record;
use minimascope_record::training::{Optimizer, Sampling};
use minimascope_stability::answers::{Applicability, FixedCriteria, Note};
use minimascope_stability::{ExampleFactors, Momentum};

use super::{factors, law};
use crate::Error;
use crate::measure::target::Target;
use crate::measure::{Instruments, stop_if};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::progress::{Event, MeasureProgress, Progress, Quantity};
use crate::run::Machine;

/// λ_min(H) is known to this share of λ_max(H): a tenth of what deserves a note.
const SMALLEST_TOLERANCE: f64 = 1e-3;

/// A minimum with its factors.
#[derive(Debug)]
pub struct Minimum<'a> {
    pub(crate) target: &'a Target,
    pub(crate) machine: Machine,
    pub(crate) factors: ExampleFactors,
    /// Of these factors.
    pub(super) fixed: FixedCriteria,
    record: record::Minimum,
}

impl<'a> Minimum<'a> {
    /// Measures the target's point; `None` when interrupted.
    ///
    /// # Errors
    /// [`Error::DeadRun`], [`Error::NothingToMeasure`], [`Error::Stability`] without curvature or
    /// with one example, and what the file and the memory budget refuse.
    pub fn open(
        target: &'a Target,
        machine: &Machine,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Option<Self>, Error> {
        let run = || target.plan().id().to_string();
        if target.outcome() == Some(Outcome::Dead) {
            return Err(Error::DeadRun { run: run() });
        }
        let with = Measuring { target, machine, progress, interrupt };
        if target.is_double_precision() { with.open::<f64>() } else { with.open::<f32>() }
    }

    /// The plan that trained it.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        self.target.plan()
    }

    /// What was measured.
    #[must_use]
    pub fn record(&self) -> &record::Minimum {
        &self.record
    }

    /// β of the run that trained it.
    pub(crate) fn momentum(&self) -> f64 {
        match self.plan().config().train.optimizer {
            Optimizer::HeavyBall { momentum } => momentum,
            _ => Momentum::NONE.value(),
        }
    }

    /// How far the theory applies at this point, to an optimiser that draws its batches so.
    pub(crate) fn applicability(
        &self,
        assumed: Sampling,
        used: Sampling,
    ) -> Result<Vec<Note>, Error> {
        let record = &self.record;
        let factors = &record.gauss_newton;
        let facts = Applicability {
            training_loss: record.train_loss,
            gradient_norm: record.gradient_norm,
            sharpness: record.sharpness.value,
            smallest_curvature: Some(record.smallest_curvature.value),
            example_ends: Some((
                record.example_curvatures.smallest,
                record.example_curvatures.largest,
            )),
            gauss_newton: Some((
                factors.sharpness / record.sharpness.value,
                factors.non_uniformity / record.non_uniformity.value,
            )),
            sampling_assumed: law(assumed),
            sampling_used: law(used),
            examples_coupled: false,
            weight_decay: self.plan().config().train.weight_decay,
        };
        Ok(facts.notes()?)
    }

    /// What every verdict is printed with.
    pub(crate) fn notes(&self, assumed: Sampling, used: Sampling) -> Result<Vec<String>, Error> {
        let record = &self.record;
        let applicability = self.applicability(assumed, used)?;
        let mut notes: Vec<String> = applicability.iter().map(ToString::to_string).collect();
        let config = self.plan().config();
        if matches!(config.train.optimizer, Optimizer::Nesterov { .. } | Optimizer::Adam { .. }) {
            notes.push(
                "the run's optimiser is none of the theory's: the answers are for plain SGD from \
                 the point it reached"
                    .to_owned(),
            );
        }
        for (name, value) in
            [("sharpness", &record.sharpness), ("non-uniformity", &record.non_uniformity)]
        {
            if !value.converged {
                notes.push(format!(
                    "the {name} was not measured to its tolerance: its relative residual is {:.0e}",
                    value.relative_residual
                ));
            }
        }
        Ok(notes)
    }

    /// The factors with twice the directions; `None` when interrupted.
    pub(super) fn with_rank(
        &self,
        rank: usize,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Option<ExampleFactors>, Error> {
        let with = Measuring { target: self.target, machine: &self.machine, progress, interrupt };
        if self.target.is_double_precision() {
            with.factors::<f64>(rank)
        } else {
            with.factors::<f32>(rank)
        }
    }

    pub(super) fn set_factors(&mut self, factors: ExampleFactors) -> Result<(), Error> {
        self.fixed = FixedCriteria::new(&factors)?;
        self.record.gauss_newton = gauss_newton(&factors, &self.fixed);
        self.factors = factors;
        Ok(())
    }
}

struct Measuring<'a, 'b> {
    target: &'a Target,
    machine: &'b Machine,
    progress: &'b mut dyn Progress,
    interrupt: &'b AtomicBool,
}

impl<'a> Measuring<'a, '_> {
    fn open<T: Scalar>(self) -> Result<Option<Minimum<'a>>, Error> {
        let plan = self.target.plan();
        let config = plan.config();
        let (parameters, _) = self.target.read::<T>()?;
        let problem = Problem::new(plan, self.machine)?;
        let on_train = problem.on_train().assess(&parameters);
        if !on_train.loss.is_finite() {
            let (run, steps) = (plan.id().to_string(), 0);
            return Err(Error::NothingToMeasure { run, steps });
        }
        if on_train.constant {
            return Err(Error::DeadRun { run: plan.id().to_string() });
        }
        let test_accuracy = problem.on_test().map(|mut test| test.assess(&parameters).accuracy);
        let mut evaluator = problem.evaluator()?;
        evaluator.set_point(&parameters)?;
        let squares = evaluator.gradient().iter().map(|g| g.to_f64() * g.to_f64());
        let gradient_norm = squares.sum::<f64>().sqrt();
        let (settings, seed) = (config.measure, config.train.seed);
        let (progress, interrupt) = (self.progress, self.interrupt);
        let mut instruments = Instruments { settings, seed, progress, interrupt };
        let Some(sharpness) = instruments.sharpness(&mut evaluator)? else { return Ok(None) };
        let Some(non_uniformity) = instruments.non_uniformity(&mut evaluator)? else {
            return Ok(None);
        };
        let Some(smallest_curvature) = instruments.smallest(&mut evaluator)? else {
            return Ok(None);
        };
        let (n, k) = (plan.train().len(), plan.network().outputs());
        let rank = factors::first_rank(n * k, self.machine.memory_bytes);
        let Some(factors) = instruments.factors(&mut evaluator, rank)? else { return Ok(None) };
        let fixed = FixedCriteria::new(&factors)?;
        let example_curvatures =
            instruments.example_ends(&problem, &parameters, &fixed.example_sharpnesses)?;
        let record = record::Minimum {
            run: plan.id().to_string(),
            model: plan.model().to_owned(),
            data: plan.train().name().to_owned(),
            parameters: plan.network().parameters(),
            train_examples: n,
            outputs: k,
            trained_learning_rate: config.train.learning_rate,
            trained_batch_size: plan.batch_size(),
            train_loss: on_train.loss,
            gradient_norm,
            train_accuracy: on_train.accuracy,
            test_accuracy,
            sharpness,
            non_uniformity,
            smallest_curvature,
            example_curvatures,
            gauss_newton: gauss_newton(&factors, &fixed),
        };
        Ok(Some(Minimum { target: self.target, machine: *self.machine, factors, fixed, record }))
    }

    fn factors<T: Scalar>(self, rank: usize) -> Result<Option<ExampleFactors>, Error> {
        let plan = self.target.plan();
        let (parameters, _) = self.target.read::<T>()?;
        let problem = Problem::new(plan, self.machine)?;
        let mut evaluator = problem.evaluator()?;
        evaluator.set_point(&parameters)?;
        let (settings, seed) = (plan.config().measure, plan.config().train.seed);
        let (progress, interrupt) = (self.progress, self.interrupt);
        let mut instruments = Instruments { settings, seed, progress, interrupt };
        instruments.factors(&mut evaluator, Some(rank))
    }
}

fn gauss_newton(factors: &ExampleFactors, fixed: &FixedCriteria) -> record::GaussNewton {
    record::GaussNewton {
        sharpness: factors.sharpness(),
        non_uniformity: fixed.non_uniformity,
        trace: factors.trace(),
        rank: factors.rank(),
        tail: finite(factors.tail()),
        largest_example_sharpness: fixed.example_sharpnesses.iter().copied().fold(0.0, f64::max),
    }
}

impl Instruments<'_> {
    /// λ_min(H), its relative residual against ‖H‖; `None` when interrupted.
    fn smallest<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
    ) -> Result<Option<Measured>, Error> {
        let parameters = LanczosParameters {
            tolerance: SMALLEST_TOLERANCE,
            relative_floor: 1.0,
            max_products: self.settings.max_products,
            seed: self.seed,
            ..LanczosParameters::new(End::Smallest, 1)
        };
        let (progress, interrupt) = (&mut *self.progress, self.interrupt);
        let mut show = |at: &LanczosProgress| {
            progress.event(Event::Measuring(MeasureProgress {
                quantity: Quantity::SmallestEigenvalue,
                products: at.products,
                value: at.value,
                relative_residual: at.relative_residual,
            }));
            stop_if(interrupt)
        };
        let spectrum = lanczos(&mut Hessian::new(evaluator), &parameters, None, &mut show)?;
        progress.event(Event::StageEnded);
        if spectrum.stop == Stop::Interrupted {
            return Ok(None);
        }
        Ok(spectrum.smallest().map(|pair| Measured {
            value: pair.value,
            residual: pair.residual,
            relative_residual: pair.relative_residual,
            converged: pair.converged,
            products: spectrum.products,
        }))
    }
}
