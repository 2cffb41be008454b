//! The study's numbers and ours, side by side: `reproduce --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::escape::Escape;
use crate::run::RunSummary;
use crate::stability::Judged;

/// `reproduce --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reproduction {
    /// The version of this schema.
    pub schema_version: u32,
    /// One per network, learning rate and batch size.
    pub rows: Vec<ReproductionRow>,
}

/// One run beside what others saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReproductionRow {
    /// What was run.
    pub title: String,
    /// What it reached.
    pub result: RunSummary,
    /// What others saw.
    pub references: Vec<Reference>,
    /// What the theory says of the minimum; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<Theory>,
}

/// A minimum of the study in the light of the theory: `theory.json` in its run's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Theory {
    /// The version of this schema.
    pub schema_version: u32,
    /// At the run's own B and at B = 4, each with the run's η.
    pub stability: Vec<Judged>,
    /// SGD with the run's η and B = 4, launched from the minimum that gradient descent found. Its
    /// `course` is in the folder that it names.
    pub escape: Option<Escape>,
}

/// Numbers that others saw at the same network, learning rate and batch size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Who.
    pub source: String,
    /// a.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Spread>,
    /// s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_uniformity: Option<Spread>,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<Spread>,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<Spread>,
    /// What a reader must know to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A mean over runs and, where known, the standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation over the runs, not an error of the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
}
