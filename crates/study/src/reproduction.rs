//! The record of `reproduce --json`: the study's minima beside the published values.

use minimascope_record::reproduction::Theory;
use minimascope_record::run::RunSummary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::published::Reference;

/// `reproduce --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reproduction {
    /// The version of this schema.
    pub schema_version: u32,
    /// One for each network, learning rate and batch size.
    pub rows: Vec<ReproductionRow>,
}

/// One run beside the published values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReproductionRow {
    /// What was run.
    pub title: String,
    /// What it reached.
    pub result: RunSummary,
    /// The published values.
    pub references: Vec<Reference>,
    /// What the theory says of the minimum; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<Theory>,
}
