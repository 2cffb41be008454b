//! The search for an X_V at a given z.

use crate::dense::{dot, is_positive_definite, largest_eigenvalue, product};
use crate::mean_square::SecondMomentMap;
use crate::{Error, ExampleFactors};

/// Rounds of T ← T(X_V); each one solves for X_V with the coupling of the round before.
const ROUNDS: usize = 4;
/// The coupling is solved for with this excess, so that its growth in the last round fits.
const COUPLING_EXCESS: f64 = 1.05;
/// Strength κ of the definite part κH of the right side F, as a share of the gap z − λ_max.
const DEFINITE_SHARE: f64 = 1e-2;
/// Most applications of D a solve may take.
const MOST_ITERATIONS: usize = 80;

/// The state of a search: the split factors, their tail, and the Perron matrix that it starts from.
pub(super) struct CertificateSearch<'a> {
    factors: &'a ExampleFactors,
    map: SecondMomentMap<'a>,
    noise: f64,
    tail_blocks: Vec<f64>,
    /// A_Vᵀ·blockdiag(tail blocks)·A_V/n.
    tail_part: Vec<f64>,
    perron: Vec<f64>,
    pub(super) applications: usize,
}

/// What the conditions say of one X_V.
pub(super) enum Checked {
    Proved,
    /// c ≤ 0.
    NoSlack,
    /// M or X_V is not positive definite.
    Fails {
        slack: f64,
        coupling: Vec<f64>,
    },
}

impl<'a> CertificateSearch<'a> {
    pub(super) fn new(factors: &'a ExampleFactors, noise: f64, perron: Vec<f64>) -> Self {
        let mut map = SecondMomentMap::new(factors, noise);
        let mut tail_part = vec![0.0; factors.rank().pow(2)];
        let mut tail_blocks = Vec::new();
        if !factors.covers_range() {
            tail_blocks = factors.tail_blocks();
            map.scatter_blocks(&tail_blocks, &mut tail_part);
        }
        Self { factors, map, noise, tail_blocks, tail_part, perron, applications: 0 }
    }

    /// Whether some X_V was found that proves λ_max ≤ z.
    pub(super) fn proves(&mut self, z: f64, gap: f64) -> Result<bool, Error> {
        let (h, p) = (self.factors.curvatures(), self.noise);
        let size = h.len() * h.len();
        let definite = DEFINITE_SHARE * gap;
        let (mut x, mut right) = (vec![0.0; size], vec![0.0; size]);
        // X_V = 0 has the coupling of the tail alone.
        let mut outcome = self.check(z, &x)?;
        for _ in 0..ROUNDS {
            match outcome {
                Checked::Proved => return Ok(true),
                Checked::NoSlack => return Ok(false),
                Checked::Fails { slack, coupling } => {
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
        Ok(matches!(outcome, Checked::Proved))
    }

    /// The conditions on X = X_V ⊕ I_W at z, whatever X_V comes from.
    pub(super) fn check(&mut self, z: f64, x: &[f64]) -> Result<Checked, Error> {
        let (r, p) = (self.factors.rank(), self.noise);
        let mut schur = self.image(z, x);
        let (mut slack, mut coupling) = (z, vec![0.0; r * r]);
        if !self.factors.covers_range() {
            let mut blocks = self.map.blocks(x);
            blocks.iter_mut().zip(&self.tail_blocks).for_each(|(t, tail)| *t += tail);
            let k = self.factors.outputs();
            let mut largest = 0.0f64;
            for block in blocks.chunks_exact(k * k) {
                largest = largest.max(largest_eigenvalue(block, k)?);
            }
            slack -= (1.0 - p) * self.factors.tail() + p * largest;
            if slack.is_nan() || slack <= 0.0 {
                return Ok(Checked::NoSlack);
            }
            coupling = self.coupling(&blocks);
            for (at, value) in schur.iter_mut().enumerate() {
                *value -= p * self.tail_part[at] + p * p / slack * coupling[at];
            }
        }
        if is_positive_definite(&schur, r) && is_positive_definite(x, r) {
            Ok(Checked::Proved)
        } else {
            Ok(Checked::Fails { slack, coupling })
        }
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
    pub(super) fn image(&mut self, z: f64, x: &[f64]) -> Vec<f64> {
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
