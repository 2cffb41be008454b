//! The observer of a run: writes its traces and checkpoints, shows its progress, and ends it when
//! asked to. It reads what training shows it and changes nothing.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use minimascope_net::train::{Assessor, CompletedStep, Observer, Trainer};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::config::{CheckpointConfig, ObserveConfig};
use minimascope_record::measured::finite;
use minimascope_record::trace::{CurvatureLine, StepLine};

use super::pace::Pace;
use super::trace::Trace;
use crate::Error;
use crate::folder::{CHECKPOINT, CURVATURE, RunFolder, STEPS};
use crate::loaded_plan::LoadedPlan;
use crate::measure::Instruments;
use crate::progress::Event;

pub(super) struct Recorder<'a, T> {
    problem: &'a LoadedPlan<'a, T>,
    folder: &'a RunFolder,
    observe: ObserveConfig,
    checkpoint: CheckpointConfig,
    instruments: Instruments<'a>,
    pace: Pace,
    on_train: Assessor<'a, T>,
    on_test: Option<Assessor<'a, T>>,
    /// Made when curvature is first wanted: it holds all activations.
    evaluator: Option<Evaluator<'a, T>>,
    steps: Trace,
    curvature: Trace,
    last: StepLine,
    shown: ShownAccuracy,
    saved: Instant,
    /// An interruption fell into a measurement, whose line is missing.
    was_cut: bool,
    /// What ended training, where it was not the user.
    failure: Option<Error>,
}

/// The accuracy on the progress bar.
struct ShownAccuracy {
    value: Option<f64>,
    measured: Instant,
    /// What the last measurement took.
    cost: Duration,
}

impl<'a, T: Scalar> Recorder<'a, T> {
    pub(super) fn new(
        problem: &'a LoadedPlan<'a, T>,
        folder: &'a RunFolder,
        instruments: Instruments<'a>,
        from_step: u64,
    ) -> Result<Self, Error> {
        let config = problem.plan.config();
        let stop = config.train.stop;
        let target = stop.average_batch_loss_below.or(stop.full_loss_below);
        let now = Instant::now();
        Ok(Self {
            problem,
            folder,
            observe: config.observe,
            checkpoint: config.checkpoint,
            instruments,
            pace: Pace::new(from_step, stop.max_steps, target),
            on_train: problem.on_train(),
            on_test: problem.on_test(),
            evaluator: None,
            steps: Trace::open(folder, STEPS, from_step)?,
            curvature: Trace::open(folder, CURVATURE, from_step)?,
            last: StepLine { step: from_step, batch_loss: None, average_loss: None },
            shown: ShownAccuracy { value: None, measured: now, cost: Duration::ZERO },
            saved: now,
            was_cut: false,
            failure: None,
        })
    }

    /// Before training goes on: writes the line of the step that it goes on from, if an interruption
    /// fell into its measurement.
    pub(super) fn catch_up(&mut self, trainer: &Trainer<'_, T>) -> Result<(), Error> {
        let step = trainer.step();
        if step == 0 || self.curvature.last_step() == step {
            return Ok(());
        }
        self.observe_sets(step, trainer.parameters())
    }

    /// Whether a line is missing that only another start can write.
    pub(super) fn was_cut(&self) -> bool {
        self.was_cut
    }

    /// After training: everything on disk, with the last step of a run that is over, which no
    /// interval may leave out; or what went wrong.
    pub(super) fn finish(mut self, is_over: bool) -> Result<(), Error> {
        self.instruments.progress.event(Event::StageEnded);
        if let Some(error) = self.failure {
            return Err(error);
        }
        // A run that was continued with nothing left to train has seen no step.
        let is_left_out = self.last.batch_loss.is_some() && self.last.step > self.steps.last_step();
        if is_over && self.observe.loss_every > 0 && is_left_out {
            self.steps.write(self.last.step, &self.last)?;
        }
        self.steps.sync()?;
        self.curvature.sync()
    }

    fn record(
        &mut self,
        step: &CompletedStep<'_, T>,
        trainer: &Trainer<'_, T>,
    ) -> Result<(), Error> {
        self.last = StepLine {
            step: step.step,
            batch_loss: finite(step.batch_loss),
            average_loss: finite(step.average_loss),
        };
        if is_due(self.observe.loss_every, step.step) {
            self.steps.write(step.step, &self.last)?;
        }
        self.observe_sets(step.step, step.parameters)?;
        self.show(step);
        let CheckpointConfig { every_seconds, every_steps } = self.checkpoint;
        let waited = self.saved.elapsed().as_secs_f64();
        if is_due(every_steps, step.step) || (every_seconds > 0.0 && waited >= every_seconds) {
            self.save(trainer)?;
        }
        Ok(())
    }

    /// Traces first: a checkpoint never knows of lines that are not on disk.
    fn save(&mut self, trainer: &Trainer<'_, T>) -> Result<(), Error> {
        self.steps.sync()?;
        self.curvature.sync()?;
        let file = self.folder.file(CHECKPOINT);
        trainer.checkpoint().write(&file, self.problem.plan.network())?;
        self.saved = Instant::now();
        self.instruments.progress.event(Event::Saved { step: trainer.step() });
        Ok(())
    }

    fn observe_sets(&mut self, step: u64, parameters: &[T]) -> Result<(), Error> {
        let accuracy = is_due(self.observe.accuracy_every, step);
        let sharpness = is_due(self.observe.sharpness_every, step);
        let non_uniformity = is_due(self.observe.non_uniformity_every, step);
        if !(accuracy || sharpness || non_uniformity) {
            return Ok(());
        }
        let on_train = self.on_train.assess(parameters);
        if !on_train.loss.is_finite() {
            // The next step's loss will say that it diverged.
            return Ok(());
        }
        let mut line = CurvatureLine {
            step,
            train_loss: Some(on_train.loss),
            train_accuracy: Some(on_train.accuracy),
            ..CurvatureLine::default()
        };
        self.shown.value = line.train_accuracy;
        if accuracy && let Some(test) = &mut self.on_test {
            line.test_accuracy = Some(test.assess(parameters).accuracy);
        }
        if sharpness || non_uniformity {
            let evaluator = match &mut self.evaluator {
                Some(evaluator) => evaluator,
                none => none.insert(self.problem.evaluator()?),
            };
            evaluator.set_point(parameters)?;
            // Not from the last observation's eigenvector: a line depends on its parameters alone,
            // so that a resumed run writes the same bits.
            if sharpness {
                line.sharpness = self.instruments.sharpness(evaluator)?;
            }
            if non_uniformity {
                line.non_uniformity = self.instruments.non_uniformity(evaluator)?;
            }
        }
        if self.instruments.is_interrupted() {
            // Perhaps cut short; written whole when the run goes on, from here or from before.
            self.was_cut = true;
            return Ok(());
        }
        self.instruments.progress.event(Event::Observed(&line));
        self.curvature.write(step, &line)
    }

    fn show(&mut self, step: &CompletedStep<'_, T>) {
        if !self.pace.is_due() {
            return;
        }
        let shown = &mut self.shown;
        // Not more than a hundredth of the time for something that is only shown.
        if shown.measured.elapsed() >= Duration::from_secs(5).max(100 * shown.cost) {
            let begin = Instant::now();
            shown.value = Some(self.on_train.assess(step.parameters).accuracy);
            (shown.measured, shown.cost) = (Instant::now(), begin.elapsed());
        }
        let progress = self.pace.progress(step.step, step.average_loss, shown.value);
        self.instruments.progress.event(Event::Step(progress));
    }
}

impl<T: Scalar> Observer<T> for Recorder<'_, T> {
    fn observe(
        &mut self,
        step: &CompletedStep<'_, T>,
        trainer: &Trainer<'_, T>,
    ) -> ControlFlow<()> {
        let recorded = self.record(step, trainer);
        if let Err(error) = recorded {
            self.failure = Some(error);
            return ControlFlow::Break(());
        }
        self.instruments.go_on()
    }
}

fn is_due(every: u64, step: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}
