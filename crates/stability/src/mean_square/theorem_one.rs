//! The sufficient condition: one step contracts the mean square, from every start.
//!
//! λ_max{(I − ηH)² + η²pΣ} ≤ 1. Source: Wu, Ma, E, NeurIPS 2018, Theorem 1. On range(H), with
//! H ⪰ 0, it reads η²(H² + pΣ) ⪯ 2ηH, so its critical learning rate is 2 over the largest
//! eigenvalue of H² + pΣ relative to H: a generalised eigenproblem, with no scan over η.
//!
//! With factors H_i = A_iᵀA_i that problem is an ordinary one. Write x ∈ range(H), u = Ax with A the
//! nK × P stack, G = AAᵀ and B_i = A_iA_iᵀ. Then xᵀHx = |u|²/n, xᵀH²x = |Aᵀu|²/n² = uᵀGu/n² and
//! mean_i xᵀH_i²x = Σ u_iᵀB_iu_i/n, and H² + pΣ = (1−p)H² + p·mean H_i², so the quotient is
//! uᵀMu/uᵀu with
//!
//! M = (1−p)G/n + p·blockdiag(B_i), over u ∈ range(A).
//!
//! With Π the projector on range(A), η = 2/λ_max(ΠMΠ). Π = I when the nK rows are independent;
//! without Π the eigenvalue can only grow, so that 2/λ_max(M) is a rigorous lower bound.

use minimascope_linop::{ProductFailure, SymmetricOperator};

use crate::eigen::{Leading, leading};
use crate::{Batching, Error, ExampleFactors};

/// Relative residual at which the eigenproblems of this file stop. The eigenvalue's error is of
/// the order of its square times the inverse gap.
const TOLERANCE: f64 = 1e-8;

/// The critical learning rate of the sufficient condition: SGD is stable in mean square below it.
#[derive(Clone, Debug)]
pub struct TheoremOne {
    /// 2/λ_max.
    pub critical_learning_rate: f64,
    /// λ_max with its residual and cost; its vector is the worst direction, in a basis of range(H)
    /// scaled by H^{1/2}, or in the nK outputs.
    pub largest: Leading,
}

/// From factors: of dimension r on the range of H; with truncated factors of dimension nK, the
/// curvatures left out replaced by their upper bound, which keeps it a lower bound of η.
///
/// # Errors
/// Of the eigensolver.
pub fn critical(factors: &ExampleFactors, batching: &Batching) -> Result<TheoremOne, Error> {
    let noise = batching.noise();
    if factors.tail().is_infinite() {
        let largest = Leading::unbounded();
        return Ok(TheoremOne { critical_learning_rate: 0.0, largest });
    }
    let mut operator = OnFactors::new(factors, noise);
    finish(leading(&mut operator, TOLERANCE, None)?)
}

fn finish(largest: Leading) -> Result<TheoremOne, Error> {
    if largest.value > 0.0 {
        Ok(TheoremOne { critical_learning_rate: 2.0 / largest.value, largest })
    } else {
        Err(Error::NoCurvature)
    }
}

/// ΠMΠ in the orthonormal basis U = AH^{-1/2}/√n of range(A), or M with a bounded tail.
struct OnFactors<'a> {
    factors: &'a ExampleFactors,
    noise: f64,
    scaled: Vec<f64>,
    outputs: Vec<f64>,
    images: Vec<f64>,
}

impl<'a> OnFactors<'a> {
    fn new(factors: &'a ExampleFactors, noise: f64) -> Self {
        let count = factors.examples() * factors.outputs();
        let scaled = vec![0.0; factors.rank()];
        Self { factors, noise, scaled, outputs: vec![0.0; count], images: vec![0.0; count] }
    }
}

impl SymmetricOperator for OnFactors<'_> {
    fn dimension(&self) -> usize {
        if self.factors.covers_range() { self.factors.rank() } else { self.outputs.len() }
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let (factors, p) = (self.factors, self.noise);
        let (h, n) = (factors.curvatures(), factors.examples() as f64);
        if factors.covers_range() {
            for ((scaled, x), h) in self.scaled.iter_mut().zip(x).zip(h) {
                *scaled = x / (n * h).sqrt();
            }
            factors.apply_rows(&self.scaled, &mut self.outputs);
            factors.apply_blocks(&self.outputs, &mut self.images);
            factors.apply_rows_transposed(&self.images, y);
            for ((y, x), h) in y.iter_mut().zip(x).zip(h) {
                *y = (1.0 - p) * h * x + p * *y / (n * h).sqrt();
            }
        } else {
            // G/n ⪯ U diag(h − t) Uᵀ + t·I with t the bound on the rest.
            let tail = factors.tail();
            factors.apply_rows_transposed(x, &mut self.scaled);
            for (scaled, h) in self.scaled.iter_mut().zip(h) {
                *scaled *= (h - tail) / (n * h);
            }
            factors.apply_rows(&self.scaled, &mut self.outputs);
            factors.apply_blocks(x, &mut self.images);
            for (((y, x), mean), each) in y.iter_mut().zip(x).zip(&self.outputs).zip(&self.images) {
                *y = (1.0 - p) * (mean + tail * x) + p * each;
            }
        }
        Ok(())
    }
}
