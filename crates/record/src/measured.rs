//! Numbers that are never alone: a value with what is known of its error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `value`, or `None` where it is NaN or infinite, so that neither reaches a record: the record's
/// outcome says by name what happened.
pub fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// An eigenvalue λ of an operator A, or its square root, with its true residual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// λ; for the non-uniformity √λ.
    pub value: f64,
    /// ‖Av − λv‖ with ‖v‖ = 1, by a product of its own and not by an estimate of the iteration.
    /// Some eigenvalue of A lies within this of λ.
    pub residual: f64,
    /// ‖Av − λv‖/|λ|, and 0 where both are zero to the operator's rounding. A relative error e in λ is
    /// e/2 in √λ.
    pub relative_residual: f64,
    /// Whether the relative residual is within the tolerance that was asked for; of the smallest
    /// curvature, residual/‖H‖ is.
    pub converged: bool,
    /// Operator products it took.
    pub products: usize,
}

impl Measured {
    /// √λ of an eigenvalue λ ≥ 0: the value changes, the residual stays the eigenvalue's. Rounding
    /// may leave λ of a vanishing operator just below 0; its root is then 0.
    pub fn square_root(self) -> Self {
        Self { value: self.value.max(0.0).sqrt(), ..self }
    }
}

/// A stochastic estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The mean over the samples.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Operator products it took.
    pub products: usize,
}

/// A spectral density φ, smoothed: ∫ φ(λ) dλ = 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Density {
    /// The points λ.
    pub eigenvalues: Vec<f64>,
    /// φ at each.
    pub density: Vec<f64>,
    /// The standard error of each, over the probes.
    pub standard_error: Vec<f64>,
    /// The standard deviation of the smoothing Gaussian, in units of λ.
    pub width: f64,
    /// Random probe vectors.
    pub probes: usize,
    /// Operator products it took.
    pub products: usize,
}
