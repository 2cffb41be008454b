//! The training loop.

use std::ops::ControlFlow;
use std::time::Instant;

use minimascope_record::outcome::Outcome;
use minimascope_record::training::{Loss, Optimizer, OptimizerSetting, Sampling, Schedule, Stop};

use crate::layers::Weights;
use crate::{Error, Examples, Execution, Network, Scalar};

use super::assess::Assessor;
use super::checkpoint::Checkpoint;
use super::gradient::BatchGradient;
use super::in_place::InPlace;
use super::optimizer::{OptimizerMemory, Update};
use super::sampling::Batches;
use super::schedule::learning_rate_factor;

/// Steps between two checks whether the network is dead.
const DEATH_CHECK_EVERY: u64 = 500;
/// Weight of the old value in the exponential average of the batch loss (the study's).
const AVERAGE_KEEPS: f64 = 0.9;

/// The exponential average of batch losses after one more: 0.9 old + 0.1 new, and the first one alone.
pub fn averaged(average: Option<f64>, batch_loss: f64) -> f64 {
    average.map_or(batch_loss, |old| AVERAGE_KEEPS * old + (1.0 - AVERAGE_KEEPS) * batch_loss)
}

/// How to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What turns a gradient into a step.
    pub optimizer: Optimizer,
    /// η > 0.
    pub learning_rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// B, from 1 to n. B = n is gradient descent.
    pub batch_size: usize,
    /// How batches are drawn.
    pub sampling: Sampling,
    /// When to end.
    pub stop: Stop,
    /// λ ≥ 0 of the objective's (λ/2)‖θ‖².
    pub weight_decay: f64,
    /// Of the batches.
    pub seed: u64,
}

impl Settings {
    /// Plain SGD at a constant η on reshuffled epochs of seed 0, without weight decay, until the
    /// observer ends it.
    pub fn plain(learning_rate: f64, batch_size: usize) -> Self {
        Self {
            optimizer: Optimizer::Sgd,
            learning_rate,
            schedule: Schedule::Constant,
            batch_size,
            sampling: Sampling::ReshuffledEpochs,
            stop: Stop::after(u64::MAX),
            weight_decay: 0.0,
            seed: 0,
        }
    }

    /// # Errors
    /// [`Error::Setting`] for the first setting outside its range.
    fn check(&self, examples: usize) -> Result<(), Error> {
        let setting = |key, value: String, reason: &str| {
            Err(Error::Setting { key, value, reason: reason.to_owned() })
        };
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            let value = self.learning_rate.to_string();
            return setting("learning_rate", value, "it must be a positive number");
        }
        if self.batch_size == 0 || self.batch_size > examples {
            let value = self.batch_size.to_string();
            let reason = format!("it must be from 1 to the number of examples, {examples}");
            return setting("batch_size", value, &reason);
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            let value = self.weight_decay.to_string();
            return setting("weight_decay", value, "it must be zero or a positive number");
        }
        for OptimizerSetting { key, value, range } in self.optimizer.settings() {
            if !range.contains(value) {
                return setting(key, value.to_string(), &format!("it must be {range}"));
            }
        }
        Ok(())
    }
}

/// A completed step, as observers see it.
#[derive(Clone, Copy, Debug)]
pub struct CompletedStep<'a, T> {
    /// Steps taken so far.
    pub step: u64,
    /// θ after the step.
    pub parameters: &'a [T],
    /// The mean loss of the step's batch, before the step, without weight decay.
    pub batch_loss: f64,
    /// Its exponential average.
    pub average_loss: f64,
}

/// Observes a training run. An observer changes nothing of it but its end.
pub trait Observer<T> {
    /// Called after each step; `trainer` gives a checkpoint. A break interrupts the run.
    fn observe(&mut self, step: &CompletedStep<'_, T>, trainer: &Trainer<'_, T>)
    -> ControlFlow<()>;
}

impl<T, F: FnMut(&CompletedStep<'_, T>, &Trainer<'_, T>) -> ControlFlow<()>> Observer<T> for F {
    fn observe(
        &mut self,
        step: &CompletedStep<'_, T>,
        trainer: &Trainer<'_, T>,
    ) -> ControlFlow<()> {
        self(step, trainer)
    }
}

/// A training run: its parameters, and all that its next step depends on.
#[derive(Debug)]
pub struct Trainer<'a, T> {
    network: &'a Network,
    loss: Loss,
    examples: &'a Examples<T>,
    settings: Settings,
    execution: Execution,
    batches: Batches,
    parameters: Vec<T>,
    memory: OptimizerMemory<T>,
    step: u64,
    average: Option<f64>,
    /// Seconds of this run before it was resumed.
    seconds: f64,
    started: Option<Instant>,
    batch: Vec<usize>,
    gathered: Examples<T>,
    method: StepMethod<T>,
    flipped: Vec<T>,
}

/// How a step is computed: the gradient is applied layer by layer, or summed first.
#[derive(Debug)]
enum StepMethod<T> {
    InPlace(Box<InPlace<T>>),
    Summed(BatchGradient<T>),
}

impl<'a, T: Scalar> Trainer<'a, T> {
    /// A run that starts at `parameters`.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Length`] or [`Error::Outputs`].
    pub fn new(
        network: &'a Network,
        loss: Loss,
        examples: &'a Examples<T>,
        settings: Settings,
        parameters: Vec<T>,
        execution: &Execution,
    ) -> Result<Self, Error> {
        settings.check(examples.len())?;
        crate::loss::check_outputs(loss, network.outputs())?;
        let (found, expected) = (parameters.len(), network.parameters());
        if found != expected {
            return Err(Error::Length { what: "parameters", found, expected });
        }
        let Settings { optimizer, batch_size, sampling, seed, .. } = settings;
        let in_place = matches!(optimizer, Optimizer::Sgd) && InPlace::<T>::takes(batch_size);
        Ok(Self {
            network,
            loss,
            examples,
            settings,
            execution: execution.clone(),
            batches: Batches::new(sampling, examples.len(), batch_size, seed),
            memory: OptimizerMemory::new(optimizer, parameters.len()),
            parameters,
            step: 0,
            average: None,
            seconds: 0.0,
            started: None,
            batch: Vec::new(),
            gathered: examples.select(&[]),
            method: if in_place {
                StepMethod::InPlace(Box::new(InPlace::new(execution.threads())))
            } else {
                StepMethod::Summed(BatchGradient::new(network, batch_size))
            },
            flipped: Vec::new(),
        })
    }

    /// The run of a checkpoint, continued. The settings must be those it began with (a longer
    /// `stop` is fine); then it ends with the same bits.
    ///
    /// # Errors
    /// As [`Trainer::new`]; [`Error::Length`] when the checkpoint is of another optimiser.
    pub fn resume(
        network: &'a Network,
        loss: Loss,
        examples: &'a Examples<T>,
        settings: Settings,
        checkpoint: Checkpoint<T>,
        execution: &Execution,
    ) -> Result<Self, Error> {
        let Checkpoint { step, average, seconds, parameters, memory } = checkpoint;
        let mut trainer = Self::new(network, loss, examples, settings, parameters, execution)?;
        let lengths = |memory: &OptimizerMemory<T>| [memory.momentum.len(), memory.square.len()];
        for (found, expected) in lengths(&memory).into_iter().zip(lengths(&trainer.memory)) {
            if found != expected {
                return Err(Error::Length {
                    what: "checkpoint's optimiser state",
                    found,
                    expected,
                });
            }
        }
        (trainer.step, trainer.average, trainer.seconds) = (step, average, seconds);
        trainer.memory = memory;
        Ok(trainer)
    }

    /// θ now.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Seconds that this run has taken, those before it was resumed included.
    pub fn seconds(&self) -> f64 {
        self.seconds + self.started.map_or(0.0, |start| start.elapsed().as_secs_f64())
    }

    /// The exponential average of the batch loss, once there is one.
    pub fn average_loss(&self) -> Option<f64> {
        self.average
    }

    /// Where the run stands.
    pub fn checkpoint(&self) -> Checkpoint<T> {
        Checkpoint {
            step: self.step,
            average: self.average,
            seconds: self.seconds(),
            parameters: self.parameters.clone(),
            memory: self.memory.clone(),
        }
    }

    /// Trains until a stop rule holds or the observer breaks. [`Trainer::step`] says how many steps
    /// were taken: after a divergence, those before the batch whose loss was not finite.
    pub fn run(&mut self, observer: &mut dyn Observer<T>) -> Outcome {
        self.started = Some(Instant::now());
        let outcome = self.steps(observer);
        self.seconds = self.seconds();
        self.started = None;
        outcome
    }

    fn steps(&mut self, observer: &mut dyn Observer<T>) -> Outcome {
        let mut assessor = Assessor::new(self.network, self.loss, self.examples, &self.execution);
        let mut flow = ControlFlow::Continue(());
        loop {
            // Before the step, so that a run continued from its last step's checkpoint ends there.
            if let Some(outcome) = self.ended(&mut assessor) {
                return outcome;
            }
            if flow.is_break() {
                return Outcome::Interrupted;
            }
            let batch_loss = self.take_step();
            if !batch_loss.is_finite() {
                return Outcome::Diverged;
            }
            self.step += 1;
            let average = averaged(self.average, batch_loss);
            self.average = Some(average);
            let step = CompletedStep {
                step: self.step,
                parameters: &self.parameters,
                batch_loss,
                average_loss: average,
            };
            flow = observer.observe(&step, self);
        }
    }

    /// Whether a rule says that the steps taken so far are all. Depends on nothing but the state
    /// that a checkpoint holds (and, for the time limit, the clock).
    fn ended(&self, assessor: &mut Assessor<'_, T>) -> Option<Outcome> {
        let stop = self.settings.stop;
        let outcome = self.rule(&stop, assessor)?;
        // A last step can leave the numbers' range with no next batch to show it.
        let is_finite = self.parameters.iter().all(|x| x.is_finite());
        Some(if is_finite { outcome } else { Outcome::Diverged })
    }

    fn rule(&self, stop: &Stop, assessor: &mut Assessor<'_, T>) -> Option<Outcome> {
        if self.step > 0 {
            let below = |value: f64, limit: Option<f64>| limit.is_some_and(|limit| value < limit);
            if self.average.is_some_and(|now| below(now, stop.average_batch_loss_below)) {
                return Some(Outcome::Converged);
            }
            let full_loss_is_due = stop.full_loss_below.is_some()
                && self.step.is_multiple_of(self.batches.steps_per_epoch());
            let constant = if full_loss_is_due {
                let now = assessor.assess(&self.parameters);
                if below(now.loss, stop.full_loss_below) {
                    return Some(Outcome::Converged);
                }
                now.constant
            } else {
                self.step.is_multiple_of(DEATH_CHECK_EVERY)
                    && assessor.is_constant(&self.parameters)
            };
            if constant && self.examples.len() > 1 {
                return Some(Outcome::Dead);
            }
        }
        if self.step >= stop.max_steps {
            return Some(Outcome::StepLimit);
        }
        let is_late = stop.max_seconds.is_some_and(|limit| self.seconds() >= limit);
        is_late.then_some(Outcome::TimeLimit)
    }

    /// One step; the mean loss of its batch before it. A batch whose loss is not finite leaves
    /// the parameters as they were, unless they were updated in place.
    fn take_step(&mut self) -> f64 {
        let Settings { optimizer, learning_rate, schedule, weight_decay, .. } = self.settings;
        let learning_rate = learning_rate * learning_rate_factor(schedule, self.step);
        let (network, loss) = (self.network, self.loss);
        let examples = if self.batches.is_full() {
            self.examples
        } else {
            self.batches.draw(self.step, &mut self.batch);
            self.gathered.gather(self.examples, &self.batch);
            &self.gathered
        };
        let scale = 1.0 / examples.len() as f64;
        match &mut self.method {
            StepMethod::InPlace(in_place) => {
                let rate = T::from_f64(learning_rate * scale);
                let keep = T::from_f64(1.0 - learning_rate * weight_decay);
                let parameters = &mut self.parameters;
                scale * in_place.step(network, loss, examples, parameters, (rate, keep))
            }
            StepMethod::Summed(gradient) => {
                network.flip(&self.parameters, &mut self.flipped);
                let point = Weights { values: &self.parameters, flipped: &self.flipped };
                let value = gradient.run(network, loss, examples, point, &self.execution);
                if value.is_finite() {
                    let step = self.step + 1;
                    let update = Update { optimizer, learning_rate, weight_decay, scale, step };
                    let (parameters, memory) = (&mut self.parameters, &mut self.memory);
                    update.apply(gradient, parameters, memory, &self.execution);
                }
                scale * value
            }
        }
    }
}
