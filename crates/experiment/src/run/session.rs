//! One start of a run: train, from a checkpoint if there is one, then measure.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use minimascope_minimum::SpectrumQuestion;
use minimascope_net::train::{Checkpoint, Settings, Trainer};
use minimascope_net::{Scalar, files};
use minimascope_record::outcome::Outcome;
use minimascope_record::run::{RunSummary, Timing};

use super::provenance;
use super::recorder::Recorder;
use crate::Error;
use crate::folder::{
    CHECKPOINT, CONFIG, FINAL, OUTCOME, PROVENANCE, RunFolder, TIMING, TRAINED, TrainingEnd,
    finished,
};
use crate::loaded_plan::LoadedPlan;
use crate::machine::Machine;
use crate::measure::{Instruments, MeasuredEnd, measured, summary};
use crate::plan::Plan;
use crate::progress::{Event, Progress};

pub(super) struct Session<'a, T> {
    problem: LoadedPlan<'a, T>,
    folder: RunFolder,
    progress: &'a mut dyn Progress,
    interrupt: &'a AtomicBool,
    timing: Timing,
}

impl<'a, T: Scalar> Session<'a, T> {
    pub(super) fn new(
        plan: &'a Plan,
        machine: &Machine,
        folder: RunFolder,
        progress: &'a mut dyn Progress,
        interrupt: &'a AtomicBool,
    ) -> Result<Self, Error> {
        let problem = LoadedPlan::new(plan, machine)?;
        let timing = if folder.has(TIMING) { folder.read_json(TIMING)? } else { Timing::default() };
        // The observers of this start; the provenance of the first.
        folder.write(CONFIG, plan.to_toml().as_bytes())?;
        if !folder.has(PROVENANCE) {
            folder.write_json(PROVENANCE, &provenance::of(plan, problem.execution.threads()))?;
        }
        Ok(Self { problem, folder, progress, interrupt, timing })
    }

    pub(super) fn run(mut self) -> Result<RunSummary, Error> {
        let trained =
            if self.folder.has(TRAINED) { self.folder.read_json(TRAINED)? } else { self.train()? };
        if !trained.outcome.is_final() {
            return Ok(self.interrupted(trained.steps));
        }
        let begin = Instant::now();
        let Some(point) = self.measure(trained.outcome)? else {
            return Ok(self.interrupted(trained.steps));
        };
        self.timing.measure_seconds = begin.elapsed().as_secs_f64();
        self.folder.write_json(TIMING, &self.timing)?;
        let summary = summary(self.problem.plan, Some(trained.outcome), trained.steps, point);
        self.folder.write_json(OUTCOME, &summary)?;
        finished(&self.folder)
    }

    /// From the checkpoint or the beginning to an end or an interruption.
    fn train(&mut self) -> Result<TrainingEnd, Error> {
        let Self { problem, folder, progress, .. } = self;
        let plan = problem.plan;
        let mut trainer = trainer(problem, folder)?;
        let from_step = trainer.step();
        progress.event(Event::Started {
            plan,
            folder: folder.path(),
            from_step,
            memory: problem.memory(),
            threads: problem.execution.threads(),
        });
        let instruments = Instruments::of(plan, problem.machine, &mut **progress, self.interrupt);
        let mut recorder = Recorder::new(problem, folder, instruments, from_step)?;
        recorder.catch_up(&trainer)?;
        let ended = trainer.run(&mut recorder);
        let outcome = if recorder.was_cut() { Outcome::Interrupted } else { ended };
        recorder.finish(outcome.is_final())?;
        let trained = TrainingEnd { outcome, steps: trainer.step() };
        self.timing.train_seconds = trainer.seconds();
        if !outcome.is_final() {
            trainer.checkpoint().write(&folder.file(CHECKPOINT), plan.network())?;
            return Ok(trained);
        }
        if outcome.is_measurable() {
            let file = folder.file(FINAL);
            files::write_parameters(&file, plan.network(), trainer.parameters())?;
        }
        folder.write_json(TIMING, &self.timing)?;
        folder.write_json(TRAINED, &trained)?;
        Ok(trained)
    }

    fn measure(&mut self, outcome: Outcome) -> Result<Option<MeasuredEnd>, Error> {
        if !outcome.is_measurable() {
            return Ok(Some(MeasuredEnd::default()));
        }
        let plan = self.problem.plan;
        let parameters = files::read_parameters(&self.folder.file(FINAL), plan.network())?;
        let question = SpectrumQuestion::default();
        let (progress, interrupt) = (&mut *self.progress, self.interrupt);
        match measured(&self.problem, &parameters, &question, progress, interrupt) {
            Err(Error::Interrupted) => Ok(None),
            other => other.map(Some),
        }
    }

    fn interrupted(&self, steps: u64) -> RunSummary {
        let outcome = Some(Outcome::Interrupted);
        let mut summary = summary(self.problem.plan, outcome, steps, MeasuredEnd::default());
        summary.folder = Some(self.folder.path().to_string_lossy().into_owned());
        summary
    }
}

/// Training as the plan has it, from the checkpoint if there is one.
fn trainer<'p, T: Scalar>(
    problem: &'p LoadedPlan<'_, T>,
    folder: &RunFolder,
) -> Result<Trainer<'p, T>, Error> {
    let plan = problem.plan;
    let config = &plan.config().train;
    let settings = Settings {
        optimizer: config.optimizer,
        learning_rate: config.learning_rate,
        schedule: config.schedule,
        batch_size: plan.batch_size(),
        sampling: config.sampling,
        stop: config.stop,
        weight_decay: config.weight_decay,
        seed: config.seed,
    };
    let (network, loss) = (plan.network(), plan.config().loss);
    let (examples, execution) = (&problem.train, &problem.execution);
    if folder.has(CHECKPOINT) {
        let checkpoint = Checkpoint::read(&folder.file(CHECKPOINT), network)?;
        return Ok(Trainer::resume(network, loss, examples, settings, checkpoint, execution)?);
    }
    let initial = network.initialize(&plan.config().initialization, config.seed);
    let parameters = initial.into_iter().map(T::from_f64).collect();
    Ok(Trainer::new(network, loss, examples, settings, parameters, execution)?)
}
