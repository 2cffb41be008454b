//! Which examples a network is trained and tested on, in the words of a configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data of a run. Examples are chosen in this order: the source's files, then `classes`, then
/// `train` or `test`, then `corruption`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The name of a dataset that the program knows (`data list`), or a path: an `.npz` file, or a
    /// folder of IDX files, CIFAR-10 batches or `.npy` files.
    pub source: String,
    /// A folder to look for a named dataset's files in, before the images inside the program and
    /// the usual folders. Not part of a run's identity: the examples are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Keep these classes only, in training and test set, relabelled 0, 1, … in ascending order of
    /// their labels. Absent: all classes as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<u32>>,
    /// The examples to train on.
    #[serde(default)]
    pub train: Subset,
    /// The examples to test on.
    #[serde(default)]
    pub test: Subset,
    /// Wrong labels in the training set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corruption: Option<Corruption>,
}

/// Some of the examples of a file. In TOML: `"all"`, `{ first = 1000 }` or
/// `{ sample = { count = 1000, seed = 0 } }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subset {
    /// Every one.
    #[default]
    All,
    /// The first n in file order.
    First(usize),
    /// A seeded sample without replacement, in file order.
    Sample(SeededSample),
}

impl Subset {
    /// The number of examples, where a number is given.
    pub fn count(&self) -> Option<usize> {
        match *self {
            Self::All => None,
            Self::First(count) | Self::Sample(SeededSample { count, .. }) => Some(count),
        }
    }
}

/// A sample drawn from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeededSample {
    /// How many examples.
    pub count: usize,
    /// The seed, apart from the run's own so that many runs can share one sample.
    #[serde(default)]
    pub seed: u64,
}

/// Training examples whose label is replaced by a wrong one, drawn evenly among the other classes.
/// In TOML: `corruption = { kind = "after-clean", clean = 1000, corrupted = 200 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Corruption {
    /// The first `clean` examples as they are, then `corrupted` examples that all have wrong
    /// labels; the rest is dropped. The study's corrupted set is 1,000 and 200.
    AfterClean {
        /// Examples with their true labels.
        clean: usize,
        /// Examples with wrong labels.
        corrupted: usize,
        /// The seed of the wrong labels.
        #[serde(default)]
        seed: u64,
    },
    /// So many examples, drawn without replacement; all examples are kept.
    Number {
        /// How many.
        examples: usize,
        /// The seed of the examples and of their wrong labels.
        #[serde(default)]
        seed: u64,
    },
    /// As `number`, of round(fraction · n) examples.
    Fraction {
        /// Between 0 and 1.
        fraction: f64,
        /// The seed of the examples and of their wrong labels.
        #[serde(default)]
        seed: u64,
    },
}

impl Corruption {
    /// The seed of the examples and of their wrong labels.
    pub fn seed(&self) -> u64 {
        match *self {
            Self::AfterClean { seed, .. }
            | Self::Number { seed, .. }
            | Self::Fraction { seed, .. } => seed,
        }
    }
}
