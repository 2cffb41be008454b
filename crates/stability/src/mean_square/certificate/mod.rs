//! A rigorous upper bound of λ_max(C⁺D) on the full space, hence a lower bound of η*.
//!
//! **Positive maps.** T = C⁻¹D preserves the cone of positive semi-definite matrices: D is a sum
//! of congruences and C⁻¹(Y) = 2∫ e^{−Ht} Y e^{−Ht} dt. If X ≻ 0 and zC(X) − D(X) ⪰ 0, then
//! TX ⪯ zX, and as X is interior to the cone, λ_max(T) ≤ z (Collatz–Wielandt). X = I gives the
//! condition of Theorem 1. Every z above λ_max has such an X: the solution of zC(X) − D(X) = F with
//! F ≻ 0, which is Σ_k T^k C⁻¹F / z^{k+1}.
//!
//! **The directions left out.** Let V be the leading eigenvectors of H and W the rest, on which
//! H ⪯ t·I. Try X = X_V ⊕ I_W. With T_i = A_{iV} X_V A_{iV}ᵀ + A_{iW}A_{iW}ᵀ (K × K; the last term
//! is the full block minus the carried one) and T = blockdiag(T_i), zC(X) − D(X) has the blocks
//!
//! - VV: zC(X_V) − (1−p) H X_V H − (p/n) A_Vᵀ T A_V,
//! - VW: −(p/n) A_Vᵀ T A_W,
//! - WW: zH_W − (1−p) H_W² − (p/n) A_Wᵀ T A_W ⪰ c·H_W, c = z − (1−p)t − p·max_i λ_max(T_i).
//!
//! With P the projector on the orthogonal complement of range(A_V), which holds range(A_W):
//!
//! If c > 0, A_W H_W⁺ A_Wᵀ ⪯ nP gives for the Schur complement
//! M = VV − (p²/(cn)) A_Vᵀ T P T A_V, and **X_V ≻ 0, c > 0, M ⪰ 0 prove λ_max ≤ z** on the full
//! space. (X ≻ 0 on range(H); elsewhere nothing moves.) M depends on X_V only through r × r
//! matrices: A_VᵀTPTA_V/n = mean A_iᵀT_i²A_i − Y H_V⁻¹ Y, Y = A_VᵀTA_V/n.
//!
//! All conditions are checked on the computed X_V, however it was found: c from K × K eigenvalues,
//! M and X_V by Cholesky factorisation; "rigorous" is up to rounding.

mod search;

use search::{CertificateSearch, Checked};

use crate::dense::identity;
use crate::{Error, ExampleFactors};

/// Directions below this share of the sharpness go to W: their X_V would need more digits than
/// f64 has beside those of the largest.
const SPLIT_FLOOR: f64 = 1e-6;
/// Relative distances of z from the Ritz value that are tried, as a bisection over this list.
const GAPS: [f64; 22] = [
    1e-8, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 4e-2,
    6e-2, 8e-2, 0.12, 0.2, 0.3, 0.6, 1.2,
];

/// The outcome of a search for certificates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certificate {
    /// The smallest z proved to bound λ_max(C⁺D), infinite when none was found.
    pub bound: f64,
    /// Applications of D spent.
    pub applications: usize,
}

/// The smallest certified z among `ritz_value`·(1 + gap), none at or above `ceiling`.
///
/// `perron` is the approximate eigenmatrix S (r × r) that belongs to `ritz_value`, in the
/// directions of `factors`.
///
/// # Errors
/// Of the eigensolver.
pub fn certify(
    factors: &ExampleFactors,
    noise: f64,
    (ritz_value, perron): (f64, &[f64]),
    ceiling: f64,
) -> Result<Certificate, Error> {
    if factors.tail().is_infinite() {
        return Ok(Certificate { bound: f64::INFINITY, applications: 0 });
    }
    let floor = SPLIT_FLOOR * factors.sharpness();
    let rank = factors.curvatures().iter().take_while(|h| **h >= floor).count();
    let split = factors.truncated(rank);
    let leading_part: Vec<f64> =
        perron.chunks_exact(factors.rank()).take(rank).flat_map(|c| &c[..rank]).copied().collect();
    let mut search = CertificateSearch::new(&split, noise, leading_part);
    // Bisection over the gaps: `good` is the smallest known to pass, `bad` the largest to fail.
    let candidates: Vec<f64> =
        GAPS.iter().copied().filter(|gap| ritz_value * (1.0 + gap) < ceiling).collect();
    let (mut bad, mut good) = (0, candidates.len());
    let mut bound = f64::INFINITY;
    while bad < good {
        let middle = (bad + good) / 2;
        let z = ritz_value * (1.0 + candidates[middle]);
        if search.proves(z, z - ritz_value)? {
            (good, bound) = (middle, z);
        } else {
            bad = middle + 1;
        }
    }
    Ok(Certificate { bound, applications: search.applications })
}

/// Relative distances above Theorem 1's eigenvalue at which X = I is tried: the blocks above bound
/// the directions left out less tightly than the eigenproblem does.
const SLACKS: [f64; 9] = [1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];

/// The smallest z = `eigenvalue`·(1 + slack) that X = I proves, infinite when none does, and the
/// applications of D spent. It needs no eigenvalue to be right.
///
/// # Errors
/// Of the eigensolver of the K × K blocks.
pub(super) fn theorem_one_holds(
    factors: &ExampleFactors,
    noise: f64,
    eigenvalue: f64,
) -> Result<(f64, usize), Error> {
    let mut bound = f64::INFINITY;
    if factors.tail().is_infinite() {
        return Ok((bound, 0));
    }
    let r = factors.rank();
    let identity = identity(r);
    let mut search = CertificateSearch::new(factors, noise, Vec::new());
    for slack in SLACKS {
        let z = eigenvalue * (1.0 + slack);
        if matches!(search.check(z, &identity)?, Checked::Proved) {
            bound = z;
            break;
        }
    }
    Ok((bound, search.applications))
}

#[cfg(test)]
mod tests;
