//! Questions about the minima of a sweep: launches, spectra, thresholds, and planes of learning rate and
//! batch size. An answer is a file in the run's folder, where
//! [`stored_runs`](minimascope_experiment::stored_runs) reads it, and is computed once.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_experiment::Error;
use minimascope_experiment::escape::{Grid, LaunchQuestion, LaunchStore, escape, grid};
use minimascope_experiment::folder::{
    ANSWERS, ESCAPE, ESCAPES, GRID, GRID_FOLDER, RunFolder, SPECTRA,
};
use minimascope_experiment::machine::Machine;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::progress::Progress;
use minimascope_experiment::run::Existing;
use minimascope_experiment::stability::{RunMinimum, at_minimum};
use minimascope_experiment::sweep::plan::SweepPlan;
use minimascope_experiment::sweep::store::Store;
use minimascope_experiment::target::Target;
use minimascope_minimum::SpectrumQuestion;
use minimascope_record::batch_size::BatchSize;
use minimascope_record::config::ModelConfig;
use minimascope_record::escape::{Escape, EscapeGrid, Fate};
use minimascope_record::outcome::Outcome;
use minimascope_record::stability::StabilityQuestion;
use minimascope_record::training::Optimizer;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Completion;

/// The questions about named sweeps.
const PRESETS: [(&str, &str); 1] = [("paper", include_str!("../presets/paper-questions.toml"))];

/// Launches in each cell of a grid.
const SEEDS: u64 = 3;

/// The questions about the minima of a sweep, by kind: a file such as `presets/paper-questions.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinimumQuestions {
    launch: Vec<PlannedLaunch>,
    spectrum: Vec<RunQuestion>,
    stability: Vec<RunQuestion>,
    grid: Vec<PlaneQuestion>,
}

/// The settings of the runs that a question is about. An absent setting may have any value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFilter {
    network: Option<String>,
    #[serde(default)]
    corrupted: usize,
    learning_rate: Option<f64>,
    #[serde(default)]
    batch_sizes: Vec<BatchSize>,
    gain: Option<f64>,
    #[serde(default)]
    seeds: Vec<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunQuestion {
    runs: RunFilter,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedLaunch {
    runs: RunFilter,
    learning_rate: f64,
    batch_size: BatchSize,
    #[serde(default = "one")]
    seeds: u64,
    #[serde(default = "steps")]
    steps: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaneQuestion {
    runs: RunFilter,
    /// If empty, [`Grid`] chooses learning rates about the thresholds.
    #[serde(default)]
    learning_rates: Vec<f64>,
    /// If empty, [`Grid`] chooses batch sizes from 1 to n.
    #[serde(default)]
    batch_sizes: Vec<BatchSize>,
    #[serde(default = "steps")]
    steps: u64,
}

fn one() -> u64 {
    1
}

/// The steps that the study's figures of launches show.
fn steps() -> u64 {
    3_000
}

impl RunFilter {
    fn matches(&self, run: &Plan) -> bool {
        let (config, n) = (run.config(), run.train().len());
        let train = &config.train;
        let network = match &config.model {
            ModelConfig::Preset(name) => Some(name),
            ModelConfig::File(_) | ModelConfig::Architecture(_) => None,
        };
        train.optimizer == Optimizer::Sgd
            && run.corrupted().len() == self.corrupted
            && self.network.as_ref().is_none_or(|wanted| network == Some(wanted))
            && self.learning_rate.is_none_or(|wanted| wanted == train.learning_rate)
            && self.gain.is_none_or(|wanted| wanted == config.initialization.gain)
            && (self.seeds.is_empty() || self.seeds.contains(&train.seed))
            && (self.batch_sizes.is_empty()
                || self.batch_sizes.iter().any(|size| size.of(n) == run.batch_size()))
    }
}

/// One question about one minimum.
enum Question {
    Launch(LaunchQuestion),
    Spectrum,
    Stability,
    Grid(Grid),
}

impl Question {
    /// The question in words, for progress messages.
    fn name(&self) -> String {
        match self {
            Self::Launch(launch) => {
                format!("launch with η = {}, B = {}", launch.learning_rate, launch.batch_size)
            }
            Self::Spectrum => "spectrum".to_owned(),
            Self::Stability => "critical learning rates".to_owned(),
            Self::Grid(_) => "plane of η and B".to_owned(),
        }
    }

    fn is_answered(&self, folder: &RunFolder) -> Result<bool, Error> {
        fn holds<R: DeserializeOwned>(
            folder: &RunFolder,
            name: &str,
            is_complete: impl Fn(&R) -> bool,
        ) -> Result<bool, Error> {
            Ok(folder.optional::<R>(name)?.is_some_and(|record| is_complete(&record)))
        }
        match self {
            Self::Launch(launch) => holds(&launch.folder_in(folder), ESCAPE, |record: &Escape| {
                record.launches.len() as u64 >= launch.seeds
                    && record.launches.iter().all(|launch| launch.fate != Fate::Interrupted)
            }),
            Self::Spectrum => Ok(has_answer(folder, SPECTRA)),
            Self::Stability => Ok(has_answer(folder, ANSWERS)),
            Self::Grid(_) => holds(&grid_in(folder), GRID, |record: &EscapeGrid| record.complete),
        }
    }
}

/// Whether a run's folder has an answer of a kind, of version 1 too.
fn has_answer(folder: &RunFolder, kind: &str) -> bool {
    let is_filled = |path: &Path| std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let mut files = std::fs::read_dir(folder.file(kind)).into_iter().flatten().flatten();
    is_filled(&folder.file(&format!("{kind}.json"))) || files.any(|file| is_filled(&file.path()))
}

fn grid_in(folder: &RunFolder) -> RunFolder {
    RunFolder::at(folder.file(ESCAPES).join(GRID_FOLDER))
}

impl MinimumQuestions {
    /// The questions about the minima of a named sweep; `None` if there are none.
    pub fn of_preset(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        Some(toml::from_str(text).expect("the questions are checked by a test"))
    }

    /// Every question with its run, whether or not the run has reached its minimum yet.
    fn questions<'p>(&self, plan: &'p SweepPlan) -> Vec<(&'p Plan, Question)> {
        let mut all = Vec::new();
        let matching = |filter: &RunFilter| {
            let runs: Vec<&'p Plan> =
                plan.runs().iter().filter(|run| filter.matches(run)).collect();
            runs
        };
        for PlannedLaunch { runs: filter, learning_rate, batch_size, seeds, steps } in &self.launch
        {
            all.extend(matching(filter).into_iter().map(|run| {
                let launch = LaunchQuestion {
                    learning_rate: *learning_rate,
                    batch_size: batch_size.of(run.train().len()),
                    sampling: None,
                    seeds: *seeds,
                    max_steps: *steps,
                    quick: true,
                };
                (run, Question::Launch(launch))
            }));
        }
        for RunQuestion { runs: filter } in &self.spectrum {
            all.extend(matching(filter).into_iter().map(|run| (run, Question::Spectrum)));
        }
        for RunQuestion { runs: filter } in &self.stability {
            all.extend(matching(filter).into_iter().map(|run| (run, Question::Stability)));
        }
        for PlaneQuestion { runs: filter, learning_rates, batch_sizes, steps } in &self.grid {
            all.extend(matching(filter).into_iter().map(|run| {
                let n = run.train().len();
                let grid = Grid {
                    learning_rates: learning_rates.clone(),
                    batch_sizes: batch_sizes.iter().map(|size| size.of(n)).collect(),
                    sampling: None,
                    seeds: SEEDS,
                    max_steps: *steps,
                    quick: false,
                };
                (run, Question::Grid(grid))
            }));
        }
        all
    }

    /// Answers the questions that have no answer yet, one after the other, for every run that converged.
    /// It calls `begun` with the run's id and the question before it starts on one.
    ///
    /// # Errors
    /// Those of [`Target::find`], [`at_minimum`], [`escape`] and [`grid`]; earlier answers stay on disk.
    pub fn answer(
        &self,
        plan: &SweepPlan,
        store: &Store,
        machine: &Machine,
        progress: &mut dyn Progress,
        mut begun: impl FnMut(&str, &str),
        interrupt: &AtomicBool,
    ) -> Result<Completion, Error> {
        for (run, question) in self.questions(plan) {
            let id = run.id().as_str();
            let found = store.result(id)?.and_then(|result| result.outcome);
            let folder = store.run(id);
            if found != Some(Outcome::Converged) || question.is_answered(&folder)? {
                continue;
            }
            begun(id, &question.name());
            let run = QuestionedRun { id, root: store.root(), folder };
            run.answer(&question, machine, progress, interrupt)?;
            if interrupt.load(Ordering::Relaxed) {
                return Ok(Completion::Interrupted);
            }
        }
        Ok(Completion::Complete)
    }
}

/// A run that a question is about.
struct QuestionedRun<'a> {
    id: &'a str,
    /// The folder of all runs.
    root: &'a Path,
    /// Its own folder.
    folder: RunFolder,
}

impl QuestionedRun<'_> {
    fn answer(
        self,
        question: &Question,
        machine: &Machine,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<(), Error> {
        let Self { id, root, folder } = self;
        let target = Target::find(id, root, None)?;
        let place = |folder| LaunchStore { folder, existing: Existing::Resume };
        let answer = |minimum: &mut RunMinimum<'_, '_>, progress: &mut dyn Progress| match question
        {
            Question::Launch(launch) => {
                let to = place(launch.folder_in(&folder));
                escape(minimum, launch, &to, progress, interrupt).map(drop)
            }
            Question::Grid(wanted) => {
                grid(minimum, wanted, &place(grid_in(&folder)), progress, interrupt).map(drop)
            }
            Question::Stability => {
                let quick = StabilityQuestion::default().quick();
                minimum.ask(&quick, progress, interrupt).map(drop)
            }
            Question::Spectrum => Ok(()),
        };
        let answered = match question {
            Question::Spectrum => {
                let density = SpectrumQuestion { density: true, ..SpectrumQuestion::default() };
                target.measure(&density, machine, progress, interrupt).map(drop)
            }
            _ => at_minimum(&target, machine, progress, interrupt, answer),
        };
        match answered {
            // The caller sees the flag; what was finished is on disk.
            Err(Error::Interrupted) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minimascope_experiment::progress::Silent;
    use minimascope_experiment::stored_runs;
    use minimascope_experiment::sweep::board::{Board, News, SweepProgress};
    use minimascope_experiment::sweep::pool::{SweepOptions, sweep};
    use minimascope_experiment::sweep::shard::Shard;
    use minimascope_record::stored_run::StoredRun;

    #[test]
    fn every_question_of_the_study_is_about_a_run_of_its_plan() {
        let plan = SweepPlan::open("paper", &[], None).unwrap();
        let questions = MinimumQuestions::of_preset("paper").unwrap();
        let count =
            |filter: &RunFilter| plan.runs().iter().filter(|run| filter.matches(run)).count();
        assert!(questions.launch.iter().all(|launch| count(&launch.runs) == 1));
        assert!(questions.grid.iter().all(|grid| count(&grid.runs) == 1));
        assert_eq!(
            questions.spectrum.iter().map(|question| count(&question.runs)).sum::<usize>(),
            4
        );
        // Of small batches: 6 and 6 pairs of η and B, and of the diagrams 8 and 7 more (gain 1 at
        // B = 10, and at B = 4 and 10, stands there).
        let runs: usize = questions.stability.iter().map(|question| count(&question.runs)).sum();
        assert_eq!(runs, 5 * (6 + 6 + 8 + 7));
    }

    /// A linear network on twelve images, and one question of every kind.
    const SWEEP: &str = r#"
        base = "base.toml"
        grid.train.batch_size = [4, "all"]
    "#;
    const BASE: &str = r#"
        precision = "f64"
        model.architecture.input = { channels = 1, height = 28, width = 28 }
        data = { source = "fashion-mnist", classes = [0, 1], train = { first = 8 }, test = { first = 4 } }
        train = { learning_rate = 0.2, stop = { max_steps = 20_000, average_batch_loss_below = 1e-2 } }
        [[model.architecture.layers]]
        kind = "average-pool"
        window = 7
        [[model.architecture.layers]]
        kind = "linear"
        outputs = 2
    "#;
    const QUESTIONS: &str = r#"
        launch = [{ runs = { batch_sizes = ["all"] }, learning_rate = 0.5, batch_size = 2 }]
        spectrum = [{ runs = { batch_sizes = ["all"] } }]
        stability = [{ runs = { batch_sizes = [4] } }]
        grid = [{ runs = { seeds = [0], batch_sizes = ["all"] }, learning_rates = [0.5], batch_sizes = [2] }]
    "#;

    struct Quiet;

    impl SweepProgress for Quiet {
        fn changed(&mut self, _: &Board, _: Option<&News>) {}
    }

    #[test]
    fn minima_are_asked_once_and_the_page_finds_the_answers() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), BASE).unwrap();
        let path = folder.path().join("sweep.toml");
        std::fs::write(&path, SWEEP).unwrap();
        let plan = SweepPlan::open(path.to_str().unwrap(), &[], None).unwrap();
        let store = Store::at(folder.path().join("runs"));
        let machine = Machine { threads: 1, memory_bytes: 1 << 28 };
        let questions: MinimumQuestions = toml::from_str(QUESTIONS).unwrap();
        let interrupt = AtomicBool::new(false);
        let ask = || {
            let mut said = Vec::new();
            let begun = |_: &str, what: &str| said.push(what.to_owned());
            let ended =
                questions.answer(&plan, &store, &machine, &mut Silent, begun, &interrupt).unwrap();
            (said, ended)
        };
        // Without minima there is nothing to ask.
        assert_eq!(ask(), (Vec::new(), Completion::Complete));
        let options = SweepOptions { machine, shard: Shard::WHOLE, retry_failed: false };
        sweep(&plan, &store, &options, &mut Quiet, &interrupt).unwrap();
        let (said, ended) = ask();
        assert_eq!((said.len(), ended), (4, Completion::Complete), "{said:?}");
        assert_eq!(ask(), (Vec::new(), Completion::Complete));
        let runs = stored_runs::read(store.root()).unwrap();
        let of = |all: bool| {
            let size = |run: &&_| -> bool {
                let run: &&StoredRun = run;
                let result = run.result.as_ref().unwrap();
                (result.batch_size == result.train_examples) == all
            };
            runs.iter().find(size).unwrap()
        };
        let (descent, sgd) = (of(true), of(false));
        assert!(descent.spectrum.is_some() && descent.grid.is_some());
        assert_eq!(descent.escapes.len(), 1);
        assert_eq!(sgd.judged.len(), 1);
    }
}
