//! η* on the n blocks of K × K numbers through which the noise acts.
//!
//! A second moment X ⪰ 0 that a step keeps satisfies (see [`super::critical`]), with z = 1/η and in
//! H's eigenbasis,
//!
//! d_ab(z)·X_ab = (p/n) (Σ_i A_iᵀ T_i A_i)_ab, T_i = A_i X A_iᵀ,
//!
//! d_ab(z) = (1−β)(h_a + h_b) z + β/(1−β²)·(h_a² + h_b²) − κ h_a h_b, κ = (1+β²)/(1−β²) − p ≥ 0.
//!
//! X is r × r, the T_i are n·K(K+1)/2 numbers, and X follows from them. So the condition is one on
//! the blocks: T = F_z T with
//!
//! (F_z T)_i = (p/n) A_i [ (Σ_j A_jᵀ T_j A_j) ∘ 1/d(z) ] A_iᵀ.
//!
//! F_z is symmetric and positive semi-definite in ⟨T, U⟩ = Σ tr T_iU_i. Where d > 0 it preserves the
//! cone of blocks T_i ⪰ 0: 1/d = ∫₀^∞ e^{−td} dt, and e^{−t d_ab} is a rank-one matrix times
//! exp(tκ h_a h_b), a positive semi-definite matrix by Schur, since κ ≥ 0 for p ≤ 1. d rises with z, so
//! λ_max(F_z) falls, and **η* = 1/z where λ_max(F_z) = 1**.
//!
//! At a fixed z with d > 0 for p = 0 it rises with p as well, since p/(d⁰_ab + p h_ah_b) does, d⁰ being d without noise: the same
//! balance answers which p a learning rate allows.
//!
//! An application costs 2·nK·r² multiply–adds, half of what the map of r × r matrices takes for an
//! eigenvector that is shorter by r²/(nK(K+1)). For given T the z at which ⟨T, F_zT⟩ = ⟨T, T⟩ takes
//! one half of an application; it is at most the true one, and off by the square of T's error.

use minimascope_linop::{ProductFailure, SymmetricOperator};
use rayon::prelude::*;

use super::second_moment::SecondMomentMap;
use crate::dense::dot;
use crate::{ExampleFactors, Momentum};

/// Where p stops to be solved for: its largest meaning is 1.
const MOST_NOISE: f64 = 1e6;

/// d_ab at a z and a p.
#[derive(Clone, Copy, Debug)]
struct Stiffness {
    /// (1−β)z.
    linear: f64,
    /// β/(1−β²).
    square: f64,
    /// κ.
    cross: f64,
}

impl Stiffness {
    fn at(self, a: f64, b: f64) -> f64 {
        self.linear * (a + b) + self.square * (a * a + b * b) - self.cross * a * b
    }
}

/// What a balance is solved for, the other being given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// z = 1/η, at a noise p.
    InverseRate,
    /// p, at a learning rate.
    Noise,
}

impl Unknown {
    /// The one that is given.
    pub(super) fn other(self) -> Self {
        if self == Self::InverseRate { Self::Noise } else { Self::InverseRate }
    }

    /// η for z, p for p.
    pub(super) fn shown(self, value: f64) -> f64 {
        if self == Self::InverseRate { 1.0 / value } else { value }
    }

    /// A share `gap` away from a balance, on the stable side; a p of at most 1, the largest that has a
    /// meaning and for which F preserves the cone.
    pub(super) fn beyond(self, balance: f64, gap: f64) -> f64 {
        match self {
            Self::InverseRate => balance * (1.0 + gap),
            Self::Noise => (balance / (1.0 + gap)).min(1.0),
        }
    }

    /// The share by which `value` lies on the stable side of a balance.
    pub(super) fn gap(self, balance: f64, value: f64) -> f64 {
        if self == Self::InverseRate { value / balance - 1.0 } else { balance / value - 1.0 }
    }

    /// As far on the stable side as there is.
    pub(super) fn unproved(self) -> f64 {
        self.beyond(1.0, f64::INFINITY)
    }
}

/// F_z with its working memory.
pub(super) struct Feedback<'a> {
    map: SecondMomentMap<'a>,
    noise: f64,
    momentum: f64,
    /// z.
    inverse_rate: f64,
    /// (1/n) Σ_i A_iᵀT_iA_i, lower triangle.
    excitation: Vec<f64>,
    /// L of X = L + Lᵀ.
    response: Vec<f64>,
    blocks: Vec<f64>,
}

impl<'a> Feedback<'a> {
    /// With all of p = 1 and without a learning rate, until they are set.
    pub(super) fn new(factors: &'a ExampleFactors, momentum: Momentum) -> Self {
        let r = factors.rank();
        let (n, k) = (factors.examples(), factors.outputs());
        Self {
            map: SecondMomentMap::new(factors, 1.0),
            noise: 1.0,
            momentum: momentum.value(),
            inverse_rate: f64::INFINITY,
            excitation: vec![0.0; r * r],
            response: vec![0.0; r * r],
            blocks: vec![0.0; n * k * k],
        }
    }

    /// A_iA_iᵀ of the full factors, and K.
    pub(super) fn carried_blocks(&self) -> (&'a [f64], usize) {
        (self.map.factors().blocks(), self.map.factors().outputs())
    }

    /// β > 0.
    pub(super) fn has_momentum(&self) -> bool {
        self.momentum > 0.0
    }

    /// z or p of the next applications.
    pub(super) fn set(&mut self, unknown: Unknown, value: f64) {
        match unknown {
            Unknown::InverseRate => self.inverse_rate = value,
            Unknown::Noise => self.noise = value,
        }
    }

    /// d > 0 for every pair exactly when z is above this: the threshold of the dynamics without
    /// feedback.
    /// d_ab = [(1−β)z − g](h_a + h_b) + …, whose least value is at h_a = h_b = a.
    pub(super) fn pole(&self) -> f64 {
        let (beta, a) = (self.momentum, self.map.factors().sharpness());
        (0.5 * a * (1.0 / (1.0 + beta) - self.noise / (1.0 - beta))).max(0.0)
    }

    /// z of gradient descent's threshold, 2(1+β)/a: η* is never above it.
    fn descent_threshold(&self) -> f64 {
        0.5 * self.map.factors().sharpness() / (1.0 + self.momentum)
    }

    fn stiffness(&self, z: f64, noise: f64) -> Stiffness {
        let beta = self.momentum;
        let rest = 1.0 - beta * beta;
        Stiffness {
            linear: (1.0 - beta) * z,
            square: beta / rest,
            cross: (1.0 + beta * beta) / rest - noise,
        }
    }

    /// Sets the blocks T that [`Self::energy`] and [`Self::balance`] use.
    pub(super) fn excite(&mut self, blocks: &[f64]) {
        self.map.scatter_blocks_lower(blocks, &mut self.excitation);
    }

    /// ⟨T, FT⟩ at a value of the unknown, and its derivative in the unknown; T is set by
    /// [`Self::excite`].
    fn energy(&self, unknown: Unknown, value: f64) -> (f64, f64) {
        let h = self.map.factors().curvatures();
        let r = h.len();
        let (stiffness, noise) = match unknown {
            Unknown::InverseRate => (self.stiffness(value, self.noise), self.noise),
            Unknown::Noise => (self.stiffness(self.inverse_rate, value), value),
        };
        let column = |(b, column): (usize, &[f64])| {
            let (mut total, mut slope) = (0.0, 0.0);
            for a in b..r {
                let weight = if a == b { 1.0 } else { 2.0 };
                let d = stiffness.at(h[a], h[b]);
                let part = weight * column[a] * column[a] / d;
                total += part;
                slope -= part / d
                    * match unknown {
                        Unknown::InverseRate => (1.0 - self.momentum) * (h[a] + h[b]),
                        Unknown::Noise => h[a] * h[b],
                    };
            }
            (total, slope)
        };
        let columns: Vec<(f64, f64)> =
            self.excitation.par_chunks_exact(r).enumerate().map(column).collect();
        let (total, slope) =
            columns.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let n = self.map.factors().examples() as f64;
        let own = if unknown == Unknown::Noise { total } else { 0.0 };
        (n * noise * total, n * (noise * slope + own))
    }

    /// The value of the unknown at which ⟨T, FT⟩ = `square` with |d log⟨T, FT⟩/d log value| there; T is
    /// set by [`Self::excite`]. The energy falls in z and rises in p. Newton's method works on its
    /// inverse, which is close to linear in z and in 1/p, inside a bracket. p has no largest value that is enough; 1e6 stands for it.
    pub(super) fn balance(&self, unknown: Unknown, square: f64) -> (f64, f64) {
        let falls = unknown == Unknown::InverseRate;
        let start = if falls { self.inverse_rate } else { self.noise };
        let (mut low, mut high) = if falls {
            (self.pole().max(self.descent_threshold()), f64::INFINITY)
        } else {
            (0.0, MOST_NOISE)
        };
        let mut value = if start > low && start < high {
            start
        } else {
            low.max(0.5 * self.map.factors().sharpness()) * 1.000_001
        };
        let mut slope = 1.0;
        for _ in 0..200 {
            let (energy, derivative) = self.energy(unknown, value);
            slope = (value * derivative / energy).abs();
            if (energy > square) == falls {
                low = value;
            } else {
                high = value;
            }
            let step = (square - energy) / derivative * energy / square;
            let mut next = value + step;
            if !(next > low && next < high) {
                next = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * value };
            }
            let done = (next - value).abs() <= 1e-14 * value;
            value = next;
            if done {
                break;
            }
        }
        (value, slope)
    }

    /// F_zT of the T taken in.
    pub(super) fn respond(&mut self, out: &mut [f64]) {
        self.fill_response();
        out.copy_from_slice(&self.map.blocks_of_lower(&self.response));
    }

    /// L of X = L + Lᵀ, X the second moment that the T taken in excites.
    fn fill_response(&mut self) {
        let h = self.map.factors().curvatures();
        let r = h.len();
        let stiffness = self.stiffness(self.inverse_rate, self.noise);
        let p = self.noise;
        let columns =
            self.response.par_chunks_exact_mut(r).zip(self.excitation.par_chunks_exact(r));
        columns.enumerate().for_each(|(b, (response, excitation))| {
            for a in b..r {
                response[a] = p * excitation[a] / stiffness.at(h[a], h[b]);
            }
            response[b] *= 0.5;
        });
    }

    /// The second moment X that the T taken in excites, r × r.
    pub(super) fn second_moment(&mut self) -> Vec<f64> {
        self.fill_response();
        let r = self.map.factors().rank();
        let mut x = self.response.clone();
        x.iter_mut().step_by(r + 1).for_each(|v| *v *= 2.0);
        super::second_moment::mirror_lower(&mut x, r);
        x
    }

    /// An approximate top eigenvector of X, of unit norm: `steps` power steps from its heaviest
    /// column.
    pub(super) fn top_direction(&mut self, steps: usize) -> Vec<f64> {
        self.fill_response();
        let r = self.map.factors().rank();
        let heaviest = (0..r)
            .max_by(|a, b| self.response[a * r + a].total_cmp(&self.response[b * r + b]))
            .unwrap_or(0);
        let mut vector = vec![0.0; r];
        vector[heaviest] = 1.0;
        for _ in 0..steps {
            let mut image = vec![0.0; r];
            for (b, column) in self.response.chunks_exact(r).enumerate() {
                crate::dense::axpy(vector[b], &column[b..], &mut image[b..]);
                image[b] += dot(&column[b..], &vector[b..]);
            }
            let norm = dot(&image, &image).sqrt();
            vector = image.iter().map(|v| v / norm).collect();
        }
        vector
    }
}

impl SymmetricOperator for Feedback<'_> {
    fn dimension(&self) -> usize {
        let (n, k) = (self.map.factors().examples(), self.map.factors().outputs());
        n * k * (k + 1) / 2
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let k = self.map.factors().outputs();
        let mut blocks = std::mem::take(&mut self.blocks);
        unpack(x, k, &mut blocks);
        self.excite(&blocks);
        self.respond(&mut blocks);
        pack(&blocks, k, y);
        self.blocks = blocks;
        Ok(())
    }
}

/// Blocks as vectors whose dot product is Σ tr T_iU_i: lower triangles, entries off the diagonal
/// times √2.
pub(super) fn pack(blocks: &[f64], k: usize, out: &mut [f64]) {
    let mut at = 0;
    for block in blocks.chunks_exact(k * k) {
        for b in 0..k {
            for a in b..k {
                let scale = if a == b { 1.0 } else { std::f64::consts::SQRT_2 };
                out[at] = scale * block[b * k + a];
                at += 1;
            }
        }
    }
}

/// The inverse of [`pack`].
pub(super) fn unpack(x: &[f64], k: usize, blocks: &mut [f64]) {
    let mut at = 0;
    for block in blocks.chunks_exact_mut(k * k) {
        for b in 0..k {
            for a in b..k {
                let scale = if a == b { 1.0 } else { std::f64::consts::FRAC_1_SQRT_2 };
                (block[b * k + a], block[a * k + b]) = (scale * x[at], scale * x[at]);
                at += 1;
            }
        }
    }
}
