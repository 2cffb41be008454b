//! SGD launched from a minimum: does it stay?

mod explanation;
mod grid;
mod growth;
mod launch;
mod leaving;
mod linearised;
mod observer;
mod prediction;
mod schedule;
mod setting;
pub mod toy;

use std::sync::atomic::AtomicBool;

use minimascope_net::{Scalar, constant_output_loss};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape as record;
use minimascope_record::stability::{Judged, MeasuredPoint, Origin, StabilityQuestion};
use minimascope_record::training::Sampling;
use minimascope_stability::{Batching, LearningRate, Momentum};

use crate::Error;
use crate::folder::{ESCAPE, ESCAPES, RunFolder};
use crate::loaded_plan::{LoadedPlan, in_precision};
use crate::progress::{Event, Progress, watching};
use crate::run::Existing;
use crate::stability::RunMinimum;

pub use grid::{Grid, grid};

use leaving::LeavingRule;
use linearised::{LinearisedNetwork, LinearisedQuestion, output_gradient};
use prediction::typical_of;
use schedule::Observation;
use setting::LaunchSetting;

/// What is launched from a minimum: plain SGD at a constant learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaunchQuestion {
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

impl LaunchQuestion {
    /// Where the record of a launch stands in its run's folder.
    pub fn folder_in(&self, run: &RunFolder) -> RunFolder {
        let (rate, size) = (self.learning_rate, self.batch_size);
        let name = format!("learning-rate-{rate}-batch-size-{size}");
        RunFolder::at(run.file(ESCAPES).join(name))
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
    let sampling = Sampling::IndependentBatches;
    Batching::new(examples, 1, sampling)?;
    sizes.iter().try_for_each(|size| Batching::new(examples, *size, sampling).map(|_| ()))?;
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
pub struct LaunchStore {
    /// The folder of the record.
    pub folder: RunFolder,
    /// [`Existing::Restart`] forgets what an earlier call of the same question finished.
    pub existing: Existing,
}

impl LaunchStore {
    /// What an earlier call left. A record that cannot be read is not written over: it may be that of
    /// a newer program.
    fn earlier<R: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<R>, Error> {
        match self.existing {
            Existing::Restart => Ok(None),
            _ => self.folder.optional(name),
        }
    }
}

/// Launches, and says what the theory said before. The record goes to its folder after every
/// launch.
///
/// # Errors
/// [`Error::Stability`] for an η or B outside its range, or no seeds or steps;
/// [`Error::NothingToLeave`]; [`Error::Interrupted`] before the first launch; [`Error::Write`].
pub fn escape(
    minimum: &mut RunMinimum<'_, '_>,
    launch: &LaunchQuestion,
    place: &LaunchStore,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<record::Escape, Error> {
    let used = launch.sampling.unwrap_or(minimum.plan().config().train.sampling);
    let n = minimum.plan().train().len();
    launch.check(n)?;
    let rule = minimum.leaving_rule()?;
    let batching = Batching::new(n, launch.batch_size, used)?;
    let rate = LearningRate::new(launch.learning_rate)?;
    let question = StabilityQuestion { quick: launch.quick, ..StabilityQuestion::default() };
    let effort = minimum.minimum.effort(&question)?;
    let judged: Judged = watching(progress, interrupt, |watch| {
        minimum.minimum.settle(&batching, &effort, watch)?;
        minimum.minimum.judged(rate, launch.batch_size, used, &effort, watch)
    })?;
    let predicted_growth = minimum.predicted_growth(&batching, rate)?;
    let mut notes = judged.notes;
    notes.extend(within_noise(rule));
    if minimum.momentum() != Momentum::NONE.value() {
        notes.push("the run had momentum, the launches have none".to_owned());
    }
    let nothing = record::Linearised {
        directions: 0,
        share_of_loss: 0.0,
        max_steps: 0,
        by_sampling: Vec::new(),
    };
    let mut record = record::Escape {
        schema_version: SCHEMA_VERSION,
        origin: minimum.origin(),
        point: minimum.minimum.measured().clone(),
        loss: minimum.plan().config().loss,
        learning_rate: launch.learning_rate,
        batch_size: launch.batch_size,
        sampling: used,
        max_steps: launch.max_steps,
        quick: launch.quick,
        criterion: rule.to_string(),
        leaving_loss: rule.limit(),
        constant_output_loss: minimum.constant_output_loss(),
        thresholds: judged.thresholds,
        verdict: judged.verdict,
        margin: judged.margin,
        notes,
        predicted_growth,
        observed_growth: None,
        linearised: nothing,
        launches: Vec::new(),
        folder: None,
    };
    let earlier = place.earlier::<record::Escape>(ESCAPE)?;
    if let Some(earlier) = earlier.filter(|earlier| is_same_question(earlier, &record)) {
        let finished = |launch: &record::Launch| launch.fate != record::Fate::Interrupted;
        record.launches = earlier.launches.into_iter().take_while(finished).collect();
        record.launches.truncate(launch.seeds as usize);
        // The twins of all launches, in the directions known now.
        let by_sampling = &earlier.linearised.by_sampling;
        let twins = by_sampling.first().map_or(0, |launches| launches.departures.len() as u64);
        let enough = twins >= launch.seeds || batching.noise() == 0.0 && twins > 0;
        if enough && earlier.linearised.directions == minimum.minimum.factors().rank() {
            record.linearised = earlier.linearised;
        }
    }
    place.folder.create()?;
    let question = LinearisedQuestion {
        learning_rate: rate,
        batching,
        launches: launch.seeds,
        max_steps: launch.max_steps,
        observation: Observation::WithoutCurvature,
        typical: typical_of(&predicted_growth),
    };
    if record.linearised.by_sampling.is_empty() {
        let gradient = output_gradient(&mut minimum.minimum)?;
        let network = LinearisedNetwork::new(minimum.minimum.factors(), &gradient, rule);
        let linearised = network.launch(&question, progress, interrupt)?;
        record.linearised = linearised.ok_or(Error::Interrupted)?;
    }
    let precision = minimum.plan().config().precision;
    in_precision!(precision, T => {
        launches::<T>(minimum, &question, rule, place, record, progress, interrupt)
    })
}

/// Whether launches of the one are launches of the other: the same optimiser from the same bits.
fn is_same_question(one: &record::Escape, other: &record::Escape) -> bool {
    let key = |of: &record::Escape| {
        (of.learning_rate, of.batch_size, of.sampling, of.max_steps, of.leaving_loss)
    };
    key(one) == key(other)
        && is_same_point((&one.origin, &one.point), (&other.origin, &other.point))
}

fn is_same_point(one: (&Origin, &MeasuredPoint), other: (&Origin, &MeasuredPoint)) -> bool {
    let key = |(origin, point): (&Origin, &MeasuredPoint)| {
        (origin.run.clone(), point.train_loss, point.gradient_norm)
    };
    key(one) == key(other)
}

/// What to say of a rule that noise may meet.
fn within_noise(rule: LeavingRule) -> Option<String> {
    rule.is_within_noise().then(|| {
        format!(
            "the minimum's loss {:.3e} is so near a constant output's that the noise of small \
             batches alone, a factor of 2 to 4, may count as leaving: train further first",
            rule.loss()
        )
    })
}

/// The launches of the network, each saved.
fn launches<T: Scalar>(
    minimum: &RunMinimum<'_, '_>,
    question: &LinearisedQuestion,
    rule: LeavingRule,
    place: &LaunchStore,
    mut record: record::Escape,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<record::Escape, Error> {
    let (start, loaded) = minimum.start::<T>()?;
    let setting = LaunchSetting {
        loaded: &loaded,
        start: &start,
        sampling: question.batching.sampling(),
        rule,
        max_steps: question.max_steps,
    };
    let pair = (question.learning_rate.value(), question.batching.batch_size());
    loop {
        let fits: Vec<_> = record.launches.iter().filter_map(|at| at.fitted_growth).collect();
        record.observed_growth = growth::pooled(&fits);
        place.folder.write_json(ESCAPE, &record)?;
        let seed = record.launches.len() as u64;
        if seed >= question.launches
            || record.launches.last().is_some_and(|at| at.fate == record::Fate::Interrupted)
        {
            return if seed > 0 { Ok(record) } else { Err(Error::Interrupted) };
        }
        let observation =
            if seed == 0 { Observation::Everything } else { Observation::WithoutCurvature };
        progress.event(Event::Launching {
            number: seed + 1,
            of: question.launches,
            learning_rate: pair.0,
            batch_size: pair.1,
        });
        let launch = setting.launch(pair, seed, observation, progress, interrupt)?;
        record.launches.push(launch);
    }
}

impl<'t> RunMinimum<'t, '_> {
    /// The minimum's parameters, with its plan in memory.
    fn start<T: Scalar>(&self) -> Result<(Vec<T>, LoadedPlan<'t, T>), Error> {
        let (parameters, _) = self.target.read::<T>()?;
        Ok((parameters, LoadedPlan::new(self.target.plan(), &self.machine)?))
    }

    /// When a launch counts as having left this minimum.
    fn leaving_rule(&self) -> Result<LeavingRule, Error> {
        let (loss, constant) = (self.minimum.measured().train_loss, self.constant_output_loss());
        LeavingRule::new(loss, constant).ok_or(Error::NothingToLeave { loss, constant })
    }

    fn constant_output_loss(&self) -> f64 {
        let plan = self.plan();
        constant_output_loss(plan.config().loss, plan.train().labels(), plan.network().outputs())
    }
}
