//! SGD launched from a minimum: does it stay?

mod criterion;
mod explanation;
mod grid;
mod growth;
mod launch;
mod looks;
mod prediction;
mod relaunch;
pub mod toy;
mod watch;

use std::sync::atomic::AtomicBool;

use minimascope_net::{Scalar, constant_output_loss};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape as record;
use minimascope_record::stability::Minimum as Measured;
use minimascope_record::training::Sampling;
use minimascope_stability::{Batching, LearningRate, Momentum};

use crate::Error;
use crate::folder::RunFolder;
use crate::problem::Problem;
use crate::progress::{Event, Progress};
use crate::run::Existing;
use crate::stability::{Minimum, Wanted, Watch, assumed, law, not_settled};

pub use grid::{Grid, grid};

use criterion::Criterion;
use launch::{Launcher, Observation};
use prediction::typical_of;
use relaunch::Again;

/// A whole departure from a minimum.
const RECORD: &str = "escape.json";

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
    /// Where the record of a launch stands in its run's folder.
    #[must_use]
    pub fn folder_in(&self, run: &RunFolder) -> RunFolder {
        let (rate, size) = (self.learning_rate, self.batch_size);
        let name = format!("learning-rate-{rate}-batch-size-{size}");
        RunFolder::at(run.file("escape").join(name))
    }

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

/// Where launches are kept, one after the other as they end.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of the record.
    pub folder: RunFolder,
    /// [`Existing::Restart`] forgets what an earlier call of the same question finished.
    pub existing: Existing,
}

impl Place {
    /// What an earlier call left, if it can be read: a record of another version is none.
    fn earlier<R: serde::de::DeserializeOwned>(&self, name: &str) -> Option<R> {
        #[derive(serde::Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let wanted = self.existing != Existing::Restart && self.folder.has(name);
        let version = wanted.then(|| self.folder.read_json::<Version>(name).ok()).flatten()?;
        (version.schema_version == SCHEMA_VERSION)
            .then(|| self.folder.read_json(name).ok())
            .flatten()
    }
}

/// Launches, and says what the theory said before. The record goes to its folder after every
/// launch; `None` when interrupted before the first.
///
/// # Errors
/// [`Error::Stability`] for an η or B outside its range, or no seeds or steps;
/// [`Error::NothingToLeave`]; [`Error::Write`].
pub fn escape(
    minimum: &mut Minimum<'_>,
    launch: &Launch,
    place: &Place,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<record::Escape>, Error> {
    let used = launch.sampling.unwrap_or(minimum.plan().config().train.sampling);
    let sampling = assumed(used);
    let n = minimum.plan().train().len();
    launch.check(n)?;
    let criterion = minimum.criterion()?;
    let batching = Batching::new(n, launch.batch_size, law(sampling))?;
    let rate = LearningRate::new(launch.learning_rate)?;
    let mut watch = Watch { progress, interrupt };
    let wanted = Wanted::of_plain_sgd(launch.quick);
    minimum.settle(&batching, &wanted, &mut watch)?;
    let critical = minimum.critical(&batching, &wanted, &mut watch)?;
    if watch.is_interrupted() {
        return Ok(None);
    }
    let (verdict, margin) = minimum.judge(&critical.exact, rate)?;
    let predicted_growth = minimum.predicted_growth(&batching, rate, used)?;
    let mut notes = minimum.notes(sampling, minimum.used_at(Some(launch.batch_size), used))?;
    notes.extend(not_settled(&critical.exact));
    notes.extend(minimum.directions_left_out(Momentum::NONE));
    notes.extend(within_noise(criterion));
    if minimum.momentum() != Momentum::NONE.value() {
        notes.push("the run had momentum, the launches have none".to_owned());
    }
    let empty =
        record::Linearised { directions: 0, share_of_loss: 0.0, max_steps: 0, laws: vec![] };
    let mut record = record::Escape {
        schema_version: SCHEMA_VERSION,
        minimum: minimum.record().clone(),
        loss: minimum.plan().config().loss,
        learning_rate: launch.learning_rate,
        batch_size: launch.batch_size,
        sampling: used,
        max_steps: launch.max_steps,
        quick: launch.quick,
        criterion: criterion.to_string(),
        leaving_loss: criterion.limit(),
        constant_output_loss: minimum.constant_output_loss(),
        critical_learning_rate: critical,
        verdict,
        margin,
        notes,
        predicted_growth,
        observed_growth: None,
        linearised: empty,
        launches: Vec::new(),
        folder: None,
    };
    let earlier = place.earlier::<record::Escape>(RECORD);
    if let Some(earlier) = earlier.filter(|earlier| is_same_question(earlier, &record)) {
        let finished = |launch: &record::Launch| launch.fate != record::Fate::Interrupted;
        record.launches = earlier.launches.into_iter().take_while(finished).collect();
        record.launches.truncate(launch.seeds as usize);
        // The twins of all launches, in the directions known now.
        let twins = earlier.linearised.laws.first().map_or(0, |law| law.departures.len() as u64);
        let enough = twins >= launch.seeds || batching.noise() == 0.0 && twins > 0;
        if enough && earlier.linearised.directions == minimum.factors.rank() {
            record.linearised = earlier.linearised;
        }
    }
    place.folder.create()?;
    let again = Again {
        learning_rate: rate,
        batching,
        used,
        launches: launch.seeds,
        max_steps: launch.max_steps,
        observation: Observation::WithoutCurvature,
        typical: typical_of(&predicted_growth),
    };
    let with = Launches { minimum, again: &again, criterion, place };
    let begun = if minimum.is_double_precision() {
        with.all::<f64>(&mut record, &mut watch)?
    } else {
        with.all::<f32>(&mut record, &mut watch)?
    };
    Ok(begun.then_some(record))
}

/// Whether launches of the one are launches of the other: the same optimiser from the same bits.
fn is_same_question(one: &record::Escape, other: &record::Escape) -> bool {
    let key = |of: &record::Escape| {
        (of.learning_rate, of.batch_size, of.sampling, of.max_steps, of.leaving_loss)
    };
    key(one) == key(other) && is_same_point(&one.minimum, &other.minimum)
}

fn is_same_point(one: &Measured, other: &Measured) -> bool {
    let key = |of: &Measured| (of.run.clone(), of.train_loss, of.gradient_norm);
    key(one) == key(other)
}

/// What to say of a criterion that noise may meet.
fn within_noise(criterion: Criterion) -> Option<String> {
    criterion.is_within_noise().then(|| {
        format!(
            "the minimum's loss {:.3e} is so near a constant output's that the noise of small \
             batches alone, a factor of 2 to 4, may count as leaving: train further first",
            criterion.loss()
        )
    })
}

struct Launches<'m, 'a> {
    minimum: &'m Minimum<'a>,
    again: &'m Again,
    criterion: Criterion,
    place: &'m Place,
}

impl Launches<'_, '_> {
    /// The linearised launches, then those of the network, each saved; whether one was begun.
    fn all<T: Scalar>(
        &self,
        record: &mut record::Escape,
        watch: &mut Watch<'_>,
    ) -> Result<bool, Error> {
        let (parameters, problem) = self.minimum.start::<T>()?;
        if record.linearised.laws.is_empty() {
            let relaunch = self.minimum.relaunch(&problem, &parameters, self.criterion)?;
            let Some(linearised) = relaunch.launch(self.again, watch)? else { return Ok(false) };
            record.linearised = linearised;
        }
        let launcher = Launcher {
            problem: &problem,
            start: &parameters,
            sampling: self.again.used,
            criterion: self.criterion,
            max_steps: self.again.max_steps,
        };
        let pair = (self.again.learning_rate.value(), self.again.batching.batch_size());
        loop {
            let fits: Vec<_> = record.launches.iter().filter_map(|at| at.fitted_growth).collect();
            record.observed_growth = growth::pooled(&fits);
            self.place.folder.write_json(RECORD, record)?;
            let seed = record.launches.len() as u64;
            if seed >= self.again.launches
                || record.launches.last().is_some_and(|at| at.fate == record::Fate::Interrupted)
            {
                return Ok(seed > 0);
            }
            let observation =
                if seed == 0 { Observation::Everything } else { Observation::WithoutCurvature };
            watch.progress.event(Event::Launching {
                number: seed + 1,
                of: self.again.launches,
                learning_rate: pair.0,
                batch_size: pair.1,
            });
            let launch =
                launcher.launch(pair, seed, observation, watch.progress, watch.interrupt)?;
            record.launches.push(launch);
        }
    }
}

impl<'a> Minimum<'a> {
    pub(crate) fn start<T: Scalar>(&self) -> Result<(Vec<T>, Problem<'a, T>), Error> {
        let (parameters, _) = self.target.read::<T>()?;
        Ok((parameters, Problem::new(self.target.plan(), &self.machine)?))
    }

    /// The criterion of leaving this minimum.
    fn criterion(&self) -> Result<Criterion, Error> {
        let (loss, constant) = (self.record().train_loss, self.constant_output_loss());
        Criterion::new(loss, constant).ok_or(Error::NothingToLeave { loss, constant })
    }

    fn constant_output_loss(&self) -> f64 {
        let plan = self.plan();
        constant_output_loss(plan.config().loss, plan.train().labels(), plan.network().outputs())
    }

    pub(crate) fn is_double_precision(&self) -> bool {
        self.target.is_double_precision()
    }
}
