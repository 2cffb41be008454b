//! What can go wrong: every text says what happened, why it usually happens and what to change.

use std::sync::Arc;

use derive_more::Display;

/// Why an operator could not compute a product: the error of whoever implements it, carried through
/// a solver without a change.
#[derive(Clone, Debug, Display)]
pub struct ProductFailure(Arc<dyn std::error::Error + Send + Sync>);

impl ProductFailure {
    /// The implementer's error, to look at or to downcast.
    pub fn get(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for ProductFailure {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

impl PartialEq for ProductFailure {
    /// Whether both are the same occurrence.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<ProductFailure> for Error {
    fn from(failure: ProductFailure) -> Self {
        Self::Product(failure)
    }
}

/// The errors of this crate.
///
/// A solver that runs out of products or meets the noise of its operator is *not* an error: it
/// returns its pairs with their true residuals and `converged: false`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operator acts on a space of dimension zero.
    #[error(
        "the operator has dimension 0, so it has no eigenvalue and no trace: \
         check that the network has parameters and the data set has examples"
    )]
    Empty,

    /// A vector handed in has the wrong number of entries.
    #[error(
        "{what} has {found} entries but the operator's dimension is {expected}: \
         it probably belongs to another network or another parameter layout"
    )]
    Length {
        /// Which vector.
        what: &'static str,
        /// The operator's dimension.
        expected: usize,
        /// The entries found.
        found: usize,
    },

    /// The start vector cannot be normalised: its norm is zero, infinite or not a number.
    #[error(
        "the start vector has norm {0}, so it gives no direction: pass no start vector \
         for a random one, or check the run it was taken from"
    )]
    Start(f64),

    /// The operator returned a value that is not finite.
    #[error(
        "product number {product} with the operator gave {value} at entry {index}: \
         the parameters or the data probably hold a NaN or the run has diverged; \
         check that the loss at this point is finite, and if it is, try f64 passes"
    )]
    NotFinite {
        /// The product, counted from 1.
        product: usize,
        /// The first entry that is not finite.
        index: usize,
        /// Its value.
        value: f64,
    },

    /// The norm of a product overflows although its entries are finite.
    #[error(
        "product number {product} with the operator is so large that its squared norm overflows \
         (its largest entry is {largest:e}): the run has probably diverged; scale the operator down"
    )]
    Overflow {
        /// The product, counted from 1.
        product: usize,
        /// The largest magnitude among its entries.
        largest: f64,
    },

    /// The operator could not compute a product.
    #[error("{0}")]
    Product(ProductFailure),

    /// A parameter outside its range.
    #[error("{name} is {value}, but it must be {requirement}")]
    Parameter {
        /// The name of the parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed and why.
        requirement: &'static str,
    },

    /// A dense matrix is not square.
    #[error("{what} is {rows} × {columns}, but only a square matrix can be symmetric")]
    NotSquare {
        /// Which matrix.
        what: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },

    /// A dense matrix is not symmetric to rounding.
    #[error(
        "{what} is not symmetric: entries ({row}, {column}) and ({column}, {row}) differ by \
         {difference:e} where rounding explains at most {allowed:e}; symmetrise it if the \
         difference is noise, look for a transposed factor if it is not"
    )]
    NotSymmetric {
        /// Which matrix.
        what: &'static str,
        /// Row of the worst entry.
        row: usize,
        /// Column of the worst entry.
        column: usize,
        /// |a_ij − a_ji|.
        difference: f64,
        /// The largest difference that is taken for rounding.
        allowed: f64,
    },

    /// A dense matrix holds a value that is not finite.
    #[error(
        "{what} holds {value} at ({row}, {column}): whatever filled it divided by zero, \
         overflowed or read a diverged run"
    )]
    MatrixNotFinite {
        /// Which matrix.
        what: &'static str,
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// Its value.
        value: f64,
    },

    /// Two matrices of one problem have different sizes.
    #[error(
        "the matrices of one eigenproblem must have one size, but they have {left} and {right} rows"
    )]
    SizeMismatch {
        /// Rows of the first.
        left: usize,
        /// Rows of the second.
        right: usize,
    },

    /// The right-hand matrix of a generalised problem has a clearly negative eigenvalue.
    #[error(
        "the right-hand matrix of the generalised eigenproblem must be positive semi-definite, \
         but its eigenvalues reach from {smallest:e} to {largest:e}: restrict both matrices to \
         the range where it is positive, or shift it, and say so beside the result"
    )]
    Indefinite {
        /// Its smallest eigenvalue.
        smallest: f64,
        /// Its largest eigenvalue.
        largest: f64,
    },

    /// The dense eigensolver gave up on a matrix of so many rows.
    #[error(
        "the dense eigensolver did not converge on a {0} × {0} matrix: its entries probably \
         span too many orders of magnitude; scale the rows and columns"
    )]
    DenseSolver(usize),
}
