//! One launch of SGD from a minimum.

use std::sync::atomic::AtomicBool;

use minimascope_net::Scalar;
use minimascope_net::train::{Settings, Trainer};
use minimascope_record::escape::{Fate, Launch};
use minimascope_record::measured::finite;
use minimascope_record::outcome::Outcome;
use minimascope_record::training::{Optimizer, Sampling, Schedule, Stop};

use super::criterion::Criterion;
use super::growth;
use super::watch::Watcher;
use crate::Error;
use crate::measure::Instruments;
use crate::problem::Problem;
use crate::progress::{Event, Progress};

/// How much of a launch is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// Loss, accuracies, distance and curvature.
    Everything,
    /// The same, with curvature at the end alone.
    WithoutCurvature,
    /// Whether it leaves, and no longer than that.
    Departure,
}

/// What all launches from a minimum share.
pub(super) struct Launcher<'p, 'a, T> {
    pub(super) problem: &'p Problem<'a, T>,
    pub(super) start: &'p [T],
    pub(super) sampling: Sampling,
    pub(super) criterion: Criterion,
    pub(super) max_steps: u64,
}

impl<T: Scalar> Launcher<'_, '_, T> {
    pub(super) fn launch(
        &self,
        (learning_rate, batch_size): (f64, usize),
        seed: u64,
        observation: Observation,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Launch, Error> {
        let problem = self.problem;
        let config = problem.plan.config();
        let settings = Settings {
            optimizer: Optimizer::Sgd,
            learning_rate,
            schedule: Schedule::Constant,
            batch_size,
            sampling: self.sampling,
            stop: Stop {
                average_batch_loss_below: None,
                full_loss_below: None,
                max_steps: self.max_steps,
                max_seconds: None,
            },
            weight_decay: config.train.weight_decay,
            seed,
        };
        let network = problem.plan.network();
        let (examples, execution) = (&problem.train, &problem.execution);
        let start = self.start.to_vec();
        let mut trainer = Trainer::new(network, config.loss, examples, settings, start, execution)?;
        let instruments =
            Instruments { settings: config.measure, seed: config.train.seed, progress, interrupt };
        let mut watcher = Watcher::new(self, observation, instruments)?;
        let outcome = trainer.run(&mut watcher);
        let diverged = outcome == Outcome::Diverged;
        let end =
            if diverged { None } else { watcher.end(trainer.step(), trainer.parameters())? };
        let mut seen = watcher.finish()?;
        seen.progress.event(Event::StageEnded);
        if diverged {
            seen.left_at.get_or_insert(trainer.step());
            seen.losses.push((trainer.step() + 1, f64::NAN));
        }
        let stayed = seen.left_at.is_none();
        let fate = match outcome {
            Outcome::Diverged => Fate::Diverged,
            Outcome::Dead => Fate::Dead,
            // The watcher ends a launch that has left where nothing more is asked.
            Outcome::Interrupted if observation == Observation::Departure && !stayed => Fate::Away,
            Outcome::Interrupted => Fate::Interrupted,
            _ if stayed => Fate::Stays,
            _ if has_settled(&seen.losses, self.criterion) => Fate::Settled,
            _ => Fate::Away,
        };
        let losses = seen.losses.iter().map(|(_, loss)| *loss);
        // Not `f64::max`, which forgets a NaN.
        let largest = losses.fold(0.0, |a: f64, b| if a > b || a.is_nan() { a } else { b });
        let lowest = seen.course.iter().map(|at| at.train_accuracy).reduce(f64::min);
        let fitted =
            seen.left_at.and_then(|left_at| growth::fit(&seen.losses, self.criterion, left_at));
        Ok(Launch {
            seed,
            fate,
            left_at: seen.left_at,
            steps: trainer.step(),
            largest_loss: if diverged { None } else { finite(largest) },
            lowest_train_accuracy: lowest,
            fitted_growth: fitted,
            end,
            course: seen.course,
        })
    }
}

/// Whether no loss of the last fifth of the steps is above the criterion's. One step below proves
/// little: a path that bounces, or that noise drives, is below it every few steps.
fn has_settled(losses: &[(u64, f64)], criterion: Criterion) -> bool {
    let Some((steps, _)) = losses.last() else { return false };
    let late = |step: u64| 5 * step >= 4 * steps;
    losses.iter().all(|(step, loss)| !(late(*step) && criterion.has_left(*loss)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path that bounces until its end is away, however low its last loss.
    #[test]
    fn settled_is_a_matter_of_the_last_fifth() {
        let criterion = Criterion::new(1e-4, 0.1).unwrap();
        let settled = |last_above: u64| {
            let loss = |step: u64| if step <= last_above && step % 2 == 1 { 0.05 } else { 1e-4 };
            let losses: Vec<(u64, f64)> = (0..=1_000).map(|step| (step, loss(step))).collect();
            has_settled(&losses, criterion)
        };
        assert!(settled(799) && !settled(801) && !settled(999));
        assert!(!has_settled(&[(0, 1e-4), (1, f64::NAN)], criterion));
    }
}
