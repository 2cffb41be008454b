//! What can be asked of `escape`, and where its answer goes.

use std::path::PathBuf;

use clap::Args;
use minimascope_experiment::escape::LaunchStore;
use minimascope_experiment::folder::{ESCAPES, RunFolder};
use minimascope_experiment::run::Existing;
use minimascope_experiment::target::Target;
use minimascope_record::batch_size::BatchSize;

use crate::arguments::{MinimumPlace, OptimizerArguments, parse_batch_size, parse_number};

/// Steps of a launch: what the study's figures show.
pub(super) const STEPS: u64 = 3_000;

/// Launch SGD from a run's minimum, and see whether it stays.
#[derive(Debug, Args)]
pub(crate) struct EscapeArguments {
    /// A run's folder or id, a .safetensors file of parameters, or toy: the one-dimensional
    /// example.
    #[arg(value_name = "RUN|CHECKPOINT|toy")]
    pub(super) target: String,
    #[command(flatten)]
    pub(super) optimizer: OptimizerArguments,
    /// Launches, each with batches of its own [default: 1; of a grid's cell: 3; toy: 1000].
    #[arg(long, value_name = "K")]
    pub(super) seeds: Option<u64>,
    /// Steps of a launch [default: 3000, in a grid at most 100,000/B; toy: 500].
    #[arg(long, value_name = "STEPS")]
    pub(super) steps: Option<u64>,
    /// A grid of learning rates and batch sizes: who stays, and was it predicted?
    #[arg(long)]
    pub(super) grid: bool,
    /// The grid's learning rates [default: seven around the predicted thresholds].
    #[arg(
        long,
        value_name = "RATES",
        value_delimiter = ',',
        requires = "grid",
        num_args = 1,
        allow_hyphen_values = true,
        value_parser = parse_number
    )]
    pub(super) learning_rates: Vec<f64>,
    /// The grid's batch sizes [default: six from 1 to all].
    #[arg(long, value_name = "SIZES", value_delimiter = ',', requires = "grid", num_args = 1,
          allow_hyphen_values = true, value_parser = parse_batch_size)]
    pub(super) batch_sizes: Vec<BatchSize>,
    /// Of toy: the curvatures of the two functions at x = 1 [default: 0.2,3.8].
    #[arg(
        long,
        value_name = "H1,H2",
        value_delimiter = ',',
        num_args = 1,
        allow_hyphen_values = true,
        value_parser = parse_number
    )]
    pub(super) curvatures: Vec<f64>,
    /// Of toy: where the paths start [default: 1.00001].
    #[arg(long, value_name = "X", value_parser = parse_number)]
    pub(super) start: Option<f64>,
    /// For a large problem no certificate, so that more is left undecided, sooner.
    #[arg(long)]
    pub(super) quick: bool,
    /// Launch again what an earlier call finished.
    #[arg(long)]
    pub(super) force: bool,
    /// The folder for the record and the figure (SVG) [default: one of its own in the run's; toy: --out].
    #[arg(long, value_name = "DIR")]
    pub(super) figures: Option<PathBuf>,
    #[command(flatten)]
    pub(super) place: MinimumPlace,
}

impl EscapeArguments {
    /// Where the record and the figure go: a folder of their own in the run's.
    pub(super) fn folder(&self, target: &Target, name: &str) -> RunFolder {
        let scheme = self.optimizer.sampling.map(|scheme| format!("-{}", scheme.0));
        let below = || -> PathBuf {
            target.folder().join(ESCAPES).join(format!("{name}{}", scheme.unwrap_or_default()))
        };
        RunFolder::at(self.figures.clone().unwrap_or_else(below))
    }

    /// What becomes of launches that stand in the folder already.
    pub(super) fn keep_in(&self, folder: &RunFolder) -> LaunchStore {
        let existing = if self.force { Existing::Restart } else { Existing::Resume };
        LaunchStore { folder: folder.clone(), existing }
    }
}
