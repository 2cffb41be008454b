//! How training ended.

use derive_more::Display;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How training ended. All are results; none is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[display(rename_all = "lowercase")]
pub enum Outcome {
    /// A stop rule on the loss held.
    Converged,
    /// `train.stop.max_steps` was reached.
    #[display("step limit")]
    StepLimit,
    /// `train.stop.max_seconds` was reached: another machine would stop at another step.
    #[display("time limit")]
    TimeLimit,
    /// The loss or a parameter was no longer finite; the record's `steps` says at which step.
    Diverged,
    /// The network's output no longer depends on its input.
    Dead,
    /// Stopped from outside; `--resume` continues.
    Interrupted,
}

impl Outcome {
    /// Whether the run is over: all outcomes but an interruption.
    pub fn is_final(self) -> bool {
        self != Self::Interrupted
    }

    /// Whether the last parameters are a point whose curvature means something.
    pub fn is_measurable(self) -> bool {
        self != Self::Diverged
    }
}
