//! The largest eigenpair of an operator of this crate, with what it cost.

use std::ops::ControlFlow;

use minimascope_linop::{
    LanczosParameters, LanczosProgress, SpectrumEnd, SymmetricOperator, lanczos,
};

use crate::Error;

/// A largest eigenvalue that is not alone.
#[derive(Clone, Debug)]
pub struct Leading {
    /// λ = vᵀMv: never above the true largest eigenvalue.
    pub value: f64,
    /// v of norm 1.
    pub vector: Vec<f64>,
    /// ‖Mv − λv‖ from an explicit product.
    pub residual: f64,
    /// Whether the residual met the tolerance.
    pub converged: bool,
    /// Products with the operator.
    pub products: usize,
}

impl Leading {
    /// λ = ∞ without a vector: nothing bounds the operator.
    pub(crate) fn unbounded() -> Self {
        let (value, residual) = (f64::INFINITY, 0.0);
        Self { value, vector: Vec::new(), residual, converged: false, products: 0 }
    }

    /// λ + residual: an eigenvalue lies between λ and this, the largest one if Lanczos found it.
    pub fn upper(&self) -> f64 {
        self.value + self.residual
    }
}

/// The largest eigenpair by Lanczos to a relative residual.
pub(crate) fn leading<O: SymmetricOperator>(
    operator: &mut O,
    tolerance: f64,
    start: Option<&[f64]>,
) -> Result<Leading, Error> {
    leading_with(operator, tolerance, start, &mut |_| ControlFlow::Continue(()))
}

/// As [`leading`], calling `progress` after each product.
pub(crate) fn leading_with<O: SymmetricOperator>(
    operator: &mut O,
    tolerance: f64,
    start: Option<&[f64]>,
    progress: &mut dyn FnMut(&LanczosProgress) -> ControlFlow<()>,
) -> Result<Leading, Error> {
    let parameters =
        LanczosParameters { tolerance, ..LanczosParameters::warm(SpectrumEnd::Largest, 1) };
    let mut spectrum = lanczos(operator, &parameters, start, progress)?;
    let pair = spectrum.pairs.swap_remove(0);
    Ok(Leading {
        value: pair.value,
        vector: pair.vector,
        residual: pair.residual,
        converged: pair.converged,
        products: spectrum.products,
    })
}
