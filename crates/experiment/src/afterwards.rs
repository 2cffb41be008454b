//! What a study asks of the minima of a sweep once they are found: launches, spectra, critical
//! learning rates, planes of learning rate and batch size. Every answer is a file in the run's
//! folder, where [`crate::study`] reads it, and what is there is not computed again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_record::batch_size::BatchSize;
use minimascope_record::config::ModelConfig;
use minimascope_record::escape::{Escape, EscapeGrid, Fate};
use minimascope_record::outcome::Outcome;
use minimascope_record::training::Optimizer;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::escape::{Grid, Launch, Place, escape, grid};
use crate::folder::RunFolder;
use crate::measure::MoreSpectrum;
use crate::measure::target::Target;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::run::{Existing, Machine};
use crate::stability::{Minimum, Query};
use crate::study::{SPECTRUM, STABILITY, optional};
use crate::sweep::plan::SweepPlan;
use crate::sweep::store::Store;

/// Launches of a grid's cell.
const SEEDS: u64 = 3;

/// The questions, kind by kind.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Afterwards {
    launch: Vec<LaunchOf>,
    spectrum: Vec<Of>,
    stability: Vec<Of>,
    grid: Vec<GridOf>,
}

/// Which runs of a sweep are asked; an absent value may be any.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
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
struct Of {
    of: Which,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LaunchOf {
    of: Which,
    learning_rate: f64,
    batch_size: BatchSize,
    #[serde(default = "one")]
    seeds: u64,
    #[serde(default = "steps")]
    steps: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GridOf {
    of: Which,
    /// Empty: about the thresholds, as [`Grid`] chooses them.
    #[serde(default)]
    learning_rates: Vec<f64>,
    /// Empty: from 1 to n.
    #[serde(default)]
    batch_sizes: Vec<BatchSize>,
    #[serde(default = "steps")]
    steps: u64,
}

fn one() -> u64 {
    1
}

/// What the study's figures of launches show.
fn steps() -> u64 {
    3_000
}

impl Which {
    fn holds(&self, run: &Plan) -> bool {
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

/// What a run is asked.
enum Question {
    Launch(Launch),
    Spectrum,
    Stability,
    Grid(Grid),
}

impl Question {
    /// For a line that says what is computed.
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
            Ok(optional::<R>(folder, name)?.is_some_and(|record| is_complete(&record)))
        }
        match self {
            Self::Launch(launch) => {
                holds(&launch.folder_in(folder), "escape.json", |record: &Escape| {
                    record.launches.len() as u64 >= launch.seeds
                        && record.launches.iter().all(|launch| launch.fate != Fate::Interrupted)
                })
            }
            Self::Spectrum => holds(folder, SPECTRUM, |_: &serde_json::Value| true),
            Self::Stability => holds(folder, STABILITY, |_: &serde_json::Value| true),
            Self::Grid(_) => {
                holds(&grid_in(folder), "grid.json", |record: &EscapeGrid| record.complete)
            }
        }
    }
}

fn grid_in(folder: &RunFolder) -> RunFolder {
    RunFolder::at(folder.file("escape").join("grid"))
}

/// How the questions ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Every question about a minimum that there is has its answer.
    Complete,
    /// Stopped from outside; what was answered is saved.
    Interrupted,
}

impl Afterwards {
    /// The questions of a sweep that has a name; `None` for one without.
    #[must_use]
    pub fn of_preset(name: &str) -> Option<Self> {
        let text = crate::presets::afterwards(name)?;
        Some(toml::from_str(text).expect("the questions are checked by a test"))
    }

    /// Every question with the run that it is about, runs that have no minimum yet included.
    fn questions<'p>(&self, plan: &'p SweepPlan) -> Vec<(&'p Plan, Question)> {
        let mut all = Vec::new();
        let of = |which: &Which| {
            let runs: Vec<&'p Plan> = plan.runs().iter().filter(|run| which.holds(run)).collect();
            runs
        };
        for LaunchOf { of: which, learning_rate, batch_size, seeds, steps } in &self.launch {
            all.extend(of(which).into_iter().map(|run| {
                let launch = Launch {
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
        for Of { of: which } in &self.spectrum {
            all.extend(of(which).into_iter().map(|run| (run, Question::Spectrum)));
        }
        for Of { of: which } in &self.stability {
            all.extend(of(which).into_iter().map(|run| (run, Question::Stability)));
        }
        for GridOf { of: which, learning_rates, batch_sizes, steps } in &self.grid {
            all.extend(of(which).into_iter().map(|run| {
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

    /// Asks what is not answered yet of the runs that found a minimum, one question after the
    /// other, and says each to `begun` with the run's id.
    ///
    /// # Errors
    /// Those of [`Target::find`], [`Minimum::open`], [`escape`] and [`grid`]; earlier answers stay.
    pub fn ask(
        &self,
        plan: &SweepPlan,
        store: &Store,
        machine: &Machine,
        progress: &mut dyn Progress,
        mut begun: impl FnMut(&str, &str),
        interrupt: &AtomicBool,
    ) -> Result<Asked, Error> {
        for (run, question) in self.questions(plan) {
            let id = run.id().as_str();
            let found = store.result(id)?.and_then(|result| result.outcome);
            let folder = store.run(id);
            if found != Some(Outcome::Converged) || question.is_answered(&folder)? {
                continue;
            }
            begun(id, &question.name());
            let asked = Asking { root: store.root(), folder, machine, progress, interrupt };
            asked.of(id, &question)?;
            if interrupt.load(Ordering::Relaxed) {
                return Ok(Asked::Interrupted);
            }
        }
        Ok(Asked::Complete)
    }
}

/// One question.
struct Asking<'a> {
    root: &'a Path,
    folder: RunFolder,
    machine: &'a Machine,
    progress: &'a mut dyn Progress,
    interrupt: &'a AtomicBool,
}

impl Asking<'_> {
    fn of(self, id: &str, question: &Question) -> Result<(), Error> {
        let Self { root, folder, machine, progress, interrupt } = self;
        let target = Target::find(id, root, None)?;
        if matches!(question, Question::Spectrum) {
            let more = MoreSpectrum { density: true, ..MoreSpectrum::default() };
            let measured = target.measure(&more, machine, progress, interrupt)?;
            return measured.map_or(Ok(()), |measured| folder.write_json(SPECTRUM, &measured));
        }
        let Some(mut minimum) = Minimum::open(&target, machine, progress, interrupt)? else {
            return Ok(());
        };
        let place = |folder| Place { folder, existing: Existing::Resume };
        match question {
            Question::Launch(launch) => {
                let to = place(launch.folder_in(&folder));
                escape(&mut minimum, launch, &to, progress, interrupt).map(drop)
            }
            Question::Grid(wanted) => {
                grid(&mut minimum, wanted, &place(grid_in(&folder)), progress, interrupt).map(drop)
            }
            Question::Stability => {
                let query = Query { quick: true, ..Query::default() };
                let report = minimum.ask(&query, progress, interrupt)?;
                report.map_or(Ok(()), |report| folder.write_json(STABILITY, &report))
            }
            Question::Spectrum => unreachable!("it was measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::sweep::board::{Board, News, SweepProgress};
    use crate::sweep::pool::{SweepOptions, sweep};
    use crate::sweep::shard::Shard;

    #[test]
    fn every_question_of_the_study_is_about_a_run_of_its_plan() {
        let plan = SweepPlan::open("paper", &[], None).unwrap();
        let asked = Afterwards::of_preset("paper").unwrap();
        let of = |which: &Which| plan.runs().iter().filter(|run| which.holds(run)).count();
        assert!(asked.launch.iter().all(|launch| of(&launch.of) == 1));
        assert!(asked.grid.iter().all(|grid| of(&grid.of) == 1));
        assert_eq!(asked.spectrum.iter().map(|question| of(&question.of)).sum::<usize>(), 4);
        // Of small batches: 6 and 6 pairs of η and B, and of the diagrams 8 and 7 more (gain 1 at
        // B = 10, and at B = 4 and 10, stands there).
        let runs: usize = asked.stability.iter().map(|question| of(&question.of)).sum();
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
        launch = [{ of = { batch_sizes = ["all"] }, learning_rate = 0.5, batch_size = 2 }]
        spectrum = [{ of = { batch_sizes = ["all"] } }]
        stability = [{ of = { batch_sizes = [4] } }]
        grid = [{ of = { seeds = [0], batch_sizes = ["all"] }, learning_rates = [0.5], batch_sizes = [2] }]
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
        let asked: Afterwards = toml::from_str(QUESTIONS).unwrap();
        let interrupt = AtomicBool::new(false);
        let ask = || {
            let mut said = Vec::new();
            let begun = |_: &str, what: &str| said.push(what.to_owned());
            let ended = asked.ask(&plan, &store, &machine, &mut Silent, begun, &interrupt).unwrap();
            (said, ended)
        };
        // Without minima there is nothing to ask.
        assert_eq!(ask(), (Vec::new(), Asked::Complete));
        let options = SweepOptions { machine, shard: Shard::WHOLE, retry_failed: false };
        sweep(&plan, &store, &options, &mut Quiet, &interrupt).unwrap();
        let (said, ended) = ask();
        assert_eq!((said.len(), ended), (4, Asked::Complete), "{said:?}");
        assert_eq!(ask(), (Vec::new(), Asked::Complete));
        let study = crate::study::read(store.root()).unwrap();
        let of = |all: bool| {
            let size = |run: &&_| -> bool {
                let run: &&minimascope_record::study::StoredRun = run;
                let result = run.result.as_ref().unwrap();
                (result.batch_size == result.train_examples) == all
            };
            study.runs.iter().find(size).unwrap()
        };
        let (descent, sgd) = (of(true), of(false));
        assert!(descent.spectrum.is_some() && descent.grid.is_some());
        assert_eq!(descent.escapes.len(), 1);
        assert_eq!(sgd.judged.len(), 1);
    }
}
