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

/// `data list --json` and `data verify --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataList {
    /// The version of this schema.
    pub schema_version: u32,
    /// The datasets that have a name.
    pub datasets: Vec<DataEntry>,
}

/// One dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataEntry {
    /// Its name.
    pub name: String,
    /// Where its images are read from: `embedded`, or a folder.
    pub origin: String,
    /// One image.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Training examples there.
    pub train_examples: usize,
    /// Test examples there.
    pub test_examples: usize,
    /// Whether the content has the SHA-256 it should have; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}
