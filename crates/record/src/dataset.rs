//! Which examples a network is trained and tested on, in the words of a configuration file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data of a run. Examples are chosen in this order: the source's files, then `classes`, then
/// `train` or `test`, then `corruption`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Where the images come from.
    pub source: DataSource,
    /// A folder to look for a named source's files in, before the usual places and the images
    /// inside the program. Not part of a run's identity: the content is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Keep these classes only, in training and test set; the class at position k of this list
    /// becomes label k. Absent: all classes as they are.
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

/// Where images and labels come from. In TOML: `source = { name = "fashion-mnist" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DataSource {
    /// A dataset that the program knows (`data list`): found in `folder` or the usual places, else
    /// the images inside the program.
    Name(String),
    /// IDX files (the MNIST family), plain or gzip.
    Idx(IdxFiles),
    /// CIFAR-10 binary records, plain or gzip.
    Cifar10(BatchFiles),
    /// NumPy archives with arrays `x` (n × C × H × W or n × d) and `y` (n).
    Npz(ArrayFiles),
}

/// Images and labels of the training and the test set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// Training images.
    pub train_images: PathBuf,
    /// Training labels.
    pub train_labels: PathBuf,
    /// Test images. Absent, with `test_labels`: no test accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_images: Option<PathBuf>,
    /// Test labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
}

/// Files that each hold images with their labels, read one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchFiles {
    /// Training records.
    pub train: Vec<PathBuf>,
    /// Test records. Absent: no test accuracy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<PathBuf>,
}

/// One archive for training, one for the test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrayFiles {
    /// The training archive.
    pub train: PathBuf,
    /// The test archive. Absent: no test accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
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
    Sample(Sample),
}

/// A seeded sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// How many examples.
    pub count: usize,
    /// The seed, apart from the run's own so that many runs can share one sample.
    #[serde(default)]
    pub seed: u64,
}

/// Training examples whose label is replaced by a wrong one, drawn evenly among the other classes.
/// In TOML: `corruption = { kind = "range", start = 1000, end = 1200 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Corruption {
    /// Examples `start..end` of the training set.
    Range {
        /// The first of them, counted from 0.
        start: usize,
        /// One past the last of them.
        end: usize,
        /// The seed of the wrong labels.
        #[serde(default)]
        seed: u64,
    },
    /// Examples drawn without replacement.
    Random {
        /// How many.
        count: usize,
        /// The seed of the examples and of their wrong labels.
        #[serde(default)]
        seed: u64,
    },
}
