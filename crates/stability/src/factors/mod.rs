//! The per-example operators H_i = A_iᵀA_i in the eigenbasis of their mean.

mod construct;
mod reduce;

use rayon::prelude::*;

/// Numbers of the factors that one task of a product takes at least.
const TASK: usize = 1 << 16;
/// Directions whose running sums one task of a transposed product keeps at least.
const PANEL: usize = 64;

/// Square-root factors A_i (K × r) of the per-example operators, in an orthonormal basis of r
/// directions in which H = (1/n) Σ A_iᵀA_i is diagonal.
///
/// Any positive semi-definite H_i can be factored. For a network A_i = L_i^{1/2} J_i with J_i the
/// K × P Jacobian of example i and L_i the Hessian of its loss in the outputs, so that H_i is the
/// Gauss–Newton matrix, equal to the Hessian at interpolation.
///
/// The directions span either all of range(H) ([`ExampleFactors::covers_range`]) or its r leading
/// eigenvectors. In the second case the n blocks A_i A_iᵀ of the *full* factors and a bound on the
/// eigenvalues left out travel along, so that lower bounds of a critical learning rate stay
/// rigorous for the full space.
#[derive(Clone, Debug)]
pub struct ExampleFactors {
    examples: usize,
    outputs: usize,
    /// h_1 ≥ … ≥ h_r > 0.
    curvatures: Vec<f64>,
    /// Row k of A_i is `rows[(i·K + k)·r ..][..r]`; read column-major this is Aᵀ, r × nK.
    rows: Vec<f64>,
    /// A_i A_iᵀ of the full factors, K × K each.
    blocks: Vec<f64>,
    /// Upper bound on the eigenvalues of H outside the span; 0 when the span is range(H).
    tail: f64,
}

impl ExampleFactors {
    /// n.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// K, the number of rows of each factor.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// r, the number of directions.
    pub fn rank(&self) -> usize {
        self.curvatures.len()
    }

    /// The eigenvalues h_1 ≥ … ≥ h_r > 0 of H along the directions.
    pub fn curvatures(&self) -> &[f64] {
        &self.curvatures
    }

    /// a = λ_max(H).
    pub fn sharpness(&self) -> f64 {
        self.curvatures[0]
    }

    /// tr H = (1/n) Σ tr A_iA_iᵀ of the full operator, also when directions are left out.
    pub fn trace(&self) -> f64 {
        let k = self.outputs;
        let diagonal = self.blocks.chunks_exact(k * k).flat_map(|b| b.iter().step_by(k + 1));
        diagonal.sum::<f64>() / self.examples as f64
    }

    /// The eigenvalues of H outside the directions are at most this; 0 when none are left out,
    /// infinite when nothing is known of them.
    pub fn tail(&self) -> f64 {
        self.tail
    }

    /// Whether the directions span range(H), so that nothing is left out.
    pub fn covers_range(&self) -> bool {
        self.tail == 0.0
    }

    /// Row k of A_i along the directions, r numbers.
    pub fn row(&self, example: usize, output: usize) -> &[f64] {
        let r = self.rank();
        &self.rows[(example * self.outputs + output) * r..][..r]
    }

    /// All rows: Aᵀ as an r × nK column-major matrix.
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// The K × K matrix A_i A_iᵀ of the full factor of one example.
    pub fn block(&self, example: usize) -> &[f64] {
        let size = self.outputs * self.outputs;
        &self.blocks[example * size..][..size]
    }

    /// The blocks of all examples, one after the other.
    pub(crate) fn blocks(&self) -> &[f64] {
        &self.blocks
    }

    /// out = A x: nK numbers from r; rows in parallel.
    pub fn apply_rows(&self, x: &[f64], out: &mut [f64]) {
        let rank = self.rank();
        let rows_a_task = TASK.div_ceil(rank);
        let tasks = out.par_chunks_mut(rows_a_task).zip(self.rows.par_chunks(rows_a_task * rank));
        tasks.for_each(|(out, rows)| {
            for (value, row) in out.iter_mut().zip(rows.chunks_exact(rank)) {
                *value = crate::dense::dot(row, x);
            }
        });
    }

    /// out = Aᵀ u: r numbers from nK; panels of directions in parallel, so that every sum runs over
    /// the rows in order.
    pub fn apply_rows_transposed(&self, u: &[f64], out: &mut [f64]) {
        let rank = self.rank();
        let width = TASK.div_ceil(u.len()).max(PANEL).min(rank);
        out.par_chunks_mut(width).enumerate().for_each(|(panel, out)| {
            out.fill(0.0);
            for (value, row) in u.iter().zip(self.rows.chunks_exact(rank)) {
                crate::dense::axpy(*value, &row[panel * width..][..out.len()], out);
            }
        });
    }

    /// u ← blockdiag_i(A_iA_iᵀ) u with the full blocks.
    pub fn apply_blocks(&self, u: &[f64], out: &mut [f64]) {
        apply_blocks(&self.blocks, self.outputs, u, out);
    }
}

/// out = blockdiag(blocks) u for K × K blocks.
pub(crate) fn apply_blocks(blocks: &[f64], outputs: usize, u: &[f64], out: &mut [f64]) {
    let parts = out.chunks_exact_mut(outputs).zip(u.chunks_exact(outputs));
    for ((out, u), block) in parts.zip(blocks.chunks_exact(outputs * outputs)) {
        for (value, row) in out.iter_mut().zip(block.chunks_exact(outputs)) {
            *value = row.iter().zip(u).map(|(a, b)| a * b).sum();
        }
    }
}
