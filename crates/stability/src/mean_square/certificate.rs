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
//! - WW: zH_W − (1−p) H_W² − (p/n) A_Wᵀ T A_W ⪰ c·H_W,
//!   c = z − (1−p)t − p·λ_max(PTP), P the projector on the orthogonal complement of range(A_V),
//!   which holds range(A_W).
//!
//! If c > 0, A_W H_W⁺ A_Wᵀ ⪯ nP gives for the Schur complement
//! M = VV − (p²/(cn)) A_Vᵀ T P T A_V, and **X_V ≻ 0, c > 0, M ⪰ 0 prove λ_max ≤ z** on the full
//! space. (X ≻ 0 on range(H); elsewhere nothing moves.) M depends on X_V only through r × r
//! matrices: A_VᵀTPTA_V/n = mean A_iᵀT_i²A_i − Y H_V⁻¹ Y, Y = A_VᵀTA_V/n.
//!
//! All conditions are checked on the computed X_V, however it was found: c from a Lanczos value
//! plus its residual, M and X_V by Cholesky factorisation; "rigorous" is up to rounding.

use minimascope_linop::SymmetricOperator;

use super::second_moment::SecondMoment;
use crate::dense::{dot, is_positive_definite, product};
use crate::eigen::leading;
use crate::factors::apply_blocks;
use crate::{Error, ExampleFactors};

/// Directions below this share of the sharpness go to W: their X_V would need more digits than
/// f64 has beside those of the largest.
const SPLIT_FLOOR: f64 = 1e-6;
/// Rounds of T ← T(X_V); each one solves for X_V with the coupling of the round before.
const ROUNDS: usize = 4;
/// The coupling is solved for with this excess, so that its growth in the last round fits.
const COUPLING_EXCESS: f64 = 1.05;
/// Strength κ of the definite part κH of the right side F, as a share of the gap z − λ_max.
const DEFINITE_SHARE: f64 = 1e-2;
/// Most applications of D a solve may take.
const MOST_ITERATIONS: usize = 80;
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
/// coordinates of `factors`.
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
    let mut search = Search::new(&split, noise, leading_part);
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

struct Search<'a> {
    factors: &'a ExampleFactors,
    map: SecondMoment<'a>,
    noise: f64,
    tail_blocks: Vec<f64>,
    /// A_Vᵀ·blockdiag(tail blocks)·A_V/n.
    tail_part: Vec<f64>,
    perron: Vec<f64>,
    applications: usize,
}

/// What the conditions say of one X_V.
enum Outcome {
    Proved,
    /// c ≤ 0.
    NoSlack,
    /// M or X_V is not positive definite.
    Fails {
        slack: f64,
        coupling: Vec<f64>,
    },
}

impl<'a> Search<'a> {
    fn new(factors: &'a ExampleFactors, noise: f64, perron: Vec<f64>) -> Self {
        let mut map = SecondMoment::new(factors, noise);
        let mut tail_part = vec![0.0; factors.rank().pow(2)];
        let mut tail_blocks = Vec::new();
        if !factors.covers_range() {
            tail_blocks = factors.tail_blocks();
            map.scatter_blocks(&tail_blocks, &mut tail_part);
        }
        Self { factors, map, noise, tail_blocks, tail_part, perron, applications: 0 }
    }

    /// Whether some X_V was found that proves λ_max ≤ z.
    fn proves(&mut self, z: f64, gap: f64) -> Result<bool, Error> {
        let (h, p) = (self.factors.curvatures(), self.noise);
        let size = h.len() * h.len();
        let definite = DEFINITE_SHARE * gap;
        let (mut x, mut right) = (vec![0.0; size], vec![0.0; size]);
        // X_V = 0 has the coupling of the tail alone.
        let mut outcome = self.check(z, &x)?;
        for _ in 0..ROUNDS {
            match outcome {
                Outcome::Proved => return Ok(true),
                Outcome::NoSlack => return Ok(false),
                Outcome::Fails { slack, coupling } => {
                    for (at, value) in right.iter_mut().enumerate() {
                        *value =
                            p * self.tail_part[at] + COUPLING_EXCESS * p * p / slack * coupling[at];
                    }
                }
            }
            right.iter_mut().step_by(h.len() + 1).zip(h).for_each(|(f, h)| *f += definite * h);
            self.solve(z, definite, &right, &mut x);
            outcome = self.check(z, &x)?;
        }
        Ok(matches!(outcome, Outcome::Proved))
    }

    /// The conditions on X = X_V ⊕ I_W at z, whatever X_V comes from.
    fn check(&mut self, z: f64, x: &[f64]) -> Result<Outcome, Error> {
        let (r, p) = (self.factors.rank(), self.noise);
        let mut schur = self.image(z, x);
        let (mut slack, mut coupling) = (z, vec![0.0; r * r]);
        if !self.factors.covers_range() {
            let mut blocks = self.map.blocks(x);
            blocks.iter_mut().zip(&self.tail_blocks).for_each(|(t, tail)| *t += tail);
            slack -= (1.0 - p) * self.factors.tail() + p * self.largest_outside(&blocks)?;
            if slack.is_nan() || slack <= 0.0 {
                return Ok(Outcome::NoSlack);
            }
            coupling = self.coupling(&blocks);
            for (at, value) in schur.iter_mut().enumerate() {
                *value -= p * self.tail_part[at] + p * p / slack * coupling[at];
            }
        }
        if is_positive_definite(&schur, r) && is_positive_definite(x, r) {
            Ok(Outcome::Proved)
        } else {
            Ok(Outcome::Fails { slack, coupling })
        }
    }

    /// λ_max(PTP), its residual added.
    fn largest_outside(&self, blocks: &[f64]) -> Result<f64, Error> {
        // Three digits of c are enough, and the residual goes to the safe side.
        Ok(leading(&mut OutsideBlocks::new(self.factors, blocks), 1e-3, None)?.upper())
    }

    /// A_VᵀTPTA_V/n.
    fn coupling(&mut self, blocks: &[f64]) -> Vec<f64> {
        let (factors, k) = (self.factors, self.factors.outputs());
        let mut squares = vec![0.0; blocks.len()];
        for (square, block) in squares.chunks_exact_mut(k * k).zip(blocks.chunks_exact(k * k)) {
            for a in 0..k {
                for b in 0..k {
                    square[a * k + b] = dot(&block[a * k..][..k], &block[b * k..][..k]);
                }
            }
        }
        let (h, r) = (factors.curvatures(), factors.rank());
        let (mut coupling, mut mean) = (vec![0.0; r * r], vec![0.0; r * r]);
        self.map.scatter_blocks(&squares, &mut coupling);
        self.map.scatter_blocks(blocks, &mut mean);
        let mut scaled = mean.clone();
        for column in scaled.chunks_exact_mut(r) {
            column.iter_mut().zip(h).for_each(|(value, h)| *value /= h);
        }
        let mut inside = vec![0.0; r * r];
        product((&mean, r), (&scaled, false), 1.0, &mut inside);
        coupling.iter_mut().zip(inside).for_each(|(value, part)| *value -= part);
        coupling
    }

    /// zC(X) − D(X).
    fn image(&mut self, z: f64, x: &[f64]) -> Vec<f64> {
        let mut mean = vec![0.0; x.len()];
        let mut image = vec![0.0; x.len()];
        self.map.apply_mean(x, &mut mean);
        self.map.apply(x, &mut image);
        self.applications += 1;
        image.iter_mut().zip(mean).for_each(|(value, mean)| *value = z * mean - *value);
        image
    }

    /// Conjugate gradients for zC(X) − D(X) = F, preconditioned by the part diagonal in H's
    /// eigenbasis. Starts from the given X or, when that is zero, along the Perron matrix, whose
    /// component is by far the largest. Stops when the residual R obeys
    /// ‖H^{-1/2}RH^{-1/2}‖_F ≤ definite/2, so that F's definite part outweighs it.
    fn solve(&mut self, z: f64, definite: f64, right: &[f64], x: &mut [f64]) {
        let h = self.factors.curvatures();
        let r = h.len();
        let diagonal = |at: usize| {
            let (ha, hb) = (h[at % r], h[at / r]);
            0.5 * z * (ha + hb) - (1.0 - self.noise) * ha * hb
        };
        let diagonal: Vec<f64> = (0..r * r).map(diagonal).collect();
        if x.iter().all(|v| *v == 0.0) {
            let perron = std::mem::take(&mut self.perron);
            let image = self.image(z, &perron);
            let share = dot(&perron, right) / dot(&perron, &image);
            x.iter_mut().zip(&perron).for_each(|(x, s)| *x = share * s);
            self.perron = perron;
        }
        let image = self.image(z, x);
        let mut residual: Vec<f64> = right.iter().zip(image).map(|(f, i)| f - i).collect();
        let mut scaled: Vec<f64> = residual.iter().zip(&diagonal).map(|(r, d)| r / d).collect();
        let mut direction = scaled.clone();
        let mut norm = dot(&residual, &scaled);
        for _ in 0..MOST_ITERATIONS {
            let relative =
                residual.iter().enumerate().map(|(at, v)| v * v / (h[at % r] * h[at / r]));
            if relative.sum::<f64>().sqrt() <= 0.5 * definite {
                break;
            }
            let image = self.image(z, &direction);
            let curvature = dot(&direction, &image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let step = norm / curvature;
            for at in 0..r * r {
                x[at] += step * direction[at];
                residual[at] -= step * image[at];
                scaled[at] = residual[at] / diagonal[at];
            }
            let next = dot(&residual, &scaled);
            let ratio = next / norm;
            norm = next;
            direction.iter_mut().zip(&scaled).for_each(|(d, s)| *d = s + ratio * *d);
        }
    }
}

/// P·blockdiag(T)·P on the nK outputs, P = I − UUᵀ, U = A_V H_V^{-1/2}/√n.
struct OutsideBlocks<'a> {
    factors: &'a ExampleFactors,
    blocks: &'a [f64],
    coordinates: Vec<f64>,
    inside: Vec<f64>,
    outside: Vec<f64>,
}

impl<'a> OutsideBlocks<'a> {
    fn new(factors: &'a ExampleFactors, blocks: &'a [f64]) -> Self {
        let count = factors.examples() * factors.outputs();
        let coordinates = vec![0.0; factors.rank()];
        Self { factors, blocks, coordinates, inside: vec![0.0; count], outside: vec![0.0; count] }
    }

    /// u ← Pu.
    fn project(&mut self, u: &mut [f64]) {
        let n = self.factors.examples() as f64;
        self.factors.apply_rows_transposed(u, &mut self.coordinates);
        for (value, h) in self.coordinates.iter_mut().zip(self.factors.curvatures()) {
            *value /= n * h;
        }
        self.factors.apply_rows(&self.coordinates, &mut self.inside);
        u.iter_mut().zip(&self.inside).for_each(|(u, part)| *u -= part);
    }
}

impl SymmetricOperator for OutsideBlocks<'_> {
    fn dimension(&self) -> usize {
        self.outside.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let mut outside = std::mem::take(&mut self.outside);
        outside.copy_from_slice(x);
        self.project(&mut outside);
        apply_blocks(self.blocks, self.factors.outputs(), &outside, y);
        self.outside = outside;
        self.project(y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Momentum;
    use crate::mean_square::{kronecker, largest_ratio};

    /// n = 10 examples of two rows on 7 parameters whose scales fall by 0.4 each, as rows and as
    /// dense Hessians.
    fn problem(seed: u64) -> (ExampleFactors, Vec<f64>) {
        let (n, k, p) = (10, 2, 7);
        let mut rows = crate::problems::random_rows(n * k, p, seed);
        for row in rows.chunks_exact_mut(p) {
            row.iter_mut().enumerate().for_each(|(j, x)| *x *= 0.4f64.powi(j as i32));
        }
        let mut hessians = vec![0.0; n * p * p];
        for (hessian, factor) in hessians.chunks_exact_mut(p * p).zip(rows.chunks_exact(k * p)) {
            for row in factor.chunks_exact(p) {
                (0..p * p).for_each(|at| hessian[at] += row[at / p] * row[at % p]);
            }
        }
        (ExampleFactors::from_rows(n, k, p, &rows).unwrap(), hessians)
    }

    /// The bound holds for the full space whatever Ritz value it is offered, true ones from
    /// truncated coordinates and false ones below; and in most cases it is found.
    #[test]
    fn never_below_the_dense_value_of_the_full_space() {
        let (mut found, mut close, mut tried) = (0, 0, 0);
        for seed in 0..20 {
            let (factors, hessians) = problem(seed);
            for (noise, rank) in [(1.0, 7), (1.0, 5), (0.4, 4), (0.1, 3)] {
                let exact = kronecker::largest_ratio(7, &hessians, noise).unwrap();
                let part = factors.truncated(rank);
                let ritz = largest_ratio(&part, noise, Momentum::NONE, 1e-8).unwrap();
                let mut perron = vec![0.0; rank * rank];
                crate::mean_square::packed::unpack(&ritz.vector, part.curvatures(), &mut perron);
                assert!(ritz.value <= exact * (1.0 + 1e-10), "truncation is a lower bound");
                for false_share in [1.0, 0.99, 0.6] {
                    let value = false_share * ritz.value;
                    let bound =
                        certify(&part, noise, (value, &perron), f64::INFINITY).unwrap().bound;
                    let case = format!("seed {seed}, p {noise}, r {rank}, share {false_share}");
                    assert!(bound >= exact * (1.0 - 1e-10), "{case}: {bound} below {exact}");
                    if false_share == 1.0 {
                        tried += 1;
                        found += usize::from(bound.is_finite());
                        close += usize::from(bound < 1.1 * exact);
                    }
                }
            }
        }
        assert_eq!(tried, 80);
        assert!(found >= 72 && close >= 60, "{found} found, {close} within 10 %");
    }

    /// The conditions imply zC(X) − D(X) ⪰ 0 on the full space for X = X_V ⊕ I_W, at the smallest z
    /// that they accept and for X_V of any scale; and they accept some z of that order.
    #[test]
    fn the_conditions_imply_the_full_inequality() {
        let mut losses = Vec::new();
        for seed in 0..40 {
            let (n, k, full) = (6, 2, 9);
            let rows = crate::problems::random_rows(n * k, full, seed);
            let factors = ExampleFactors::from_rows(n, k, full, &rows).unwrap();
            let (noise, rank) = ([1.0, 0.5, 0.2][seed as usize % 3], 2 + seed as usize % 4);
            let root = crate::problems::random_rows(rank, rank, seed + 500);
            let mut x = vec![0.0; rank * rank];
            let scale = 10f64.powf(seed as f64 / 20.0 - 1.0);
            product((&root, rank), (&root, true), scale, &mut x);
            // C(X) is not positive definite for every X ≻ 0; it is for X close to a multiple of I.
            x.iter_mut().step_by(rank + 1).for_each(|v| *v += 2.0 * scale * rank as f64);
            let mut joined = vec![0.0; full * full];
            joined.iter_mut().step_by(full + 1).for_each(|v| *v = 1.0);
            for (column, part) in joined.chunks_exact_mut(full).zip(x.chunks_exact(rank)) {
                column[..rank].copy_from_slice(part);
            }
            let part = factors.truncated(rank);
            let mut search = Search::new(&part, noise, Vec::new());
            let mut whole = Search::new(&factors, noise, Vec::new());
            // zC(X) − D(X) is monotone in z only where C(X) ⪰ 0: the smallest z of a grid.
            let grid = (0..400).map(|j| factors.sharpness() * 1.02f64.powi(j));
            let accepts = |z: &f64| matches!(search.check(*z, &x).unwrap(), Outcome::Proved);
            let accepted = grid.clone().find(accepts);
            let holds = |z: f64, whole: &mut Search<'_>| {
                is_positive_definite(&whole.image(z, &joined), full)
            };
            if let Some(z) = accepted {
                assert!(holds(z, &mut whole), "seed {seed}: accepted {z} without the inequality");
                let least = grid.clone().find(|z| holds(*z, &mut whole)).unwrap();
                losses.push(z / least);
            }
        }
        let tight = losses.iter().filter(|loss| **loss < 1.3).count();
        assert!(losses.len() >= 20 && tight >= 20, "{losses:?}");
    }
}
