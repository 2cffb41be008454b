//! A minimum on disk, and the optimiser that a question is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::PossibleValue};
use minimascope_record::batch_size::BatchSize;
use minimascope_record::training::Sampling;

use super::machine::MachineArguments;
use super::number::parse_number;
use crate::output::ResultFormat;

/// A minimum on disk.
#[derive(Debug, Args)]
pub(crate) struct MinimumPlace {
    /// The run preset or TOML file that a lone file of parameters belongs to.
    #[arg(long, value_name = "PRESET|FILE.toml")]
    pub(crate) config: Option<String>,
    /// The folder that holds run folders, where RUN is an id.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) format: ResultFormat,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
}

/// η, B and the sampling scheme.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OptimizerArguments {
    /// η.
    #[arg(long, value_name = "RATE", value_parser = parse_number)]
    pub(crate) learning_rate: Option<f64>,
    /// B, or all for gradient descent.
    #[arg(long, value_name = "B", value_parser = parse_batch_size)]
    pub(crate) batch_size: Option<BatchSize>,
    /// How the optimiser draws its batches [default: as the run did].
    #[arg(long, value_name = "SCHEME", value_enum)]
    pub(crate) sampling: Option<SamplingScheme>,
}

/// A sampling scheme by the name that configuration files use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SamplingScheme(pub(crate) Sampling);

impl ValueEnum for SamplingScheme {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(Sampling::ReshuffledEpochs),
            Self(Sampling::ReshuffledAndReversed),
            Self(Sampling::SingleShuffle),
            Self(Sampling::FileOrder),
            Self(Sampling::IndependentBatches),
            Self(Sampling::WithReplacement),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.to_string()))
    }
}

/// 0 passes: the theory says what is wrong with it, and which numbers there are.
pub(crate) fn parse_batch_size(text: &str) -> Result<BatchSize, String> {
    if text == "all" {
        return Ok(BatchSize::All);
    }
    let size = text.parse().map_err(|_| "write a number of examples or all".to_owned())?;
    Ok(BatchSize::Examples(size))
}
