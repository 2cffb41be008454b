//! The growth of the mean square at a given learning rate.

use minimascope_linop::{ProductFailure, SymmetricOperator};

use super::second_moment::{SecondMomentMap, mirror_lower};
use crate::eigen::leading;
use crate::{Batching, Error, ExampleFactors, LearningRate};

/// The spectral radius of Q(S) = S − 2ηC(S) + η²D(S) with its eigenmatrix.
#[derive(Clone, Debug)]
pub struct MeanSquareGrowth {
    /// ρ(Q): E|x_t|² grows like ρᵗ.
    pub factor: f64,
    /// ‖Q(S) − ρS‖_F at ‖S‖_F = 1.
    pub residual: f64,
    /// Whether the residual met the tolerance.
    pub converged: bool,
    /// The Perron matrix, r × r, positive semi-definite, tr S = 1. From x_0 with E\[x_0x_0ᵀ\] = S
    /// the mean square is ρᵗ exactly, at every t.
    pub perron: Vec<f64>,
}

/// ρ(Q) in the directions of `factors`, to a relative residual `tolerance`.
///
/// # Errors
/// Of the eigensolver.
pub fn growth(
    factors: &ExampleFactors,
    batching: &Batching,
    learning_rate: LearningRate,
    tolerance: f64,
) -> Result<MeanSquareGrowth, Error> {
    let r = factors.rank();
    let map = SecondMomentMap::new(factors, batching.noise());
    let image = vec![0.0; r * r];
    let mut operator =
        StepMap { map, learning_rate: learning_rate.value(), matrix: image.clone(), image };
    // Positive definite, so never orthogonal to the Perron matrix.
    let mut start = vec![0.0; r * (r + 1) / 2];
    let mut at = 0;
    for b in 0..r {
        start[at] = 1.0;
        at += r - b;
    }
    let largest = leading(&mut operator, tolerance, Some(&start))?;
    let mut perron = vec![0.0; r * r];
    unpack_isometric(&largest.vector, r, &mut perron);
    let trace: f64 = perron.iter().step_by(r + 1).sum();
    perron.iter_mut().for_each(|s| *s /= trace);
    let (factor, residual) = (largest.value, largest.residual);
    Ok(MeanSquareGrowth { factor, residual, converged: largest.converged, perron })
}

struct StepMap<'a> {
    map: SecondMomentMap<'a>,
    learning_rate: f64,
    matrix: Vec<f64>,
    image: Vec<f64>,
}

impl SymmetricOperator for StepMap<'_> {
    fn dimension(&self) -> usize {
        let r = self.map.factors().rank();
        r * (r + 1) / 2
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let h = self.map.factors().curvatures();
        let (eta, r) = (self.learning_rate, h.len());
        unpack_isometric(x, r, &mut self.matrix);
        self.map.apply(&self.matrix, &mut self.image);
        let mut at = 0;
        for b in 0..r {
            for a in b..r {
                let weight = if a == b { 1.0 } else { std::f64::consts::SQRT_2 };
                let drift = (1.0 - eta * (h[a] + h[b])) * x[at];
                y[at] = drift + eta * eta * weight * self.image[b * r + a];
                at += 1;
            }
        }
        Ok(())
    }
}

/// The symmetric matrix of a packed vector (off-diagonal entries stored times √2).
fn unpack_isometric(x: &[f64], r: usize, s: &mut [f64]) {
    let mut at = 0;
    for b in 0..r {
        for a in b..r {
            s[b * r + a] = if a == b { x[at] } else { x[at] / std::f64::consts::SQRT_2 };
            at += 1;
        }
    }
    mirror_lower(s, r);
}
