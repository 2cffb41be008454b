//! Dense symmetric problems and products on column-major slices.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par, Side};
use minimascope_linop::{symmetric_eigen, symmetric_eigenvalues};

use rayon::prelude::*;

use crate::Error;

/// Columns of a product that one task computes: wide enough to amortise packing the left factor.
pub(crate) const PANEL: usize = 240;

/// Eigenvalues in decreasing order and their unit vectors as columns.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    /// Column-major, dimension × dimension; column j belongs to `values[j]`.
    pub(crate) vectors: Vec<f64>,
}

/// All eigenpairs of the symmetric column-major `matrix`; the lower triangle is read.
pub(crate) fn eigen(matrix: &[f64], dimension: usize) -> Result<Eigen, Error> {
    let solved = symmetric_eigen(MatRef::from_column_major_slice(matrix, dimension, dimension))?;
    let values = solved.values.iter().rev().copied().collect();
    let mut vectors = Vec::with_capacity(dimension * dimension);
    for j in (0..dimension).rev() {
        vectors.extend_from_slice(solved.vectors.col_as_slice(j));
    }
    Ok(Eigen { values, vectors })
}

/// The largest eigenvalue of a small dense symmetric matrix.
pub(crate) fn largest_eigenvalue(matrix: &[f64], dimension: usize) -> Result<f64, Error> {
    if dimension == 1 {
        return Ok(matrix[0]);
    }
    let values =
        symmetric_eigenvalues(MatRef::from_column_major_slice(matrix, dimension, dimension))?;
    Ok(values[dimension - 1])
}

/// Whether the symmetric matrix (lower triangle) has a Cholesky factor, that is whether it is
/// positive definite up to rounding.
pub(crate) fn is_positive_definite(matrix: &[f64], dimension: usize) -> bool {
    let view = MatRef::from_column_major_slice(matrix, dimension, dimension);
    matrix.iter().all(|x| x.is_finite()) && view.llt(Side::Lower).is_ok()
}

/// The identity, dimension × dimension.
pub(crate) fn identity(dimension: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; dimension * dimension];
    matrix.iter_mut().step_by(dimension + 1).for_each(|value| *value = 1.0);
    matrix
}

/// Σ x_i y_i in eight interleaved sums, of a fixed order.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (x_chunks, y_chunks) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = x_chunks.remainder().iter().zip(y_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in x_chunks.zip(y_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// y += α x.
pub(crate) fn axpy(alpha: f64, x: &[f64], y: &mut [f64]) {
    for (out, value) in y.iter_mut().zip(x) {
        *out += alpha * value;
    }
}

/// out = α·left·right (left m × k, right k × n, all column-major), columns of the product in
/// parallel; `transposed` reads right as n × k. A panel's sums do not depend on the threads.
pub(crate) fn product(
    (left, m): (&[f64], usize),
    (right, transposed): (&[f64], bool),
    alpha: f64,
    out: &mut [f64],
) {
    let k = left.len() / m;
    let n = out.len() / m;
    let left = MatRef::from_column_major_slice(left, m, k);
    out.par_chunks_mut(m * PANEL).enumerate().for_each(|(index, panel)| {
        let width = panel.len() / m;
        let right = if transposed {
            MatRef::from_column_major_slice(right, n, k).subrows(index * PANEL, width).transpose()
        } else {
            MatRef::from_column_major_slice(right, k, n).subcols(index * PANEL, width)
        };
        let panel = MatMut::from_column_major_slice_mut(panel, m, width);
        matmul(panel, Accum::Replace, left, right, alpha, Par::Seq);
    });
}
