//! A lower end of η* that is proved, on all of range(H).
//!
//! F_z of [`super::feedback`] preserves the cone of blocks T_i ⪰ 0. If T is in its interior and
//! F_zT ⪯ T block by block, then λ_max(F_z) ≤ 1 (Collatz–Wielandt: with the least t such that
//! V ⪯ tT for the cone's eigenvector V, λV = F_zV ⪯ tF_zT ⪯ tT, so λ ≤ 1), and as λ_max falls with
//! z, SGD is stable in mean square at every η ≤ 1/z. Nothing is assumed of how T was found, nor of
//! any eigensolver; "proved" is up to the rounding of f64.
//!
//! T is the top eigenvector, smoothed by power steps: the largest ratio of F_zT to T over the blocks
//! falls to λ_max(F_z) with each. Without momentum a ratio θ > 1 proves something too: stable at
//! 1/(θz), because d_ab(θz) − θd_ab(z) = (θ−1)κ h_ah_b, so that F_{θz} ⪯ F_z/θ in the cone's order.

use std::ops::ControlFlow;

use super::feedback::{Feedback, Unknown};
use crate::Error;
use crate::dense::largest_eigenvalue;

/// Share of the carried blocks A_iA_iᵀ that is mixed into the eigenvector, so that examples that it
/// does not reach are in T's interior.
const INTERIOR: f64 = 1e-4;
/// Share of a block's mean diagonal that is added to it: outside range(A_i) F_zT vanishes up to
/// rounding, 1e-16 of a block, and T must not;
/// the ratio is then right to 1e-10.
const GUARD: f64 = 1e-6;

/// The closest to the balance that is tried: the balance itself is known to the square of the
/// eigenvector's error.
const LEAST_GAP: f64 = 1e-9;

/// How far to go.
pub(super) struct ProofParameters {
    /// Relative distance from the balance at which to stop.
    pub(super) width: f64,
    /// Most applications.
    pub(super) steps: usize,
}

/// The smallest z proved (infinite when none was) or the largest p (0), and the applications spent.
/// `balance` is the value at which the eigenvector balances, `slope` |d log λ_max(F)/d log value|.
pub(super) fn prove(
    feedback: &mut Feedback<'_>,
    unknown: Unknown,
    eigenvector: &[f64],
    (balance, slope): (f64, f64),
    parameters: &ProofParameters,
    progress: &mut dyn FnMut(usize, f64) -> ControlFlow<()>,
) -> Result<(f64, usize), Error> {
    let (carried, k) = feedback.carried_blocks();
    let norm = |blocks: &[f64]| crate::dense::dot(blocks, blocks).sqrt();
    let share = INTERIOR * norm(eigenvector) / norm(carried);
    let mut blocks: Vec<f64> =
        eigenvector.iter().zip(carried).map(|(t, full)| t + share * full).collect();
    let mut image = vec![0.0; blocks.len()];
    // Distances from the balance, on the stable side.
    let (mut best, mut gap) = (f64::INFINITY, LEAST_GAP);
    for step in 1..=parameters.steps {
        blocks.chunks_exact_mut(k * k).for_each(|block| guard(block, k));
        feedback.set(unknown, unknown.beyond(balance, gap));
        feedback.excite(&blocks);
        feedback.respond(&mut image);
        let ratio = largest_ratio(&blocks, &image, k)?;
        if ratio <= 1.0 {
            best = best.min(gap);
        } else if unknown == Unknown::InverseRate && !feedback.has_momentum() {
            best = best.min((1.0 + gap) * ratio - 1.0);
        }
        let tried = unknown.gap(balance, unknown.beyond(balance, gap));
        let flow = progress(step, unknown.beyond(balance, best));
        if flow.is_break() || best <= parameters.width {
            return Ok((unknown.beyond(balance, best), step));
        }
        // The next T is closer to the eigenvector, so what this one lacks will be enough for it.
        gap = (1.0 + tried) * (1.0 + (ratio - 1.0) / slope) - 1.0;
        gap = if gap.is_finite() { gap.max(LEAST_GAP) } else { 1.0 };
        let scale = 1.0 / norm(&image);
        blocks.iter_mut().zip(&image).for_each(|(t, next)| *t = scale * next);
    }
    Ok((unknown.beyond(balance, best), parameters.steps))
}

fn guard(block: &mut [f64], k: usize) {
    let trace: f64 = block.iter().step_by(k + 1).sum();
    block.iter_mut().step_by(k + 1).for_each(|v| *v += GUARD * trace / k as f64);
}

/// The largest θ with image_i ⪯ θ·block_i tight for some i; infinite when a block is not positive
/// definite. Blocks of examples without curvature are zero in both.
fn largest_ratio(blocks: &[f64], images: &[f64], k: usize) -> Result<f64, Error> {
    let mut largest = 0.0f64;
    for (block, image) in blocks.chunks_exact(k * k).zip(images.chunks_exact(k * k)) {
        if block.iter().all(|v| *v == 0.0) && image.iter().all(|v| *v == 0.0) {
            continue;
        }
        let Some(factor) = cholesky(block, k) else { return Ok(f64::INFINITY) };
        // L⁻¹ · image · L⁻ᵀ, one side at a time: the matrix is symmetric, so rows are columns.
        let mut reduced = image.to_vec();
        for _ in 0..2 {
            for row in reduced.chunks_exact_mut(k) {
                solve_lower(&factor, row);
            }
            transpose(&mut reduced, k);
        }
        largest = largest.max(largest_eigenvalue(&reduced, k)?);
    }
    Ok(if largest.is_finite() { largest } else { f64::INFINITY })
}

/// L, row-major, of a symmetric positive definite block = LLᵀ.
fn cholesky(block: &[f64], k: usize) -> Option<Vec<f64>> {
    let mut factor = vec![0.0; k * k];
    for a in 0..k {
        for b in 0..=a {
            let inner: f64 = (0..b).map(|c| factor[a * k + c] * factor[b * k + c]).sum();
            let rest = block[a * k + b] - inner;
            if a == b {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                factor[a * k + a] = rest.sqrt();
            } else {
                factor[a * k + b] = rest / factor[b * k + b];
            }
        }
    }
    Some(factor)
}

/// x ← L⁻¹x.
fn solve_lower(factor: &[f64], x: &mut [f64]) {
    let k = x.len();
    for a in 0..k {
        let inner: f64 = (0..a).map(|b| factor[a * k + b] * x[b]).sum();
        x[a] = (x[a] - inner) / factor[a * k + a];
    }
}

fn transpose(matrix: &mut [f64], k: usize) {
    for a in 0..k {
        for b in 0..a {
            matrix.swap(a * k + b, b * k + a);
        }
    }
}
