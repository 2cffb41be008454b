//! What the runs of a sweep may take, from those that are finished.

use minimascope_record::config::RunConfig;
use minimascope_record::run::{Provenance, RunSummary, Timing};
use minimascope_record::sweep::{EstimateBasis, RunEstimate};

use crate::Error;
use crate::folder::{CONFIG, PROVENANCE, TIMING};
use crate::plan::{Plan, network};
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
    /// Multiply–adds a second.
    rate: f64,
}

#[derive(Debug)]
struct Finished {
    /// With the seed and what changes no number blanked.
    configuration: RunConfig,
    model: String,
    batch_size: usize,
    steps: u64,
    /// Of one thread.
    train_seconds: f64,
    measure_seconds: f64,
}

impl History {
    /// Reads a store. A run without its times tells nothing and is passed over.
    ///
    /// # Errors
    /// [`Error::Read`] of the store itself.
    pub fn read(store: &Store) -> Result<Self, Error> {
        let runs: Vec<Finished> =
            store.finished()?.iter().filter_map(|id| one(store, id)).collect();
        let rates = runs.iter().filter_map(|run| {
            let (_, network) = network(&run.model).ok()?;
            let products = PASSES * (network.multiply_adds() * run.batch_size) as f64;
            Some(products * run.steps as f64 / run.train_seconds)
        });
        let rate = median(rates.filter(|rate| rate.is_finite())).unwrap_or(NOMINAL_RATE);
        Ok(Self { runs, rate })
    }

    /// What a run may take on one thread.
    #[must_use]
    pub fn estimate(&self, plan: &Plan) -> RunEstimate {
        let cell = without_seed(plan.config());
        let same_cell = || self.runs.iter().filter(|run| run.configuration == cell);
        if let (Some(steps), Some(seconds)) = (
            median(same_cell().map(|run| run.steps as f64)),
            median(same_cell().map(|run| run.train_seconds + run.measure_seconds)),
        ) {
            return RunEstimate { steps: steps as u64, seconds, basis: EstimateBasis::OtherSeeds };
        }
        let same_model = || self.runs.iter().filter(|run| run.model == plan.model());
        let same_size = same_model().filter(|run| run.batch_size == plan.batch_size());
        let timed = median(
            same_size.filter(|run| run.steps > 0).map(|run| run.train_seconds / run.steps as f64),
        );
        let operations = PASSES * (plan.network().multiply_adds() * plan.batch_size()) as f64;
        let (step, basis) = match timed {
            Some(seconds) => (seconds, EstimateBasis::StepLimit),
            None => (operations / self.rate, EstimateBasis::Operations),
        };
        let steps = plan.config().train.stop.max_steps;
        let measure = median(same_model().map(|run| run.measure_seconds)).unwrap_or(0.0);
        RunEstimate { steps, seconds: step * steps as f64 + measure, basis }
    }
}

fn one(store: &Store, id: &str) -> Option<Finished> {
    let folder = store.run(id);
    let summary: RunSummary = store.result(id).ok()??;
    let timing: Timing = folder.read_json(TIMING).ok()?;
    let threads = folder.read_json(PROVENANCE).map_or(1, |from: Provenance| from.threads.max(1));
    let text = std::fs::read_to_string(folder.file(CONFIG)).ok()?;
    let configuration: RunConfig = toml::from_str(&text).ok()?;
    Some(Finished {
        configuration: without_seed(&configuration),
        model: summary.model,
        batch_size: summary.batch_size,
        steps: summary.steps,
        train_seconds: timing.train_seconds * threads as f64,
        measure_seconds: timing.measure_seconds * threads as f64,
    })
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
