//! Power iteration: the plain reference beside Lanczos.

use std::ops::ControlFlow;

use crate::lanczos::{
    EigenPair, LanczosProgress, RELATIVE_FLOOR, RitzPairs, SolverStop, relative_residual,
};
use crate::product::Products;
use crate::random::{Purpose, fill_uniform};
use crate::vectors::{axpy, combine, dot, norm, scale};
use crate::{Error, SymmetricOperator};

/// How [`power_iteration`] works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerParameters {
    /// The relative residual ‖Av − λv‖/|λ| to reach; above 0.
    pub tolerance: f64,
    /// The most products; at least 1.
    pub max_products: usize,
    /// Seed of the random start.
    pub seed: u64,
}

/// The eigenpair of largest magnitude, by v ← Av/‖Av‖ from a random start.
///
/// It stops on the residual, which each product gives for the vector it multiplied. The usual rule
/// "λ changed by less than 1e-3" is not offered: after k products the change is of the order of
/// the error times the gap, so that it fires early exactly where the gap is small; on trained
/// networks it ends 0.5 to 1 per cent low. `progress` shows λ and the residual after each product.
///
/// Memory: two vectors. Products: about log(1/tolerance)/log|λ₁/λ₂|, against its square root for
/// [`lanczos`](crate::lanczos()).
///
/// # Errors
/// [`Error::Empty`], [`Error::Parameter`], [`Error::NotFinite`], [`Error::Overflow`].
pub fn power_iteration<O: SymmetricOperator + ?Sized>(
    operator: &mut O,
    parameters: &PowerParameters,
    progress: &mut dyn FnMut(&LanczosProgress) -> ControlFlow<()>,
) -> Result<RitzPairs, Error> {
    let PowerParameters { tolerance, max_products, seed } = *parameters;
    if tolerance.is_nan() || tolerance <= 0.0 {
        let requirement = "above 0: it bounds ‖Av − λv‖/|λ|";
        return Err(Error::Parameter { name: "tolerance", value: tolerance, requirement });
    }
    if max_products == 0 {
        let requirement = "at least 1: no product, no eigenvalue";
        return Err(Error::Parameter { name: "max_products", value: 0.0, requirement });
    }
    let mut products = Products::new(operator)?;
    let mut vector = vec![0.0; products.dimension()];
    let mut rest = vec![0.0; products.dimension()];
    fill_uniform(&mut vector, seed, Purpose::Direction(0));
    let length = norm(&vector);
    scale(1.0 / length, &mut vector);
    let mut norm_estimate: f64 = 0.0;
    loop {
        let length = products.multiply(&vector, &mut rest)?;
        norm_estimate = norm_estimate.max(length);
        let value = dot(&vector, &rest);
        axpy(-value, &vector, &mut rest);
        let residual = norm(&rest);
        let relative = relative_residual(value, residual, RELATIVE_FLOOR * norm_estimate);
        let converged = relative <= tolerance;
        let at = LanczosProgress { products: products.count(), value, relative_residual: relative };
        let interrupted = progress(&at).is_break();
        if converged || interrupted || products.count() == max_products {
            let stop = match (converged, interrupted) {
                (true, _) => SolverStop::Converged,
                (_, true) => SolverStop::Interrupted,
                _ => SolverStop::Budget,
            };
            let pair =
                EigenPair { value, vector, residual, relative_residual: relative, converged };
            return Ok(RitzPairs {
                pairs: vec![pair],
                products: products.count(),
                stop,
                norm_estimate,
            });
        }
        // Av = λv + (Av − λv).
        combine(value / length, &mut vector, 1.0 / length, &rest);
        let drift = norm(&vector);
        scale(1.0 / drift, &mut vector);
    }
}
