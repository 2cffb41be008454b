//! What a run is: a hash of everything that determines its numbers, and of nothing else.

use derive_more::Display;
use minimascope_data::Dataset;
use minimascope_record::architecture::Architecture;
use minimascope_record::batch_size::BatchSize;
use minimascope_record::config::{MeasureConfig, Precision, RunConfig, TrainConfig};
use minimascope_record::training::{Initialization, Loss};
use serde::Serialize;

/// Rises when the same configuration gives other bits on the same machine, so that a run of an
/// older program is not taken for one of this.
pub fn numerics_version(loss: Loss) -> u32 {
    match loss {
        Loss::MeanSquaredError | Loss::HalfSumOfSquares => 1,
        // 2: without cancellation where examples are fitted.
        Loss::SoftmaxCrossEntropy | Loss::BinaryLogistic => 2,
    }
}

/// A run's identity: 16 hexadecimal digits, the name of its folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Display)]
pub struct RunId(String);

impl RunId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What determines the numbers. Names, paths, threads, memory, observers and checkpoints do not.
#[derive(Serialize)]
struct Identity<'a> {
    numerics_version: u32,
    precision: Precision,
    loss: Loss,
    architecture: &'a Architecture,
    initialization: Initialization,
    train_digest: &'a str,
    test_digest: Option<&'a str>,
    train: TrainConfig,
    measure: MeasureConfig,
}

pub(super) fn of(
    config: &RunConfig,
    architecture: &Architecture,
    train: &Dataset,
    test: Option<&Dataset>,
) -> RunId {
    // "all" and B = n are one run.
    let batch_size = BatchSize::Examples(config.train.batch_size.of(train.len()));
    let identity = Identity {
        numerics_version: numerics_version(config.loss),
        precision: config.precision,
        loss: config.loss,
        architecture,
        initialization: config.initialization,
        train_digest: train.digest(),
        test_digest: test.map(Dataset::digest),
        train: TrainConfig { batch_size, ..config.train.clone() },
        measure: config.measure,
    };
    let canonical = serde_json::to_vec(&identity).expect("an identity is JSON");
    RunId(blake3::hash(&canonical).to_hex()[..16].to_owned())
}
