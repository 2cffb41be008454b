//! How a network is trained, in the words of a configuration file.

use derive_more::Display;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The loss of one example, with outputs z and targets y of K numbers each. The name carries the
/// normalisation: the mean and the half sum of squares differ by 2/K in every curvature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// (1/K) Σ_k (z_k − y_k)², the study's; Hessian in z: (2/K) I.
    MeanSquaredError,
    /// ½ Σ_k (z_k − y_k)²; Hessian in z: I.
    HalfSumOfSquares,
    /// −Σ_k y_k log softmax(z)_k; Hessian in z: diag(p) − p pᵀ.
    SoftmaxCrossEntropy,
    /// log(1 + eᶻ) − y z with one output and y ∈ {0, 1}; Hessian in z: p (1 − p).
    BinaryLogistic,
}

impl Loss {
    /// The loss in words, with its normalisation.
    pub const fn description(self) -> &'static str {
        match self {
            Self::MeanSquaredError => "squared error averaged over outputs",
            Self::HalfSumOfSquares => "half the sum of squared errors",
            Self::SoftmaxCrossEntropy => "softmax cross-entropy",
            Self::BinaryLogistic => "binary logistic loss",
        }
    }

    /// How many classes a network with so many outputs tells apart under this loss: one output a
    /// class, or one output for two classes.
    pub const fn tells_apart(self, outputs: usize) -> usize {
        match (self, outputs) {
            (_, 1) => 2,
            (Self::BinaryLogistic, _) => 0,
            (Self::MeanSquaredError | Self::HalfSumOfSquares | Self::SoftmaxCrossEntropy, _) => {
                outputs
            }
        }
    }
}

/// What turns a gradient into a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// θ ← θ − η g. Gradient descent is this with the whole training set as batch.
    Sgd,
    /// m ← β m + g; θ ← θ − η m.
    HeavyBall {
        /// β in [0, 1).
        momentum: f64,
    },
    /// m ← β m + g; θ ← θ − η (g + β m).
    Nesterov {
        /// β in [0, 1).
        momentum: f64,
    },
    /// Kingma and Ba 2015, with bias correction.
    Adam {
        /// Decay of the mean of gradients.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the mean square.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
}

/// The values that a setting of an optimiser can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
pub enum SettingRange {
    /// From 0 to below 1.
    #[display("from 0 to below 1")]
    BelowOne,
    /// A finite number over 0.
    #[display("a finite number over 0")]
    Positive,
}

impl SettingRange {
    /// Whether a value lies in the range.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Self::BelowOne => (0.0..1.0).contains(&value),
            Self::Positive => value > 0.0 && value.is_finite(),
        }
    }
}

/// A setting of an optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerSetting {
    /// Its key in a configuration.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// The values that it can take.
    pub range: SettingRange,
}

impl Optimizer {
    /// Every setting.
    pub fn settings(self) -> Vec<OptimizerSetting> {
        let below_one = |key, value| OptimizerSetting { key, value, range: SettingRange::BelowOne };
        match self {
            Self::Sgd => Vec::new(),
            Self::HeavyBall { momentum } | Self::Nesterov { momentum } => {
                vec![below_one("train.optimizer.momentum", momentum)]
            }
            Self::Adam { beta1, beta2, epsilon } => vec![
                below_one("train.optimizer.beta1", beta1),
                below_one("train.optimizer.beta2", beta2),
                OptimizerSetting {
                    key: "train.optimizer.epsilon",
                    value: epsilon,
                    range: SettingRange::Positive,
                },
            ],
        }
    }

    /// The optimiser in words, for batches smaller than the training set.
    pub fn description(self) -> String {
        match self {
            Self::Sgd => "SGD".to_owned(),
            Self::HeavyBall { momentum } => format!("momentum {momentum}"),
            Self::Nesterov { momentum } => format!("Nesterov {momentum}"),
            Self::Adam { .. } => "Adam".to_owned(),
        }
    }

    /// β of the heavy ball, 0 for plain SGD; nothing for an optimiser that the theory of stability
    /// does not cover.
    pub fn theory_momentum(self) -> Option<f64> {
        match self {
            Self::Sgd => Some(0.0),
            Self::HeavyBall { momentum } => Some(momentum),
            Self::Nesterov { .. } | Self::Adam { .. } => None,
        }
    }
}

/// How the batch of a step is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[display(rename_all = "kebab-case")]
pub enum Sampling {
    /// Reshuffled every epoch, without replacement (the study's); the last batch of an epoch may
    /// be smaller and is averaged over its own size.
    ReshuffledEpochs,
    /// Every second epoch is reshuffled, and the one after it takes the reverse order.
    ReshuffledAndReversed,
    /// One random order, shuffled once, for all epochs.
    SingleShuffle,
    /// The order of the training set in every epoch.
    FileOrder,
    /// B different examples, independently at each step (the theorem's).
    IndependentBatches,
    /// B examples drawn with replacement, independently at each step.
    WithReplacement,
}

impl Sampling {
    /// Every scheme.
    pub const ALL: [Self; 6] = [
        Self::ReshuffledEpochs,
        Self::ReshuffledAndReversed,
        Self::SingleShuffle,
        Self::FileOrder,
        Self::IndependentBatches,
        Self::WithReplacement,
    ];

    /// In words.
    pub fn description(self) -> &'static str {
        match self {
            Self::ReshuffledEpochs => "reshuffled epochs",
            Self::ReshuffledAndReversed => "reshuffled epochs, each followed by its reverse",
            Self::SingleShuffle => "one random order for all epochs",
            Self::FileOrder => "the order of the training set in every epoch",
            Self::IndependentBatches => "independent batches without replacement",
            Self::WithReplacement => "independent batches with replacement",
        }
    }

    /// Whether every example is taken once in an epoch, so that the batches of its steps are not
    /// independent.
    pub fn in_epochs(self) -> bool {
        match self {
            Self::ReshuffledEpochs
            | Self::ReshuffledAndReversed
            | Self::SingleShuffle
            | Self::FileOrder => true,
            Self::IndependentBatches | Self::WithReplacement => false,
        }
    }

    /// Whether all epochs take the examples in one order, so that nothing is random but that order.
    pub fn has_one_order(self) -> bool {
        matches!(self, Self::SingleShuffle | Self::FileOrder)
    }

    /// The scheme of independent batches closest to this one: what criteria for independent batches
    /// assume of it.
    pub fn independent(self) -> Self {
        if self.in_epochs() { Self::IndependentBatches } else { self }
    }
}

/// The learning rate at step t (counted from 0), as a multiple of η.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// 1.
    Constant,
    /// min(1, (t + 1) / steps).
    WarmUp {
        /// Length of the ramp.
        steps: u64,
    },
    /// factor^⌊t / every⌋.
    Step {
        /// Steps between drops.
        every: u64,
        /// Multiplier of each drop, in (0, 1].
        factor: f64,
    },
    /// floor + (1 − floor) (1 + cos(π min(t, steps)/steps)) / 2.
    Cosine {
        /// Steps until the floor.
        steps: u64,
        /// Lowest multiple, in [0, 1].
        #[serde(default)]
        floor: f64,
    },
}

/// When training ends. The first rule that holds ends it; `max_steps` always stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Converged when the exponential average (0.9 old + 0.1 new, starting from the first) of the
    /// batch loss falls below this. The study's rule, with 1e-4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_batch_loss_below: Option<f64>,
    /// Converged when the loss of the whole training set falls below this; measured once an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_loss_below: Option<f64>,
    /// At most so many steps.
    pub max_steps: u64,
    /// At most so many seconds. Not reproducible by nature: the outcome then says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,
}

impl Stop {
    /// After so many steps, and by no other rule.
    pub const fn after(max_steps: u64) -> Self {
        Self { average_batch_loss_below: None, full_loss_below: None, max_steps, max_seconds: None }
    }
}

/// How the parameters start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Initialization {
    /// Linear layers: weights U(±gain/√fan_in). Biases U(±1/√fan_in) whatever the gain.
    /// Convolutions: weights N(0, σ = gain·√(2/(k²·C_out))), bias 0.
    #[serde(default = "gain")]
    pub gain: f64,
}

impl Default for Initialization {
    fn default() -> Self {
        Self { gain: gain() }
    }
}

fn beta1() -> f64 {
    0.9
}
fn beta2() -> f64 {
    0.999
}
fn epsilon() -> f64 {
    1e-8
}
fn gain() -> f64 {
    1.0
}
