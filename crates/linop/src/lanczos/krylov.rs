//! The growing subspace: basis, projected matrix, expansion by a product, contraction to Ritz
//! vectors. It knows nothing of convergence.

use faer::Mat;

use super::ZERO_ROUNDINGS;
use crate::basis::{Basis, INVARIANT_BELOW};
use crate::dense::{SymmetricEigen, symmetric_eigen};
use crate::product::Products;
use crate::random::{Purpose, fill_uniform};
use crate::vectors::{axpy, dot, norm, scale};
use crate::{Error, SymmetricOperator};

/// Orthonormal columns v_0 … v_{size−1} with VᵀAV, and the next direction in column `size`.
pub(super) struct Krylov<'a, O: ?Sized> {
    products: Products<'a, O>,
    dimension: usize,
    basis: Basis,
    projected: Mat<f64>,
    coefficients: Vec<f64>,
    size: usize,
    coupling: f64,
    norm_estimate: f64,
    seed: u64,
    directions: usize,
}

/// What an expansion left for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The normalised remainder of the product.
    Remainder,
    /// A random direction, since the span is invariant.
    Random,
    /// Nothing: the span is the whole space.
    Nothing,
}

/// An explicit product's verdict on one column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residual {
    pub(super) value: f64,
    pub(super) norm: f64,
}

impl<'a, O: SymmetricOperator + ?Sized> Krylov<'a, O> {
    /// The empty subspace with its first direction: `start`, or a random one.
    pub(super) fn new(
        operator: &'a mut O,
        max_basis: usize,
        seed: u64,
        start: Option<&[f64]>,
    ) -> Result<Self, Error> {
        let products = Products::new(operator)?;
        let dimension = products.dimension();
        let mut krylov = Self {
            products,
            dimension,
            basis: Basis::new(dimension, max_basis + 1),
            projected: Mat::zeros(max_basis, max_basis),
            coefficients: vec![0.0; max_basis + 1],
            size: 0,
            coupling: 0.0,
            norm_estimate: 0.0,
            seed,
            directions: 0,
        };
        match start {
            None => {
                krylov.randomise();
            }
            Some(start) => {
                if start.len() != dimension {
                    let (expected, found) = (dimension, start.len());
                    return Err(Error::Length { what: "the start vector", expected, found });
                }
                let length = norm(start);
                if !(length.is_finite() && length.recip().is_finite()) {
                    return Err(Error::Start(length));
                }
                krylov.basis.column_mut(0).copy_from_slice(start);
                scale(1.0 / length, krylov.basis.column_mut(0));
            }
        }
        Ok(krylov)
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn products(&self) -> usize {
        self.products.count()
    }

    pub(super) fn norm_estimate(&self) -> f64 {
        self.norm_estimate
    }

    /// What rounding may make of a zero: an eigenvalue and a residual up to this are none.
    pub(super) fn zero(&self) -> f64 {
        ZERO_ROUNDINGS * self.products.rounding() * self.norm_estimate
    }

    /// β: the norm of what the last product had outside the span.
    pub(super) fn coupling(&self) -> f64 {
        self.coupling
    }

    /// Takes the next direction into the basis, with its product, and finds another.
    pub(super) fn expand(&mut self) -> Result<Next, Error> {
        let column = self.size;
        let (x, y) = self.basis.pair(column, column + 1);
        self.products.multiply_unchecked(x, y)?;
        let projection = self.basis.orthogonalise(column + 1, &mut self.coefficients);
        let length = projection.norm_squared.sqrt();
        if !length.is_finite() {
            return Err(self.products.not_finite(self.basis.column(column + 1)));
        }
        self.norm_estimate = self.norm_estimate.max(length);
        for row in 0..=column {
            self.projected[(row, column)] = self.coefficients[row];
            self.projected[(column, row)] = self.coefficients[row];
        }
        self.size += 1;
        self.coupling = projection.remainder;
        if self.size == self.dimension {
            self.coupling = 0.0;
            Ok(Next::Nothing)
        } else if self.coupling <= INVARIANT_BELOW * self.norm_estimate {
            self.coupling = 0.0;
            Ok(if self.randomise() { Next::Random } else { Next::Nothing })
        } else {
            scale(1.0 / self.coupling, self.basis.column_mut(self.size));
            Ok(Next::Remainder)
        }
    }

    /// Makes the next direction a random one, orthogonal to the basis. False if five of them had
    /// nothing outside the span, which is then the whole space to rounding.
    pub(super) fn randomise(&mut self) -> bool {
        (0..5).any(|_| {
            let purpose = Purpose::Direction(self.directions);
            self.directions += 1;
            fill_uniform(self.basis.column_mut(self.size), self.seed, purpose);
            self.orthonormalise_next()
        })
    }

    /// Makes column `size` a unit vector orthogonal to the basis; false if it lies in the span.
    fn orthonormalise_next(&mut self) -> bool {
        let projection = self.basis.orthogonalise(self.size, &mut self.coefficients);
        let (before, after) = (projection.norm_squared.sqrt(), projection.remainder);
        let outside = after > INVARIANT_BELOW * before;
        if outside {
            scale(1.0 / after, self.basis.column_mut(self.size));
        }
        outside
    }

    /// The Ritz pairs: eigenpairs of VᵀAV, ascending.
    pub(super) fn ritz(&mut self) -> Result<SymmetricEigen, Error> {
        let size = self.size;
        let ritz = symmetric_eigen(self.projected.as_ref().submatrix(0, 0, size, size))?;
        let largest = ritz.values[0].abs().max(ritz.values[size - 1].abs());
        self.norm_estimate = self.norm_estimate.max(largest);
        Ok(ritz)
    }

    /// Replaces the basis by the Ritz vectors of `order`, keeping the next direction.
    pub(super) fn contract(&mut self, ritz: &SymmetricEigen, order: &[usize]) {
        let rotation = Mat::from_fn(self.size, order.len(), |i, j| ritz.vectors[(i, order[j])]);
        self.basis.rotate(rotation.as_ref());
        if self.size < self.dimension {
            self.basis.copy(self.size, order.len());
        }
        self.size = order.len();
        self.projected.fill(0.0);
        for (index, &which) in order.iter().enumerate() {
            self.projected[(index, index)] = ritz.values[which];
        }
    }

    /// Keeps the first `count` columns alone. The next direction has to be made anew.
    pub(super) fn keep(&mut self, count: usize) {
        self.size = count;
    }

    /// ‖Av − λv‖ with λ = vᵀAv for basis column `column`, by an explicit product. The residual
    /// vector stays where [`Krylov::continue_from_residual`] finds it.
    pub(super) fn residual(&mut self, column: usize) -> Result<Residual, Error> {
        let place = self.residual_place();
        let length = norm(self.basis.column(column));
        scale(1.0 / length, self.basis.column_mut(column));
        let (v, product) = self.basis.pair(column, place);
        let length = self.products.multiply(v, product)?;
        self.norm_estimate = self.norm_estimate.max(length);
        let value = dot(v, product);
        axpy(-value, v, product);
        Ok(Residual { value, norm: norm(product) })
    }

    /// Makes the last residual vector the next direction: in exact arithmetic it is the one that
    /// is there already, with a noisy operator it is the better one. False if it lies in the span.
    pub(super) fn continue_from_residual(&mut self) -> bool {
        let place = self.residual_place();
        self.basis.copy(place, self.size);
        self.orthonormalise_next()
    }

    /// Behind the next direction, or in its place where the span is the whole space.
    fn residual_place(&self) -> usize {
        if self.size < self.dimension { self.size + 1 } else { self.size }
    }

    /// The first `count` columns.
    pub(super) fn into_vectors(self, count: usize) -> Vec<Vec<f64>> {
        self.basis.into_columns(count)
    }
}
