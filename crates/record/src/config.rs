//! One run, in the words of a configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::architecture::Architecture;
use crate::batch_size::BatchSize;
use crate::dataset::DataConfig;
use crate::training::{Initialization, Loss, Optimizer, Sampling, Schedule, Stop};

/// The version of configuration files. It rises when a key changes its meaning or goes; records have
/// a version of their own, [`crate::SCHEMA_VERSION`].
pub const CONFIG_VERSION: u32 = 1;

/// A run: train a network on data, then measure the minimum it reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// [`CONFIG_VERSION`].
    #[serde(default = "config_version")]
    pub schema_version: u32,
    /// The numbers of the passes. Losses, norms and eigenvalues are f64 in either case.
    #[serde(default)]
    pub precision: Precision,
    /// The loss of one example; the objective is its mean over the training set.
    #[serde(default = "mean_squared_error")]
    pub loss: Loss,
    /// The network.
    pub model: ModelConfig,
    /// How the parameters start.
    #[serde(default)]
    pub initialization: Initialization,
    /// The examples.
    pub data: DataConfig,
    /// How the network is trained.
    pub train: TrainConfig,
    /// What is recorded while training. Changes no bit of the result.
    #[serde(default)]
    pub observe: ObserveConfig,
    /// When training is saved. Changes no bit of the result.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// How the minimum is measured.
    #[serde(default)]
    pub measure: MeasureConfig,
}

/// The numbers of the derivative passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits: to train and measure.
    #[default]
    F32,
    /// 64 bits: to verify.
    F64,
}

/// The network. In TOML: `model = { preset = "lenet5" }`, `model = { file = "network.toml" }`, or a
/// table `[model.architecture]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelConfig {
    /// A network that the program knows (`model list`).
    Preset(String),
    /// A TOML file with `input` and `layers`.
    File(PathBuf),
    /// The layers, here.
    Architecture(Architecture),
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// η, over 0.
    pub learning_rate: f64,
    /// B, from 1 to n, or `"all"` for gradient descent.
    #[serde(default = "all")]
    pub batch_size: BatchSize,
    /// The one seed of the run, split by purpose into initialisation, batches and probes.
    #[serde(default)]
    pub seed: u64,
    /// λ of the term (λ/2) ‖θ‖² in the objective. It adds λ I to the Hessian.
    #[serde(default)]
    pub weight_decay: f64,
    /// What turns a gradient into a step.
    #[serde(default = "sgd")]
    pub optimizer: Optimizer,
    /// The learning rate over time, as a multiple of η.
    #[serde(default = "constant")]
    pub schedule: Schedule,
    /// How the batch of a step is drawn.
    #[serde(default = "reshuffled_epochs")]
    pub sampling: Sampling,
    /// When training ends.
    pub stop: Stop,
}

/// What is recorded while training, every so many steps. 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ObserveConfig {
    /// Batch loss and its average, to `steps.jsonl`.
    pub loss_every: u64,
    /// Loss and accuracy of the whole training and test set, to `curvature.jsonl`.
    pub accuracy_every: u64,
    /// Sharpness, to `curvature.jsonl`.
    pub sharpness_every: u64,
    /// Non-uniformity, to `curvature.jsonl`.
    pub non_uniformity_every: u64,
}

impl Default for ObserveConfig {
    fn default() -> Self {
        Self { loss_every: 10, accuracy_every: 0, sharpness_every: 0, non_uniformity_every: 0 }
    }
}

/// When training is saved, besides at its end and at an interruption. 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Seconds between checkpoints.
    pub every_seconds: f64,
    /// Steps between checkpoints.
    pub every_steps: u64,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every_seconds: 30.0, every_steps: 0 }
    }
}

/// How the minimum is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeasureConfig {
    /// The largest relative residual ‖Av − λv‖/|λ| that counts as converged. A relative error of
    /// f32 products stands below it: 2e-4 for a Hessian product of the study's networks.
    pub tolerance: f64,
    /// The most operator products that one eigenvalue may take.
    pub max_products: usize,
}

impl Default for MeasureConfig {
    fn default() -> Self {
        Self { tolerance: 5e-4, max_products: 2_000 }
    }
}

fn all() -> BatchSize {
    BatchSize::All
}
fn config_version() -> u32 {
    CONFIG_VERSION
}
fn constant() -> Schedule {
    Schedule::Constant
}
fn mean_squared_error() -> Loss {
    Loss::MeanSquaredError
}
fn reshuffled_epochs() -> Sampling {
    Sampling::ReshuffledEpochs
}
fn sgd() -> Optimizer {
    Optimizer::Sgd
}
