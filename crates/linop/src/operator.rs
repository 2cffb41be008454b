//! The one operator type and its dense form.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::dense::check_square_finite;
use crate::kernels::dots;
use crate::{Error, ProductFailure};

/// A real symmetric operator A on vectors of `dimension` entries, known by its products only.
///
/// A product may be accurate to f32 only, and its error may break symmetry at that level; the
/// solvers are made for that. `apply` takes `&mut self` so that an operator may own scratch space
/// and count its products.
pub trait SymmetricOperator {
    /// The number of rows and columns.
    fn dimension(&self) -> usize;

    /// Overwrites `y` with A `x`. Both have `dimension` entries; nothing may be read from `y`.
    ///
    /// # Errors
    /// What the operator itself cannot do: a worker that died, a framework that refused. A solver
    /// ends with it at once and hands it on as [`Error::Product`]. Values that are not finite are
    /// no error here: the solver looks for them.
    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure>;

    /// The unit of rounding of a product: its error is of this share of ‖A‖‖x‖. Of single precision
    /// for an operator that computes in it.
    fn rounding(&self) -> f64 {
        f64::EPSILON
    }
}

impl<O: SymmetricOperator + ?Sized> SymmetricOperator for &mut O {
    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        (**self).apply(x, y)
    }

    fn rounding(&self) -> f64 {
        (**self).rounding()
    }
}

impl<O: SymmetricOperator + ?Sized> SymmetricOperator for Box<O> {
    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        (**self).apply(x, y)
    }

    fn rounding(&self) -> f64 {
        (**self).rounding()
    }
}

/// The dense matrix of an operator, column by column from `dimension` products with unit vectors.
///
/// It is not symmetrised, so that a test can see whether the operator is symmetric. For tests and
/// small problems: it costs `dimension` products and 8·dimension² bytes.
///
/// # Errors
/// [`Error::Product`].
pub fn as_matrix<O: SymmetricOperator + ?Sized>(operator: &mut O) -> Result<Mat<f64>, Error> {
    let dimension = operator.dimension();
    let mut matrix = Mat::zeros(dimension, dimension);
    let mut unit = vec![0.0; dimension];
    for column in 0..dimension {
        unit[column] = 1.0;
        operator.apply(&unit, matrix.col_as_slice_mut(column))?;
        unit[column] = 0.0;
    }
    Ok(matrix)
}

/// A symmetric matrix held densely; a product costs 2·dimension² operations, rows in parallel.
#[derive(Debug, Clone)]
pub struct DenseSymmetric {
    matrix: Mat<f64>,
}

impl DenseSymmetric {
    /// Checks that `matrix` is square, finite and symmetric to rounding, and stores (A + Aᵀ)/2.
    ///
    /// Taken for rounding: |a_ij − a_ji| ≤ 2·dimension·ε·max|a|, twice the bound of a dot product
    /// of that many terms whose result is at most max|a|.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NotSquare`], [`Error::MatrixNotFinite`], [`Error::NotSymmetric`].
    pub fn new(matrix: MatRef<'_, f64>) -> Result<Self, Error> {
        const WHAT: &str = "the matrix of a dense operator";
        check_square_finite(WHAT, matrix)?;
        let dimension = matrix.nrows();
        let largest = matrix.norm_max();
        let allowed = 2.0 * dimension as f64 * f64::EPSILON * largest;
        for column in 0..dimension {
            for row in column + 1..dimension {
                let difference = (matrix[(row, column)] - matrix[(column, row)]).abs();
                if difference > allowed {
                    return Err(Error::NotSymmetric {
                        what: WHAT,
                        row,
                        column,
                        difference,
                        allowed,
                    });
                }
            }
        }
        let mean = |i, j| 0.5 * matrix[(i, j)] + 0.5 * matrix[(j, i)];
        Ok(Self { matrix: Mat::from_fn(dimension, dimension, mean) })
    }

    /// diag(`values`).
    pub fn diagonal(values: &[f64]) -> Self {
        let entry = |i, j| if i == j { values[i] } else { 0.0 };
        Self { matrix: Mat::from_fn(values.len(), values.len(), entry) }
    }

    /// The matrix.
    pub fn matrix(&self) -> MatRef<'_, f64> {
        self.matrix.as_ref()
    }
}

impl SymmetricOperator for DenseSymmetric {
    fn dimension(&self) -> usize {
        self.matrix.nrows()
    }

    /// Row i is column i, so every entry is one dot product over contiguous memory, summed in an
    /// order that does not depend on the threads.
    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let row = |i: usize| dots(x, [self.matrix.col_as_slice(i)])[0];
        // Below 2^16 multiply–adds a product takes some 10 µs, less than waking a second thread.
        if y.len() < 256 {
            y.iter_mut().enumerate().for_each(|(i, entry)| *entry = row(i));
        } else {
            y.par_iter_mut().with_min_len(16).enumerate().for_each(|(i, entry)| *entry = row(i));
        }
        Ok(())
    }
}
