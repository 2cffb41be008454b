//! What was measured of a trained point that no run found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::Measured;
use crate::run::Spectrum;

/// A trained point, measured. Losses are those of the point's own loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointSummary {
    /// The version of this schema.
    pub schema_version: u32,
    /// P.
    pub parameters: usize,
    /// n; `null` for a point given by operators alone.
    pub train_examples: Option<usize>,
    /// K; `null` for a point given by operators alone.
    pub outputs: Option<usize>,
    /// λ of the term (λ/2) ‖θ‖², part of the objective and its curvature.
    pub weight_decay: f64,
    /// The mean loss, without weight decay.
    pub train_loss: Option<f64>,
    /// ‖∇f‖ of the objective, weight decay included.
    pub gradient_norm: Option<f64>,
    /// Absent where examples have no class.
    pub train_accuracy: Option<f64>,
    /// a = λ_max(H), H the Hessian of the objective.
    pub sharpness: Option<Measured>,
    /// s = √λ_max(Σ), Σ = mean H_i² − H².
    pub non_uniformity: Option<Measured>,
    /// Further spectra, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<Spectrum>,
    /// What the point could not give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Unanswered>,
}

/// A quantity that a point could not give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unanswered {
    /// Its key in the record.
    pub quantity: String,
    /// Why, and what to do.
    pub reason: String,
}
