//! Parameters to examine: a run's folder, a run's id, or a file of parameters.

use std::path::{Path, PathBuf};

use minimascope_net::train::Checkpoint;
use minimascope_net::{Scalar, files};
use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;
use serde::Serialize;

use crate::Error;
use crate::config::sources::Sources;
use crate::folder::{CHECKPOINT, CONFIG, FINAL, OUTCOME, RunFolder, TRAINED, TrainingEnd};
use crate::plan::Plan;

/// Parameters on disk and the plan they belong to.
#[derive(Debug)]
pub struct Target {
    plan: Plan,
    parameters: PathBuf,
    outcome: Option<Outcome>,
    steps: u64,
}

impl Target {
    /// Finds `name`: a run's folder, a run's id below `out`, or a `.safetensors` file, in a run's
    /// folder or with a configuration of its own.
    ///
    /// # Errors
    /// [`Error::NoRun`], [`Error::NoConfiguration`], [`Error::NothingToMeasure`], and whatever is
    /// wrong with the configuration.
    pub fn find(name: &str, out: &Path, configuration: Option<&str>) -> Result<Self, Error> {
        let path = Path::new(name);
        if path.is_file() {
            return Self::of_file(path, configuration);
        }
        let below = out.join(name);
        let path = if path.is_dir() { path.to_owned() } else { below };
        let folder = RunFolder::at(path);
        if !folder.has(CONFIG) {
            return Err(Error::NoRun(name.into()));
        }
        let plan = Plan::check(&Sources::from_file(&folder.file(CONFIG))?.complete()?)?;
        let (outcome, steps) = ended(&folder)?;
        let file = if folder.has(FINAL) { FINAL } else { CHECKPOINT };
        if outcome.is_some_and(|outcome| !outcome.is_measurable()) {
            return Err(Error::NothingToMeasure { run: plan.id().to_string(), steps });
        }
        if !folder.has(file) {
            return Err(Error::NoRun(folder.file(file)));
        }
        Ok(Self { plan, parameters: folder.file(file), outcome, steps })
    }

    fn of_file(path: &Path, configuration: Option<&str>) -> Result<Self, Error> {
        let beside = path.with_file_name(CONFIG);
        let (sources, in_run) = match configuration {
            Some(name) => (Sources::open(name)?, false),
            None if beside.is_file() => (Sources::from_file(&beside)?, true),
            None => return Err(Error::NoConfiguration(path.to_owned())),
        };
        let plan = Plan::check(&sources.complete()?)?;
        let folder = RunFolder::at(path.parent().unwrap_or(Path::new("")).to_owned());
        let is_final = path.file_name().is_some_and(|name| name == FINAL);
        let (outcome, steps) = if in_run && is_final { ended(&folder)? } else { (None, 0) };
        Ok(Self { plan, parameters: path.to_owned(), outcome, steps })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How training ended; `None` for parameters that come from elsewhere.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The folder that the parameters lie in.
    pub fn folder(&self) -> &Path {
        self.parameters.parent().unwrap_or(Path::new(""))
    }

    /// Writes an answer about a run's end to the folder `kind` of the run; an answer about any other
    /// file of parameters is not kept.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(crate) fn save_answer(
        &self,
        kind: &str,
        name: &str,
        answer: &impl Serialize,
    ) -> Result<(), Error> {
        let is_end = self.parameters.file_name().is_some_and(|name| name == FINAL);
        if !is_end || self.outcome.is_none() {
            return Ok(());
        }
        let folder = RunFolder::at(self.folder().join(kind));
        folder.create()?;
        folder.write_json(name, answer)
    }

    /// The parameters, and the steps that led to them.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read<T: Scalar>(&self) -> Result<(Vec<T>, u64), Error> {
        let (network, file) = (self.plan.network(), &self.parameters);
        if file.file_name().is_some_and(|name| name == CHECKPOINT) {
            let checkpoint = Checkpoint::<T>::read(file, network)?;
            return Ok((checkpoint.parameters().to_vec(), checkpoint.step()));
        }
        Ok((files::read_parameters(file, network)?, self.steps))
    }
}

/// How a run's training ended, and after how many steps.
fn ended(folder: &RunFolder) -> Result<(Option<Outcome>, u64), Error> {
    if folder.has(OUTCOME) {
        let summary: RunSummary = folder.read_json(OUTCOME)?;
        return Ok((summary.outcome, summary.steps));
    }
    if folder.has(TRAINED) {
        let trained: TrainingEnd = folder.read_json(TRAINED)?;
        return Ok((Some(trained.outcome), trained.steps));
    }
    Ok((Some(Outcome::Interrupted), 0))
}
