//! Thresholds and the verdict at a minimum, in short: at one learning rate and batch size, and the
//! `theory.json` of a run's folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::escape::Escape;
use crate::stability::Judged;

/// What `reproduce` computed at a minimum: `theory.json` in the folder of its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Theory {
    /// The version of this schema.
    pub schema_version: u32,
    /// At the run's own B and at B = 4, each with the run's η.
    pub stability: Vec<Judged>,
    /// SGD with the run's η and B = 4, launched from the minimum if gradient descent found it. Its
    /// `course` is in the folder that it names.
    pub escape: Option<Escape>,
}
