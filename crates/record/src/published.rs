//! What others printed about the same networks, with where they printed it. The numbers stand in
//! a data file of the program; these are its words.

use serde::{Deserialize, Serialize};

use crate::batch_size::BatchSize;
use crate::reproduction::{Reference, Spread};
use crate::training::Loss;

/// Every published number that this program is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The unit of every curvature.
    pub loss: Loss,
    /// n, where no label is wrong.
    pub train_examples: usize,
    /// Minima, one entry a source, network, learning rate and batch size.
    #[serde(default)]
    pub cell: Vec<PublishedCell>,
    /// Launches from a minimum.
    #[serde(default)]
    pub escape: Vec<PublishedEscape>,
    /// Non-uniformity against sharpness over many runs.
    #[serde(default)]
    pub power_law: Vec<PublishedPowerLaw>,
}

/// Minima that others measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCell {
    /// Who, and where it is printed.
    pub source: String,
    /// Which comparison it belongs to.
    pub table: PublishedTable,
    /// The network, by its preset.
    pub network: String,
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: BatchSize,
    /// Gains of the initialisation over which the runs went.
    #[serde(default = "one_gain")]
    pub gains: Vec<f64>,
    /// Runs behind a mean, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
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
    /// Smallest and largest a of the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness_range: Option<[f64; 2]>,
    /// What a reader must know to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl PublishedCell {
    /// Without what says where it belongs.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference {
            source: self.source.clone(),
            sharpness: self.sharpness,
            non_uniformity: self.non_uniformity,
            train_accuracy: self.train_accuracy,
            test_accuracy: self.test_accuracy,
            note: self.note.clone(),
        }
    }
}

/// The comparisons of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedTable {
    /// The sharpness that gradient descent finds, against 2/η.
    GradientDescent,
    /// Sharpness, non-uniformity and test accuracy against the batch size.
    BatchSize,
    /// The minima of the sharpness–non-uniformity diagram.
    Diagram,
    /// A student reproduction.
    Slides,
}

/// A launch that others saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedEscape {
    /// Who, and where it is printed.
    pub source: String,
    /// The network, by its preset.
    pub network: String,
    /// a of the minimum it started from.
    pub start_sharpness: f64,
    /// η of the launch.
    pub learning_rate: f64,
    /// B of the launch.
    pub batch_size: BatchSize,
    /// Whether the minimum did not hold it.
    pub left: bool,
    /// a at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_sharpness: Option<f64>,
    /// What else was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// s ∝ a^slope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPowerLaw {
    /// Who, and where it is printed.
    pub source: String,
    /// The network, by its preset.
    pub network: String,
    /// The slope on logarithmic axes.
    pub slope: f64,
    /// s/a.
    pub ratio: f64,
    /// Pearson's correlation; at least this.
    pub correlation: f64,
}

fn one_gain() -> Vec<f64> {
    vec![1.0]
}
