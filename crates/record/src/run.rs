//! The result of a run: `outcome.json`, and the object that `run --json` and `measure --json` print.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{Density, Estimate, Measured};
use crate::outcome::Outcome;
use crate::training::{Loss, Sampling};

/// What a run reached. Losses are in the unit of `loss`, accuracies are fractions of 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// The version of this schema.
    pub schema_version: u32,
    /// The run's id: a hash of what determines its numbers.
    pub run: String,
    /// Its folder, in the object that is printed; absent from the file in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The network's name: its preset, its file's name, or `architecture`.
    pub model: String,
    /// The dataset's name.
    pub data: String,
    /// P.
    pub parameters: usize,
    /// n, the number of training examples.
    pub train_examples: usize,
    /// Training examples with a wrong label, by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrupted_examples: Vec<usize>,
    /// The loss of one example with its normalisation; curvatures are of its mean.
    pub loss: Loss,
    /// λ of the term (λ/2) ‖θ‖², part of the objective and its curvature.
    pub weight_decay: f64,
    /// η.
    pub learning_rate: f64,
    /// B, as a number also for `"all"`.
    pub batch_size: usize,
    /// How batches were drawn.
    pub sampling: Sampling,
    /// The seed.
    pub seed: u64,
    /// How training ended; `null` for parameters that come from elsewhere.
    pub outcome: Option<Outcome>,
    /// Steps taken.
    pub steps: u64,
    /// The mean loss of the training set, without weight decay; `null` where it is not finite.
    pub train_loss: Option<f64>,
    /// ‖∇f‖ of the objective on the training set, weight decay included.
    pub gradient_norm: Option<f64>,
    /// Of the training set, against its labels as trained (corrupted ones included).
    pub train_accuracy: Option<f64>,
    /// Of the test set; `null` without one.
    pub test_accuracy: Option<f64>,
    /// a = λ_max(H), H the Hessian of the objective. `null` after divergence.
    pub sharpness: Option<Measured>,
    /// s = √λ_max(Σ), Σ = mean H_i² − H². `null` after divergence.
    pub non_uniformity: Option<Measured>,
    /// 2/η: gradient descent stays only below this sharpness. Of plain SGD at a constant η.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness_limit: Option<f64>,
    /// s_max = (1/η) √(B(n − 1)/(n − B)) of the study's rectangle, which proves nothing by itself.
    /// `null` for B = n, where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_uniformity_limit: Option<f64>,
    /// Further spectra, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<Spectrum>,
}

/// More of the Hessian's spectrum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spectrum {
    /// The largest eigenvalues, from the top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<Measured>,
    /// The density of all eigenvalues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Density>,
    /// tr H.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Estimate>,
}

/// Where a run's numbers come from: `provenance.json`. Nothing here determines a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// The version of this schema.
    pub schema_version: u32,
    /// The run's id.
    pub run: String,
    /// The program's version.
    pub version: String,
    /// The commit it was built from, where known.
    pub commit: Option<String>,
    /// The version of the numerics: it rises when the same configuration gives other bits.
    pub numerics_version: u32,
    /// The processor's architecture and the instruction sets it offers to the kernels.
    pub processor: Vec<String>,
    /// Threads of this session.
    pub threads: usize,
    /// When the run began, in seconds since 1970 UTC.
    pub started: u64,
    /// Digest of the training examples as used, in hexadecimal.
    pub train_digest: String,
    /// The same of the test examples.
    pub test_digest: Option<String>,
    /// Where the images were read from: `embedded`, or the files.
    pub data_origin: String,
}

/// How long a run took: `timing.json`, beside the outcome because it differs at every repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// Seconds spent in training, over all sessions of the run.
    pub train_seconds: f64,
    /// Seconds spent on the final measurement.
    pub measure_seconds: f64,
}
