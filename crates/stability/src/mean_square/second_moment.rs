//! The two maps of the mean-square theory in the eigenbasis of H.

use faer::linalg::matmul::matmul;
use faer::reborrow::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::ExampleFactors;
use crate::dense::{PANEL, axpy, dot};

/// One step x ← (I − ηH_B)x maps the second moment S = E\[xxᵀ\] to S − 2η C(S) + η² D(S), where
///
/// - C(S) = (HS + SH)/2, in H's eigenbasis C(S)_ab = (h_a + h_b)/2 · S_ab;
/// - D(S) = E\[H_B S H_B\] = (1−p) HSH + (p/n) Σ_i H_i S H_i,
///   with H_i S H_i = A_iᵀ (A_i S A_iᵀ) A_i.
///
/// Both are self-adjoint in ⟨S, T⟩ = tr ST, and D maps positive semi-definite S to such.
/// Matrices are r × r column-major; an application of D costs about 3·nK·r² multiply–adds (the
/// second product is symmetric, so only its lower half is computed).
///
/// Source: Mulayoff & Michaeli 2024 (arXiv 2306.07850), whose C and D these are, p for their
/// (n−B)/(B(n−1)).
pub struct SecondMomentMap<'a> {
    factors: &'a ExampleFactors,
    noise: f64,
    /// V = blocks · S-products, r × nK.
    products: Vec<f64>,
}

impl<'a> SecondMomentMap<'a> {
    /// `noise` is p of [`crate::Batching::noise`].
    pub fn new(factors: &'a ExampleFactors, noise: f64) -> Self {
        let products = vec![0.0; if noise == 0.0 { 0 } else { factors.rows().len() }];
        Self { factors, noise, products }
    }

    /// The factors.
    pub fn factors(&self) -> &'a ExampleFactors {
        self.factors
    }

    /// p.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// out = D(S) for symmetric S.
    pub fn apply(&mut self, s: &[f64], out: &mut [f64]) {
        if self.noise == 0.0 {
            out.fill(0.0);
        } else {
            self.multiply_by_blocks(s);
            self.gather(self.noise / self.factors.examples() as f64, out);
            mirror_lower(out, self.factors.rank());
        }
        self.add_mean_part(s, out);
    }

    /// V = Aᵀ·blockdiag(T_i), T_i = A_i S A_iᵀ, one panel of examples at a time.
    fn multiply_by_blocks(&mut self, s: &[f64]) {
        let (r, k) = (self.factors.rank(), self.factors.outputs());
        let panel = r * k * PANEL.div_ceil(k);
        let s = MatRef::from_column_major_slice(s, r, r);
        let rows = self.factors.rows().par_chunks(panel);
        self.products.par_chunks_mut(panel).zip(rows).for_each(|(products, rows)| {
            let width = rows.len() / r;
            let left = MatRef::from_column_major_slice(rows, r, width);
            let target = MatMut::from_column_major_slice_mut(products, r, width);
            matmul(target, Accum::Replace, s, left, 1.0, Par::Seq);
            let mut block = vec![0.0; k * k];
            for (products, rows) in products.chunks_exact_mut(r * k).zip(rows.chunks_exact(r * k)) {
                quadratic_block(rows, products, r, &mut block);
                combine(&block, rows, r, products);
            }
        });
    }

    /// The lower triangle of out = α·V·A.
    fn gather(&self, alpha: f64, out: &mut [f64]) {
        let r = self.factors.rank();
        let columns = self.factors.rows().len() / r;
        let left = MatRef::from_column_major_slice(&self.products, r, columns);
        let right = MatRef::from_column_major_slice(self.factors.rows(), r, columns);
        out.par_chunks_mut(r * PANEL).enumerate().for_each(|(index, panel)| {
            let (first, width) = (index * PANEL, panel.len() / r);
            let target = MatMut::from_column_major_slice_mut(panel, r, width);
            matmul(
                target.subrows_mut(first, r - first),
                Accum::Replace,
                left.subrows(first, r - first),
                right.subrows(first, width).transpose(),
                alpha,
                Par::Seq,
            );
        });
    }

    fn add_mean_part(&self, s: &[f64], out: &mut [f64]) {
        let h = self.factors.curvatures();
        let columns = out.chunks_exact_mut(h.len()).zip(s.chunks_exact(h.len())).zip(h);
        for ((out, s), hb) in columns {
            for ((out, s), ha) in out.iter_mut().zip(s).zip(h) {
                *out += (1.0 - self.noise) * ha * hb * s;
            }
        }
    }

    /// out = C(S).
    pub fn apply_mean(&self, s: &[f64], out: &mut [f64]) {
        let h = self.factors.curvatures();
        let columns = out.chunks_exact_mut(h.len()).zip(s.chunks_exact(h.len())).zip(h);
        for ((out, s), hb) in columns {
            for ((out, s), ha) in out.iter_mut().zip(s).zip(h) {
                *out = 0.5 * (ha + hb) * s;
            }
        }
    }

    /// The n blocks A_i S A_iᵀ, K × K each, of S = L + Lᵀ with L lower triangular: entries above
    /// the diagonal of `lower` must be zero, and those on it are half of S's. nK·r² multiply–adds.
    pub fn blocks_of_lower(&self, lower: &[f64]) -> Vec<f64> {
        let (r, k) = (self.factors.rank(), self.factors.outputs());
        let lower = MatRef::from_column_major_slice(lower, r, r);
        let examples = PANEL.div_ceil(k);
        let mut out = vec![0.0; self.factors.examples() * k * k];
        let rows = self.factors.rows().par_chunks(r * k * examples);
        out.par_chunks_mut(k * k * examples).zip(rows).for_each(|(blocks, rows)| {
            let width = rows.len() / r;
            let mut products = vec![0.0; rows.len()];
            let right = MatRef::from_column_major_slice(rows, r, width);
            let mut target = MatMut::from_column_major_slice_mut(&mut products, r, width);
            for first in (0..r).step_by(PANEL) {
                let height = PANEL.min(r - first);
                matmul(
                    target.rb_mut().subrows_mut(first, height),
                    Accum::Replace,
                    lower.submatrix(first, 0, height, first + height),
                    right.subrows(0, first + height),
                    1.0,
                    Par::Seq,
                );
            }
            let parts = products.chunks_exact(r * k).zip(rows.chunks_exact(r * k));
            for (block, (products, rows)) in blocks.chunks_exact_mut(k * k).zip(parts) {
                for a in 0..k {
                    for b in 0..k {
                        let half = dot(&rows[a * r..][..r], &products[b * r..][..r]);
                        block[a * k + b] += half;
                        block[b * k + a] += half;
                    }
                }
            }
        });
        out
    }

    /// The n blocks A_i S A_iᵀ of a symmetric S.
    pub fn blocks(&self, s: &[f64]) -> Vec<f64> {
        let r = self.factors.rank();
        let mut lower = s.to_vec();
        halve_diagonal(&mut lower, r);
        self.blocks_of_lower(&lower)
    }

    /// out = (1/n) Aᵀ·blockdiag(T)·A for n given symmetric K × K blocks.
    pub fn scatter_blocks(&mut self, blocks: &[f64], out: &mut [f64]) {
        self.scatter_blocks_lower(blocks, out);
        mirror_lower(out, self.factors.rank());
    }

    /// The lower triangle of [`SecondMomentMap::scatter_blocks`]; the entries above the diagonal are
    /// left undefined. nK·r² multiply–adds.
    pub fn scatter_blocks_lower(&mut self, blocks: &[f64], out: &mut [f64]) {
        let (r, k) = (self.factors.rank(), self.factors.outputs());
        self.products.resize(self.factors.rows().len(), 0.0);
        let parts = self.factors.rows().par_chunks_exact(r * k).zip(blocks.par_chunks_exact(k * k));
        self.products.par_chunks_exact_mut(r * k).zip(parts).for_each(|(out, (rows, block))| {
            combine(block, rows, r, out);
        });
        self.gather(1.0 / self.factors.examples() as f64, out);
    }
}

/// T_kl = row_k · product_l, symmetrised.
fn quadratic_block(rows: &[f64], products: &[f64], r: usize, block: &mut [f64]) {
    let k = rows.len() / r;
    for a in 0..k {
        for b in 0..=a {
            let value = dot(&rows[a * r..][..r], &products[b * r..][..r]);
            (block[a * k + b], block[b * k + a]) = (value, value);
        }
    }
}

/// out_k = Σ_l T_kl row_l.
fn combine(block: &[f64], rows: &[f64], r: usize, out: &mut [f64]) {
    let k = rows.len() / r;
    for (out, coefficients) in out.chunks_exact_mut(r).zip(block.chunks_exact(k)) {
        out.fill(0.0);
        for (coefficient, row) in coefficients.iter().zip(rows.chunks_exact(r)) {
            axpy(*coefficient, row, out);
        }
    }
}

/// S ↦ L with S = L + Lᵀ: half the diagonal, and nothing above it.
fn halve_diagonal(s: &mut [f64], r: usize) {
    for (b, column) in s.chunks_exact_mut(r).enumerate() {
        column[..b].fill(0.0);
        column[b] *= 0.5;
    }
}

/// Copies the lower triangle onto the upper one.
pub(crate) fn mirror_lower(matrix: &mut [f64], r: usize) {
    for b in 1..r {
        for a in 0..b {
            matrix[b * r + a] = matrix[a * r + b];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::RandomProblem;

    /// tr S·D(T) = tr T·D(S), and D(I) = H² + pΣ = (1−p)H² + (p/n) Σ A_iᵀ(A_iA_iᵀ)A_i.
    #[test]
    fn self_adjoint_and_right_on_the_identity() {
        for seed in 0..50 {
            let factors = RandomProblem::new(seed).factors();
            let r = factors.rank();
            let mut map = SecondMomentMap::new(&factors, 0.3);
            let symmetric = |seed| {
                let mut s = crate::problems::random_rows(r, r, seed);
                mirror_lower(&mut s, r);
                s
            };
            let (s, t) = (symmetric(seed), symmetric(seed + 1000));
            let (mut ds, mut dt) = (vec![0.0; r * r], vec![0.0; r * r]);
            map.apply(&s, &mut ds);
            map.apply(&t, &mut dt);
            let (left, right) = (dot(&t, &ds), dot(&s, &dt));
            let scale = dot(&s, &s).sqrt() * dot(&dt, &dt).sqrt();
            assert!((left - right).abs() <= 1e-13 * scale, "{left} against {right}");

            let mut identity = vec![0.0; r * r];
            identity.iter_mut().step_by(r + 1).for_each(|x| *x = 1.0);
            map.apply(&identity, &mut ds);
            let blocks: Vec<f64> =
                (0..factors.examples()).flat_map(|i| factors.block(i).to_vec()).collect();
            map.scatter_blocks(&blocks, &mut dt);
            for a in 0..r * r {
                let h = if a % r == a / r { factors.curvatures()[a % r].powi(2) } else { 0.0 };
                let expected = 0.7 * h + 0.3 * dt[a];
                assert!((ds[a] - expected).abs() < 1e-12 * factors.sharpness().powi(2) * 100.0);
            }
        }
    }
}
