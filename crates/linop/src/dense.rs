//! Dense eigenproblems, by faer, cut into a fixed number of tasks so that the bits are too.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};

use crate::Error;

/// From this size on an eigenproblem is cut into [`TASKS`]; below, threads cost more than they save.
const PARALLEL_FROM: usize = 512;
/// faer's sums depend on the number of tasks, not on that of the threads which run them.
const TASKS: usize = 4;

/// A = Q diag(values) Qᵀ.
#[derive(Debug, Clone)]
pub struct SymmetricEigen {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors, column j belonging to `values[j]`.
    pub vectors: Mat<f64>,
}

/// All eigenpairs of a symmetric matrix, ascending; only its lower triangle is read.
///
/// Householder tridiagonalisation and divide and conquer; 10 to 20 · size³ operations.
///
/// # Errors
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::MatrixNotFinite`], [`Error::DenseSolver`].
pub fn symmetric_eigen(matrix: MatRef<'_, f64>) -> Result<SymmetricEigen, Error> {
    let mut vectors = Mat::zeros(matrix.nrows(), matrix.nrows());
    let values = decompose(matrix, Some(&mut vectors))?;
    Ok(SymmetricEigen { values, vectors })
}

/// All eigenvalues of a symmetric matrix, ascending; only its lower triangle is read.
///
/// # Errors
/// As [`symmetric_eigen`].
pub fn symmetric_eigenvalues(matrix: MatRef<'_, f64>) -> Result<Vec<f64>, Error> {
    decompose(matrix, None)
}

fn decompose(matrix: MatRef<'_, f64>, vectors: Option<&mut Mat<f64>>) -> Result<Vec<f64>, Error> {
    check_square_finite("the matrix of a symmetric eigenproblem", matrix)?;
    let size = matrix.nrows();
    let wanted = match vectors {
        Some(_) => ComputeEigenvectors::Yes,
        None => ComputeEigenvectors::No,
    };
    let mut values = Diag::<f64>::zeros(size);
    let tasks = if size < PARALLEL_FROM { Par::Seq } else { Par::rayon(TASKS) };
    let scratch = self_adjoint_evd_scratch::<f64>(size, wanted, tasks, Default::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        vectors.map(Mat::as_mut),
        tasks,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::DenseSolver(size))?;
    Ok(values.column_vector().iter().copied().collect())
}

/// The eigenpairs of A x = λ B x on range(B).
#[derive(Debug, Clone)]
pub struct GeneralisedEigen {
    /// Eigenvalues, ascending; as many as the rank of B.
    pub values: Vec<f64>,
    /// size × rank, columns x with xᵀBx = 1, each in range(B).
    pub vectors: Mat<f64>,
    /// The number of eigenvalues of B above the threshold.
    pub rank: usize,
}

/// All eigenpairs of A x = λ B x with A symmetric and B ⪰ 0, restricted to range(B).
///
/// With B = U diag(β) Uᵀ, keep the β above `rank_tolerance`·β_max, put W = U β^(−1/2), and solve
/// the symmetric problem WᵀAW z = λz; x = Wz. An eigenvalue −β up to the same threshold is taken
/// for rounding, a more negative one is an error. A natural `rank_tolerance` is size·ε for a B
/// filled in f64 and 1e-6 for one filled in f32. Only the lower triangles are read.
///
/// # Errors
/// [`Error::Indefinite`], [`Error::SizeMismatch`], [`Error::Parameter`], and as
/// [`symmetric_eigen`].
pub fn generalised_eigen(
    a: MatRef<'_, f64>,
    b: MatRef<'_, f64>,
    rank_tolerance: f64,
) -> Result<GeneralisedEigen, Error> {
    check_square_finite("the left-hand matrix of a generalised eigenproblem", a)?;
    if a.nrows() != b.nrows() {
        return Err(Error::SizeMismatch { left: a.nrows(), right: b.nrows() });
    }
    if !(0.0..1.0).contains(&rank_tolerance) {
        return Err(Error::Parameter {
            name: "rank_tolerance",
            value: rank_tolerance,
            requirement: "at least 0 and below 1: it is a fraction of B's largest eigenvalue",
        });
    }
    let size = a.nrows();
    let right = symmetric_eigen(b)?;
    let (smallest, largest) = (right.values[0], right.values[size - 1]);
    let threshold = rank_tolerance * largest.max(0.0);
    if smallest < -threshold.max(size as f64 * f64::EPSILON * largest.abs()) {
        return Err(Error::Indefinite { smallest, largest });
    }
    let first = right.values.partition_point(|&value| value <= threshold);
    let rank = size - first;
    if rank == 0 {
        return Ok(GeneralisedEigen { values: Vec::new(), vectors: Mat::zeros(size, 0), rank });
    }
    let whitening = Mat::from_fn(size, rank, |i, j| {
        right.vectors[(i, first + j)] / right.values[first + j].sqrt()
    });
    let left = Mat::from_fn(size, size, |i, j| if i >= j { a[(i, j)] } else { a[(j, i)] });
    let reduced =
        product(whitening.transpose(), product(left.as_ref(), whitening.as_ref()).as_ref());
    let inner = symmetric_eigen(reduced.as_ref())?;
    let vectors = product(whitening.as_ref(), inner.vectors.as_ref());
    Ok(GeneralisedEigen { values: inner.values, vectors, rank })
}

fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(left.nrows(), right.ncols());
    faer::linalg::matmul::matmul(&mut out, faer::Accum::Replace, left, right, 1.0, Par::Seq);
    out
}

/// The checks that every dense problem starts with.
pub(crate) fn check_square_finite(
    what: &'static str,
    matrix: MatRef<'_, f64>,
) -> Result<(), Error> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    if rows != columns {
        return Err(Error::NotSquare { what, rows, columns });
    }
    if rows == 0 {
        return Err(Error::Empty);
    }
    for column in 0..columns {
        for row in 0..rows {
            let value = matrix[(row, column)];
            if !value.is_finite() {
                return Err(Error::MatrixNotFinite { what, row, column, value });
            }
        }
    }
    Ok(())
}
