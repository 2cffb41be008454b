//! What is seen of a launch: every step of the departure, then fewer.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use minimascope_net::train::{Assessment, Assessor, CompletedStep, Observer, Trainer};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::escape::EscapePoint;

use super::leaving::LeavingRule;
use super::schedule::{EvaluationSchedule, Observation};
use super::setting::LaunchSetting;
use crate::Error;
use crate::loaded_plan::LoadedPlan;
use crate::measure::Instruments;
use crate::progress::{Event, Progress, StepProgress};

/// The most steps of slow departures.
const MOST_DENSE: u64 = 500;
/// Curvature is measured again when the loss has changed by this factor,
const LOSS_CHANGE: f64 = 3.0;
/// not within so many steps and a fifth of the steps so far,
const CURVATURE_REST: u64 = 5;
/// and not more often in one launch, besides its end.
const MOST_CURVATURES: usize = 24;

/// An observer of training.
pub(super) struct LaunchObserver<'p, 'a, T> {
    rule: LeavingRule,
    observation: Observation,
    max_steps: u64,
    start: &'p [T],
    loaded: &'p LoadedPlan<'a, T>,
    on_train: Assessor<'p, T>,
    on_test: Option<Assessor<'p, T>>,
    /// Made when curvature is first wanted: it holds all activations.
    evaluator: Option<Evaluator<'p, T>>,
    instruments: Instruments<'p>,
    schedule: EvaluationSchedule,
    losses: Vec<(u64, f64)>,
    course: Vec<EscapePoint>,
    dense: u64,
    /// Step and loss of the last curvature, and how many there were.
    measured: (u64, f64),
    curvatures: usize,
    begun: Instant,
    shown: Instant,
    failure: Option<Error>,
}

/// What was seen.
pub(super) struct Seen<'p> {
    /// (step, loss of the training set), steps rising.
    pub(super) losses: Vec<(u64, f64)>,
    pub(super) course: Vec<EscapePoint>,
    pub(super) left_at: Option<u64>,
    pub(super) progress: &'p mut dyn Progress,
}

impl<'p, 'a, T: Scalar> LaunchObserver<'p, 'a, T> {
    pub(super) fn new(
        setting: &LaunchSetting<'p, 'a, T>,
        observation: Observation,
        instruments: Instruments<'p>,
    ) -> Result<Self, Error> {
        let (loaded, start, rule) = (setting.loaded, setting.start, setting.rule);
        let now = Instant::now();
        let mut observer = Self {
            rule,
            observation,
            max_steps: setting.max_steps,
            start,
            loaded,
            on_train: loaded.on_train(),
            on_test: loaded.on_test().filter(|_| observation != Observation::Departure),
            evaluator: None,
            instruments,
            schedule: EvaluationSchedule::new(rule, observation),
            losses: Vec::new(),
            course: Vec::new(),
            dense: 0,
            measured: (0, rule.loss()),
            curvatures: 0,
            begun: now,
            shown: now,
            failure: None,
        };
        observer.evaluate(0, start, f64::NAN)?;
        Ok(observer)
    }

    /// What was seen, or what went wrong.
    pub(super) fn finish(self) -> Result<Seen<'p>, Error> {
        match self.failure {
            Some(error) => Err(error),
            None => Ok(Seen {
                losses: self.losses,
                course: self.course,
                left_at: self.schedule.left_at(),
                progress: self.instruments.progress,
            }),
        }
    }

    /// The last point, with its curvature.
    pub(super) fn end(
        &mut self,
        step: u64,
        parameters: &[T],
    ) -> Result<Option<EscapePoint>, Error> {
        let assessed = self.on_train.assess(parameters);
        if !assessed.loss.is_finite() {
            return Ok(None);
        }
        if self.schedule.last() < step {
            self.losses.push((step, assessed.loss));
            self.schedule.record(step, assessed.loss);
        }
        let mut point = self.point(step, parameters, &assessed);
        if self.observation != Observation::Departure {
            self.curvature(&mut point, parameters)?;
            match self.course.last_mut() {
                Some(last) if last.step == step => *last = point,
                _ => self.course.push(point),
            }
        }
        Ok(Some(point))
    }

    /// Evaluates the parameters after a step, if the schedule wants it.
    fn evaluate(&mut self, step: u64, parameters: &[T], average_loss: f64) -> Result<(), Error> {
        if !self.schedule.is_wanted(step, average_loss) {
            return Ok(());
        }
        // Before this evaluation, which may be the first that finds the launch gone: that step is
        // recorded too.
        let left = self.schedule.left_at().is_some();
        let (due, departing) = (self.schedule.is_due(step), self.schedule.is_departing(step));
        let assessed = self.on_train.assess(parameters);
        self.losses.push((step, assessed.loss));
        self.schedule.record(step, assessed.loss);
        if !assessed.loss.is_finite() || self.observation == Observation::Departure {
            return Ok(());
        }
        if !due {
            let begun = !left && self.rule.has_begun(assessed.loss);
            if !(departing || begun) || self.dense >= MOST_DENSE {
                return Ok(());
            }
            self.dense += 1;
        }
        let mut point = self.point(step, parameters, &assessed);
        if self.observation == Observation::Everything && self.is_curvature_due(&point) {
            self.curvature(&mut point, parameters)?;
            self.measured = (step, assessed.loss);
            self.curvatures += 1;
        }
        self.course.push(point);
        Ok(())
    }

    /// At the start, after a change of the loss, and as steps grow by half.
    fn is_curvature_due(&self, point: &EscapePoint) -> bool {
        let (step, loss) = self.measured;
        if point.step == 0 {
            return true;
        }
        let changed = (point.train_loss / loss).ln().abs() > LOSS_CHANGE.ln();
        let waited = point.step >= step + step / 5 + CURVATURE_REST;
        let long = point.step >= step + step / 2 + 20;
        self.curvatures < MOST_CURVATURES && (waited && changed || long)
    }

    fn point(&mut self, step: u64, parameters: &[T], assessed: &Assessment) -> EscapePoint {
        EscapePoint {
            step,
            train_loss: assessed.loss,
            train_accuracy: assessed.accuracy,
            test_accuracy: self.on_test.as_mut().map(|test| test.assess(parameters).accuracy),
            distance: distance(parameters, self.start),
            sharpness: None,
            non_uniformity: None,
        }
    }

    fn curvature(&mut self, point: &mut EscapePoint, parameters: &[T]) -> Result<(), Error> {
        let evaluator = match &mut self.evaluator {
            Some(evaluator) => evaluator,
            none => none.insert(self.loaded.evaluator()?),
        };
        evaluator.set_point(parameters)?;
        point.sharpness = self.instruments.sharpness(evaluator)?;
        point.non_uniformity = self.instruments.non_uniformity(evaluator)?;
        Ok(())
    }

    fn show(&mut self, step: &CompletedStep<'_, T>) {
        const EVERY: Duration = Duration::from_millis(200);
        if self.shown.elapsed() < EVERY {
            return;
        }
        self.shown = Instant::now();
        let steps_per_second = step.step as f64 / self.begun.elapsed().as_secs_f64();
        let remaining = (self.max_steps - step.step) as f64 / steps_per_second;
        self.instruments.progress.event(Event::Step(StepProgress {
            step: step.step,
            max_steps: self.max_steps,
            average_loss: step.average_loss,
            train_accuracy: self.course.last().map(|point| point.train_accuracy),
            steps_per_second,
            remaining_seconds: Some(remaining),
        }));
    }
}

/// ‖now − then‖; the largest number of f64 where it is beyond.
fn distance<T: Scalar>(now: &[T], then: &[T]) -> f64 {
    let moved = || now.iter().zip(then).map(|(now, then)| now.to_f64() - then.to_f64());
    let squares: f64 = moved().map(|moved| moved * moved).sum();
    if squares.is_finite() {
        return squares.sqrt();
    }
    let largest = moved().fold(0.0, |most: f64, moved| most.max(moved.abs())).min(f64::MAX);
    let shares = moved().map(|moved| (moved / largest) * (moved / largest));
    (largest * shares.sum::<f64>().sqrt()).min(f64::MAX)
}

impl<T: Scalar> Observer<T> for LaunchObserver<'_, '_, T> {
    fn observe(&mut self, step: &CompletedStep<'_, T>, _: &Trainer<'_, T>) -> ControlFlow<()> {
        if let Err(error) = self.evaluate(step.step, step.parameters, step.average_loss) {
            self.failure = Some(error);
            return ControlFlow::Break(());
        }
        self.show(step);
        if self.observation == Observation::Departure && self.schedule.left_at().is_some() {
            return ControlFlow::Break(());
        }
        self.instruments.go_on()
    }
}
