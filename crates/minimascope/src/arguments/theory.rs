//! The command line of the theory's questions.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, builder::PossibleValue};
use minimascope_record::batch_size::BatchSize;
use minimascope_record::training::Sampling;

use super::Machine;

/// A minimum on disk.
#[derive(Debug, Args)]
pub(crate) struct MinimumPlace {
    /// The run preset or TOML file that a lone file of parameters belongs to.
    #[arg(long, value_name = "PRESET|FILE.toml")]
    pub(crate) config: Option<String>,
    /// The folder that holds run folders, where RUN is an id.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// The folder for figures and records [default: the run's].
    #[arg(long, value_name = "DIR")]
    pub(crate) figures: Option<PathBuf>,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

/// η, B and the sampling scheme.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OptimizerArguments {
    /// η.
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// B, or all for gradient descent.
    #[arg(long, value_name = "B", value_parser = parse_batch_size)]
    pub(crate) batch_size: Option<BatchSize>,
    /// How the optimiser draws its batches [default: as the run did].
    #[arg(long, value_name = "SCHEME", value_enum)]
    pub(crate) sampling: Option<SamplingScheme>,
}

#[derive(Debug, Args)]
pub(crate) struct Stability {
    /// A run's folder or id, or a .safetensors file of parameters.
    #[arg(value_name = "RUN|CHECKPOINT")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) optimizer: OptimizerArguments,
    /// β of heavy-ball momentum [default: the run's].
    #[arg(long, value_name = "BETA")]
    pub(crate) momentum: Option<f64>,
    /// Critical learning rates at B = 1, 2, 4, … n, as a table and a figure.
    #[arg(long)]
    pub(crate) boundary: bool,
    /// The examples that make SGD leave, and the threshold without them [default count: 8].
    #[arg(
        long,
        visible_alias = "blame",
        value_name = "COUNT",
        num_args = 0..=1,
        default_missing_value = "8"
    )]
    pub(crate) attribution: Option<NonZeroUsize>,
    /// The curvature along SGD's own steps, to compare with 2/η.
    #[arg(long)]
    pub(crate) batch_sharpness: bool,
    /// No simulations, and for a large problem leading directions only: a wider bracket, sooner.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The exact threshold has settled when twice the directions change it by less than this.
    /// [default: 0.01]
    #[arg(long, value_name = "SHARE")]
    pub(crate) tolerance: Option<f64>,
    #[command(flatten)]
    pub(crate) place: MinimumPlace,
}

/// A launch has left at the first step after which the loss of the whole training set is more than
/// min(10·L, √(L·C)): L the minimum's loss, C that of the best constant output. Launches that are
/// finished are kept, and the same command goes on after them.
#[derive(Debug, Args)]
pub(crate) struct Escape {
    /// A run's folder or id, a .safetensors file of parameters, or toy: the one-dimensional
    /// example.
    #[arg(value_name = "RUN|CHECKPOINT|toy")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) optimizer: OptimizerArguments,
    /// Launches, each with batches of its own [default: 1; of a grid's cell: 3; toy: 1000].
    #[arg(long, value_name = "K")]
    pub(crate) seeds: Option<u64>,
    /// Steps of a launch [default: 3000, in a grid at most 100,000/B; toy: 500].
    #[arg(long, value_name = "STEPS")]
    pub(crate) steps: Option<u64>,
    /// A grid of learning rates and batch sizes: who stays, and was it predicted?
    #[arg(long)]
    pub(crate) grid: bool,
    /// The grid's learning rates [default: seven around the predicted thresholds].
    #[arg(
        long,
        value_name = "RATES",
        value_delimiter = ',',
        requires = "grid",
        num_args = 1,
        allow_hyphen_values = true
    )]
    pub(crate) learning_rates: Vec<f64>,
    /// The grid's batch sizes [default: six from 1 to all].
    #[arg(long, value_name = "SIZES", value_delimiter = ',', requires = "grid", num_args = 1,
          allow_hyphen_values = true, value_parser = parse_batch_size)]
    pub(crate) batch_sizes: Vec<BatchSize>,
    /// Of toy: the curvatures of the two functions at x = 1 [default: 0.2,3.8].
    #[arg(
        long,
        value_name = "H1,H2",
        value_delimiter = ',',
        num_args = 1,
        allow_hyphen_values = true
    )]
    pub(crate) curvatures: Vec<f64>,
    /// Of toy: where the paths start [default: 1.00001].
    #[arg(long, value_name = "X")]
    pub(crate) start: Option<f64>,
    /// For a large problem no certificate, so that more is left undecided, sooner.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Launch again what an earlier call finished.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) place: MinimumPlace,
}

/// A sampling scheme by the name that configuration files use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SamplingScheme(pub(crate) Sampling);

impl clap::ValueEnum for SamplingScheme {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(Sampling::ReshuffledEpochs),
            Self(Sampling::IndependentBatches),
            Self(Sampling::WithReplacement),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// 0 passes: the theory says what is wrong with it, and which numbers there are.
fn parse_batch_size(text: &str) -> Result<BatchSize, String> {
    if text == "all" {
        return Ok(BatchSize::All);
    }
    let size = text.parse().map_err(|_| "write a number of examples or all".to_owned())?;
    Ok(BatchSize::Examples(size))
}
