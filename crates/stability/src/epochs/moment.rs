//! Second moments of low rank, and how a period changes them.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::dense::{axpy, dot, eigen, identity, product};
use crate::{Error, Momentum};

/// Columns of the search for the leading directions beyond those kept.
const MORE_COLUMNS: usize = 8;
/// A direction of the search below this share of the largest is rounding.
const ROUNDING: f64 = 1e-14;

/// S = LLᵀ, positive semi-definite, L of few columns: E xxᵀ, or that of (x, v) with momentum.
#[derive(Clone, Debug)]
pub struct LowRank {
    /// L, column after column.
    pub columns: Vec<f64>,
    /// Numbers of a column.
    pub state: usize,
    /// tr of what was left out over tr S.
    pub left_out: f64,
}

impl LowRank {
    /// How many columns.
    pub fn rank(&self) -> usize {
        self.columns.len() / self.state
    }

    /// ⟨a, b⟩ = (1−β) x·x' + β(x·v' + v·x') − β v·v', which is x·x' without momentum: the form in which
    /// a step by any batch is self-adjoint, ⟨Ma, b⟩ = ⟨a, Mb⟩. This is the matrix of the form times L.
    fn in_form(&self, momentum: Momentum) -> Vec<f64> {
        let beta = momentum.value();
        let mut out = self.columns.clone();
        if beta > 0.0 {
            for column in out.chunks_exact_mut(self.state) {
                let (position, velocity) = column.split_at_mut(self.state / 2);
                for (x, v) in position.iter_mut().zip(velocity) {
                    (*x, *v) = ((1.0 - beta) * *x + beta * *v, beta * (*x - *v));
                }
            }
        }
        out
    }

    /// ‖LᵀJB‖² of every block B, over ‖LᵀJR‖² with R the other moment's columns: one value of the
    /// quotient for each period.
    pub fn quotients(&self, other: &Self, images: &[Vec<f64>], momentum: Momentum) -> Vec<f64> {
        let form = self.in_form(momentum);
        let square = |block: &[f64]| {
            let inner = transposed_product(&form, block, self.state);
            dot(&inner, &inner)
        };
        let base = square(&other.columns);
        images.par_iter().map(|image| square(image) / base).collect()
    }

    /// The mean of BBᵀ over blocks, restricted to its `most` leading directions, of trace 1.
    ///
    /// # Errors
    /// Of the eigensolver.
    pub fn of_blocks(blocks: &[Vec<f64>], state: usize, most: usize) -> Result<Self, Error> {
        let weight = 1.0 / blocks.len() as f64;
        let trace = weight * blocks.iter().map(|block| dot(block, block)).sum::<f64>();
        let mut basis = if most >= state {
            identity(state)
        } else {
            let start = random_start(blocks, state, (most + MORE_COLUMNS).min(state));
            let once = orthonormal(start, state)?;
            let image = apply(blocks, &once, state);
            orthonormal(image, state)?
        };
        let image = apply(blocks, &basis, state);
        let ritz = transposed_product(&basis, &image, state);
        let size = basis.len() / state;
        let solved = eigen(&ritz, size)?;
        let kept = most.min(size);
        let mut columns = vec![0.0; state * kept];
        for (j, column) in columns.chunks_exact_mut(state).enumerate() {
            let scale = (weight * solved.values[j].max(0.0) / trace).sqrt();
            for (coefficient, direction) in
                solved.vectors[j * size..][..size].iter().zip(basis.chunks_exact_mut(state))
            {
                axpy(scale * coefficient, direction, column);
            }
        }
        let share = dot(&columns, &columns);
        Ok(Self { columns, state, left_out: (1.0 - share).max(0.0) })
    }
}

/// leftᵀ·right, both with columns of `state` numbers; column-major.
fn transposed_product(left: &[f64], right: &[f64], state: usize) -> Vec<f64> {
    let (m, n) = (left.len() / state, right.len() / state);
    let mut out = vec![0.0; m * n];
    let left = MatRef::from_column_major_slice(left, state, m);
    let right = MatRef::from_column_major_slice(right, state, n);
    let target = MatMut::from_column_major_slice_mut(&mut out, m, n);
    matmul(target, Accum::Replace, left.transpose(), right, 1.0, Par::Seq);
    out
}

/// (Σ BBᵀ)·basis; the sum runs over the blocks in order.
fn apply(blocks: &[Vec<f64>], basis: &[f64], state: usize) -> Vec<f64> {
    sum_over(blocks, basis.len(), |block, out| {
        let weights = transposed_product(block, basis, state);
        product((block, state), (&weights, false), 1.0, out);
    })
}

/// Σ BΩ with independent random signs Ω for every block.
fn random_start(blocks: &[Vec<f64>], state: usize, width: usize) -> Vec<f64> {
    let numbered: Vec<(usize, &Vec<f64>)> = blocks.iter().enumerate().collect();
    sum_over(&numbered, state * width, |(index, block), out| {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        random.set_stream(*index as u64);
        let count = block.len() / state * width;
        let signs: Vec<f64> =
            (0..count).map(|_| if random.random::<bool>() { 1.0 } else { -1.0 }).collect();
        product((block, state), (&signs, false), 1.0, out);
    })
}

/// The sum of what `term` writes for each item, always added in the same order.
fn sum_over<T: Sync>(items: &[T], len: usize, term: impl Fn(&T, &mut [f64]) + Sync) -> Vec<f64> {
    let mut sum = vec![0.0; len];
    for group in items.chunks(16) {
        let terms: Vec<Vec<f64>> = group
            .par_iter()
            .map(|item| {
                let mut out = vec![0.0; len];
                term(item, &mut out);
                out
            })
            .collect();
        terms.iter().for_each(|term| axpy(1.0, term, &mut sum));
    }
    sum
}

/// An orthonormal basis of the columns, by eigenvectors of their Gram matrix, twice for accuracy.
fn orthonormal(mut columns: Vec<f64>, state: usize) -> Result<Vec<f64>, Error> {
    for _ in 0..2 {
        let size = columns.len() / state;
        let solved = eigen(&transposed_product(&columns, &columns, state), size)?;
        let floor = ROUNDING * solved.values[0];
        let kept = solved.values.iter().take_while(|value| **value > floor).count();
        let mut weights = solved.vectors;
        weights.truncate(kept * size);
        for (weights, value) in weights.chunks_exact_mut(size).zip(&solved.values) {
            weights.iter_mut().for_each(|weight| *weight /= value.sqrt());
        }
        let mut basis = vec![0.0; kept * state];
        product((&columns, state), (&weights, false), 1.0, &mut basis);
        columns = basis;
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::random_rows;

    /// Against the eigendecomposition of the whole matrix: with all directions, and with few.
    #[test]
    fn the_leading_directions_of_a_mean() {
        let (state, c) = (40, 3);
        let blocks: Vec<Vec<f64>> = (0..30)
            .map(|seed| {
                let mut block = random_rows(c, state, seed);
                for column in block.chunks_exact_mut(state) {
                    column.iter_mut().enumerate().for_each(|(i, x)| *x *= 0.5f64.powi(i as i32));
                }
                block
            })
            .collect();
        let mut whole = vec![0.0; state * state];
        for column in blocks.iter().flat_map(|block| block.chunks_exact(state)) {
            for (j, value) in column.iter().enumerate() {
                axpy(value / 30.0, column, &mut whole[j * state..][..state]);
            }
        }
        let solved = eigen(&whole, state).unwrap();
        let trace: f64 = solved.values.iter().sum();
        for most in [state, 6] {
            let found = LowRank::of_blocks(&blocks, state, most).unwrap();
            for (j, column) in found.columns.chunks_exact(state).enumerate() {
                let value = solved.values[j] / trace;
                // Two steps of a search with eight directions more: eigenvalues fall by 4 each, so
                // that what is missed falls by 4^(−2·2·8) a direction, below rounding.
                assert!((dot(column, column) - value).abs() < 1e-13, "{most}: {j}");
            }
            let rest: f64 = solved.values[most..].iter().sum::<f64>() / trace;
            assert!((found.left_out - rest).abs() < 1e-12);
        }
    }
}
