//! SGD launched from a minimum: does it stay?

mod criterion;
mod grid;
mod growth;
mod launch;
mod prediction;
pub mod toy;
mod watch;

use std::sync::atomic::AtomicBool;

use minimascope_net::Scalar;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape as record;
use minimascope_record::training::Sampling;
use minimascope_stability::{Batching, LearningRate, Momentum};

use crate::Error;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::stability::{Minimum, Wanted, Watch, assumed, law, not_settled, records};

pub use grid::{Grid, grid};

use criterion::Criterion;
use launch::{Launcher, Observation};

/// What is launched from a minimum: plain SGD at a constant learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Launch {
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: usize,
    /// How batches are drawn; as the run did if absent.
    pub sampling: Option<Sampling>,
    /// Launches, with the seeds 0, 1, …; the first one's curvature is followed.
    pub seeds: u64,
    /// The most steps of each.
    pub max_steps: u64,
    /// Whether Theorem 1 is enough for a lower end.
    pub quick: bool,
}

impl Launch {
    /// Whether it has a meaning for n examples, before anything is measured.
    ///
    /// # Errors
    /// [`Error::Stability`] for an η or B outside its range, or no seeds or steps.
    pub fn check(&self, examples: usize) -> Result<(), Error> {
        check(examples, &[self.learning_rate], &[self.batch_size])?;
        not_zero(self.seeds, self.max_steps)
    }
}

fn check(examples: usize, rates: &[f64], sizes: &[usize]) -> Result<(), Error> {
    let law = law(Sampling::IndependentBatches);
    Batching::new(examples, 1, law)?;
    sizes.iter().try_for_each(|size| Batching::new(examples, *size, law).map(|_| ()))?;
    rates.iter().try_for_each(|rate| LearningRate::new(*rate).map(|_| ()))?;
    Ok(())
}

fn not_zero(launches: u64, steps: u64) -> Result<(), Error> {
    for (what, number) in [("the number of steps", steps), ("the number of launches", launches)] {
        if number == 0 {
            return Err(minimascope_stability::Error::Zero(what).into());
        }
    }
    Ok(())
}

/// Launches, and says what the theory said before; `None` when interrupted before a launch ended.
///
/// # Errors
/// [`Error::Stability`] for an η or B outside its range, or no seeds or steps.
pub fn escape(
    minimum: &mut Minimum<'_>,
    launch: &Launch,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<record::Escape>, Error> {
    let used = launch.sampling.unwrap_or(minimum.plan().config().train.sampling);
    let sampling = assumed(used);
    let n = minimum.plan().train().len();
    launch.check(n)?;
    let batching = Batching::new(n, launch.batch_size, law(sampling))?;
    let rate = LearningRate::new(launch.learning_rate)?;
    let mut watch = Watch { progress, interrupt };
    let wanted = Wanted::of_plain_sgd(launch.quick);
    minimum.settle(&batching, &wanted, &mut watch)?;
    let critical = minimum.critical(&batching, &wanted, &mut watch)?;
    if watch.is_interrupted() {
        return Ok(None);
    }
    let (verdict, margin) = records::judge(&critical.exact, rate);
    let predicted_growth = minimum.predicted_growth(&batching, rate)?;
    let criterion = Criterion::from_loss(minimum.record().train_loss);
    let flown = Flown { minimum, launch, used, criterion };
    let launches = if minimum.is_double_precision() {
        flown.all::<f64>(watch.progress, interrupt)?
    } else {
        flown.all::<f32>(watch.progress, interrupt)?
    };
    if launches.is_empty() {
        return Ok(None);
    }
    let mut notes = minimum.notes(sampling, minimum.used_at(Some(launch.batch_size), used))?;
    notes.extend(not_settled(&critical.exact));
    if minimum.momentum() != Momentum::NONE.value() {
        notes.push("the run had momentum, the launches have none".to_owned());
    }
    Ok(Some(record::Escape {
        schema_version: SCHEMA_VERSION,
        minimum: minimum.record().clone(),
        loss: minimum.plan().config().loss,
        learning_rate: launch.learning_rate,
        batch_size: launch.batch_size,
        sampling: used,
        max_steps: launch.max_steps,
        criterion: criterion.to_string(),
        critical_learning_rate: critical,
        verdict,
        margin,
        notes,
        predicted_growth,
        launches,
        folder: None,
    }))
}

struct Flown<'m, 'a> {
    minimum: &'m Minimum<'a>,
    launch: &'m Launch,
    used: Sampling,
    criterion: Criterion,
}

impl Flown<'_, '_> {
    fn all<T: Scalar>(
        &self,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Vec<record::Launch>, Error> {
        let (parameters, problem) = self.minimum.start::<T>()?;
        let launcher = Launcher {
            problem: &problem,
            start: &parameters,
            sampling: self.used,
            criterion: self.criterion,
            max_steps: self.launch.max_steps,
        };
        let mut launches = Vec::new();
        for seed in 0..self.launch.seeds {
            let observation =
                if seed == 0 { Observation::Everything } else { Observation::WithoutCurvature };
            let pair = (self.launch.learning_rate, self.launch.batch_size);
            let launch = launcher.launch(pair, seed, observation, progress, interrupt)?;
            let interrupted = launch.fate == record::Fate::Interrupted;
            launches.push(launch);
            if interrupted {
                break;
            }
        }
        Ok(launches)
    }
}

impl<'a> Minimum<'a> {
    pub(crate) fn start<T: Scalar>(&self) -> Result<(Vec<T>, Problem<'a, T>), Error> {
        let (parameters, _) = self.target.read::<T>()?;
        Ok((parameters, Problem::new(self.target.plan(), &self.machine)?))
    }

    pub(crate) fn is_double_precision(&self) -> bool {
        self.target.is_double_precision()
    }
}
