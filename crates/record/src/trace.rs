//! The lines of a run's traces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::Measured;

/// A line of `steps.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    /// Steps taken so far: the losses are those of step number `step`, counted from 1.
    pub step: u64,
    /// The mean loss of the step's batch, before the step, without weight decay; `null` where it
    /// is not finite.
    pub batch_loss: Option<f64>,
    /// Its exponential average, 0.9 old + 0.1 new.
    pub average_loss: Option<f64>,
}

/// A line of `curvature.jsonl`: the whole sets at the parameters after step `step`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvatureLine {
    /// Steps taken so far.
    pub step: u64,
    /// The mean loss of the training set, without weight decay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// a.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Measured>,
    /// s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_uniformity: Option<Measured>,
}
