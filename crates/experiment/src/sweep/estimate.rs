//! What the runs of a sweep may take, from those that are finished.

use minimascope_record::config::RunConfig;
use minimascope_record::outcome::Outcome;
use minimascope_record::run::{Provenance, RunSummary, Timing};
use minimascope_record::sweep::{EstimateBasis, RunEstimate};

use crate::Error;
use crate::folder::{PROVENANCE, TIMING};
use crate::plan::Plan;
use crate::sweep::store::Store;

/// Multiply–adds a second of one thread where no run has been timed: between the rates of small
/// and of large batches in docs/performance.md.
const NOMINAL_RATE: f64 = 4e10;

/// A step's products: forward, the gradient by the activations, and that by the weights.
const PASSES: f64 = 3.0;

/// The finished runs of a store and what they took.
#[derive(Debug, Default)]
pub struct History {
    runs: Vec<Finished>,
}

#[derive(Debug)]
struct Finished {
    /// Without the seed and what changes no number.
    cell: RunConfig,
    batch_size: usize,
    outcome: Option<Outcome>,
    steps: u64,
    /// Of one thread.
    train_seconds: f64,
    measure_seconds: f64,
}

impl History {
    /// Reads a store. A run without its times tells nothing and is passed over.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Damaged`] for any file that is there.
    pub fn read(store: &Store) -> Result<Self, Error> {
        let runs = store.finished()?;
        let runs = runs.iter().filter_map(|id| one(store, id).transpose());
        Ok(Self { runs: runs.collect::<Result<_, _>>()? })
    }

    /// What a run may take on one thread.
    pub fn estimate(&self, plan: &Plan) -> RunEstimate {
        let cell = without_seed(plan.config());
        let same_cell = || self.runs.iter().filter(|run| run.cell == cell);
        if let (Some(steps), Some(seconds)) = (
            median(same_cell().map(|run| run.steps as f64)),
            median(same_cell().map(|run| run.train_seconds + run.measure_seconds)),
        ) {
            return RunEstimate { steps: steps as u64, seconds, basis: EstimateBasis::OtherSeeds };
        }
        let of_network = || self.runs.iter().filter(|run| run.cell.model == cell.model);
        let (steps, basis) = self.steps(&cell);
        let (step, basis) = match step_seconds(of_network(), plan.batch_size()) {
            Some(seconds) => (seconds, basis),
            None => {
                let products = plan.network().multiply_adds() * plan.batch_size();
                (PASSES * products as f64 / NOMINAL_RATE, EstimateBasis::Operations)
            }
        };
        let measure = median(of_network().map(|run| run.measure_seconds)).unwrap_or(0.0);
        RunEstimate { steps, seconds: step * steps as f64 + measure, basis }
    }

    fn steps(&self, cell: &RunConfig) -> (u64, EstimateBasis) {
        let limit = cell.train.stop.max_steps;
        let is_alike = |run: &&Finished| {
            run.outcome == Some(Outcome::Converged)
                && (&run.cell.model, &run.cell.data) == (&cell.model, &cell.data)
                && run.cell.loss == cell.loss
                && run.cell.train.optimizer == cell.train.optimizer
                && run.cell.train.stop.average_batch_loss_below
                    == cell.train.stop.average_batch_loss_below
                && run.cell.train.stop.full_loss_below == cell.train.stop.full_loss_below
        };
        let times = self.runs.iter().filter(is_alike);
        match median(times.map(|run| run.cell.train.learning_rate * run.steps as f64)) {
            Some(time) => {
                let steps = (time / cell.train.learning_rate).ceil() as u64;
                (steps.min(limit), EstimateBasis::TrainingTime)
            }
            None => (limit, EstimateBasis::StepLimit),
        }
    }
}

/// The median time of a step at the batch size nearest to B, times the ratio of both.
fn step_seconds<'a>(runs: impl Iterator<Item = &'a Finished>, batch_size: usize) -> Option<f64> {
    let timed: Vec<&Finished> = runs.filter(|run| run.steps > 0).collect();
    let ratio = |run: &Finished| batch_size as f64 / run.batch_size as f64;
    let distance = |run: &Finished| ratio(run).ln().abs();
    let nearest = timed.iter().map(|run| distance(run)).fold(f64::INFINITY, f64::min);
    let near = timed.iter().filter(|run| distance(run) <= nearest);
    median(near.map(|run| ratio(run) * run.train_seconds / run.steps as f64))
}

fn one(store: &Store, id: &str) -> Result<Option<Finished>, Error> {
    let folder = store.run(id);
    let Some(summary): Option<RunSummary> = store.result(id)? else { return Ok(None) };
    let Some(timing): Option<Timing> = folder.optional(TIMING)? else { return Ok(None) };
    let provenance: Option<Provenance> = folder.optional(PROVENANCE)?;
    let threads = provenance.map_or(1, |from| from.threads.max(1));
    let (configuration, _) = folder.configuration()?;
    Ok(Some(Finished {
        cell: without_seed(&configuration),
        outcome: summary.outcome,
        batch_size: summary.batch_size,
        steps: summary.steps,
        train_seconds: timing.train_seconds * threads as f64,
        measure_seconds: timing.measure_seconds * threads as f64,
    }))
}

fn without_seed(config: &RunConfig) -> RunConfig {
    let mut config = config.clone();
    config.train.seed = 0;
    config.observe = Default::default();
    config.checkpoint = Default::default();
    config.data.folder = None;
    config
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sources::Sources;
    use crate::folder::{CONFIG, OUTCOME};

    fn plan(assignments: &[&str]) -> Plan {
        let mut sources = Sources::from_preset("cifar10-vgg").unwrap();
        for text in assignments {
            sources.assign(text.parse().unwrap());
        }
        Plan::check(&sources.complete().unwrap()).unwrap()
    }

    fn finished(plan: &Plan, steps: u64, train_seconds: f64) -> Finished {
        Finished {
            cell: without_seed(plan.config()),
            batch_size: plan.batch_size(),
            outcome: Some(Outcome::Converged),
            steps,
            train_seconds,
            measure_seconds: 5.0,
        }
    }

    #[test]
    fn a_damaged_run_is_not_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path().to_owned());
        let folder = store.run("run");
        folder.create().unwrap();
        let result = include_bytes!("../../../record/tests/version-1/run.json");
        folder.write(OUTCOME, result).unwrap();
        folder.write(CONFIG, plan(&[]).to_toml().as_bytes()).unwrap();
        assert_eq!(History::read(&store).unwrap().runs.len(), 0, "it has no times");
        folder.write_json(TIMING, &Timing::default()).unwrap();
        assert_eq!(History::read(&store).unwrap().runs.len(), 1);
        for name in [OUTCOME, TIMING, PROVENANCE, CONFIG] {
            let whole = std::fs::read(folder.file(name)).ok();
            folder.write(name, b"{").unwrap();
            let refused = History::read(&store).unwrap_err().to_string();
            assert!(refused.contains(&format!("{name} is damaged: ")), "{refused}");
            match whole {
                Some(whole) => folder.write(name, &whole).unwrap(),
                None => std::fs::remove_file(folder.file(name)).unwrap(),
            }
        }
    }

    #[test]
    fn each_estimate_says_what_it_stands_on() {
        let known = plan(&["train.learning_rate=0.1", "train.batch_size=10"]);
        let mut history = History::default();
        let basis = |history: &History, assignments: &[&str]| {
            let estimate = history.estimate(&plan(assignments));
            (estimate.basis, estimate.steps, estimate.seconds)
        };
        let none = basis(&history, &[]);
        assert_eq!((none.0, none.1), (EstimateBasis::Operations, 100_000));
        history.runs.push(finished(&known, 4_000, 4.0));
        assert_eq!(
            basis(&history, &["train.batch_size=10", "train.seed=9", "observe.loss_every=3"]),
            (EstimateBasis::OtherSeeds, 4_000, 9.0)
        );
        // 4,000 steps at 0.1 are 8,000 at 0.05, of twice the examples.
        assert_eq!(
            basis(&history, &["train.learning_rate=0.05", "train.batch_size=20"]),
            (EstimateBasis::TrainingTime, 8_000, 8_000.0 * 2e-3 + 5.0)
        );
        history.runs[0].outcome = Some(Outcome::StepLimit);
        assert_eq!(
            basis(&history, &["train.learning_rate=0.05", "train.batch_size=10"]),
            (EstimateBasis::StepLimit, 100_000, 105.0)
        );
    }
}
