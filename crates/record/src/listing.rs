//! What the program knows: the objects of `model` and `data` with `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::architecture::Shape;

/// The objects of `model list --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelList {
    /// The version of this schema.
    pub schema_version: u32,
    /// The networks that have a name.
    pub models: Vec<ModelEntry>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelEntry {
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Shape,
    /// K.
    pub outputs: usize,
    /// P.
    pub parameters: usize,
}

/// `model show --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelTable {
    /// The version of this schema.
    pub schema_version: u32,
    /// Its name, or the file it was read from.
    pub name: String,
    /// Its input.
    pub input: Shape,
    /// K.
    pub outputs: usize,
    /// P.
    pub parameters: usize,
    /// Multiply–adds of one example's forward pass.
    pub multiply_adds: usize,
    /// Layers in order.
    pub layers: Vec<LayerRow>,
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerRow {
    /// As `torch.nn.Sequential` would name it.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// The shape of its output.
    pub output: Shape,
    /// Its parameters.
    pub parameters: usize,
    /// Its multiply–adds for one example's forward pass.
    pub multiply_adds: usize,
}

/// `data list --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataList {
    /// The version of this schema.
    pub schema_version: u32,
    /// Every place of every dataset that has a name.
    pub datasets: Vec<DataEntry>,
}

/// One place of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataEntry {
    /// Its name.
    pub name: String,
    /// What it is, in one line.
    pub what: String,
    /// `embedded`, or the folder of the complete files; `null` where these were not found.
    pub place: Option<String>,
    /// One image.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Training examples there, or in the complete files.
    pub train_examples: usize,
    /// Test examples there, or in the complete files.
    pub test_examples: usize,
    /// Terms of use.
    pub licence: String,
}

/// `data verify --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataCheck {
    /// The version of this schema.
    pub schema_version: u32,
    /// Every file that was found.
    pub files: Vec<FileCheck>,
}

/// One file of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileCheck {
    /// The dataset's name.
    pub dataset: String,
    /// The file; `embedded/…` for those inside the program.
    pub file: String,
    /// SHA-256 of the published content, decompressed.
    pub expected: String,
    /// Whether the content is the published one.
    pub right: bool,
    /// What is wrong otherwise.
    pub reason: Option<String>,
}

/// `config show --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigTable {
    /// The version of this schema.
    pub schema_version: u32,
    /// Every value, by key.
    pub values: Vec<ConfigValue>,
}

/// One value of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigValue {
    /// Its dotted key.
    pub key: String,
    /// What it is.
    pub value: serde_json::Value,
    /// Where it came from: `default`, `preset NAME`, a file, or `command line`.
    pub origin: String,
}
