//! A small problem given by the Hessians of its units.

use minimascope_linop::{DenseSymmetric, Error, Mat, ProductFailure, SymmetricOperator};
use minimascope_linop::{symmetric_eigen, vectors};
use minimascope_record::config::Precision;

use crate::{Matrix, PointFacts, PointShape, ProductCost, TrainedPoint};

/// The quadratic problem ℓ_i(x) = ½ xᵀH_ix on P parameters, given by n dense symmetric H_i, at a
/// point x: its minimum x = 0 unless it was moved.
///
/// H_i need not be positive semi-definite. The square-root factor A_i (K = P rows) is that of its
/// positive part, so that G_i = A_iᵀA_i = H_i exactly where H_i ⪰ 0. Memory: 16nP² bytes. A product
/// with H costs nP² multiply–adds.
#[derive(Clone, Debug)]
pub struct DensePoint {
    hessians: Vec<DenseSymmetric>,
    /// Row k of A_i is `rows[(i·P + k)·P ..][..P]`.
    rows: Vec<f64>,
    x: Vec<f64>,
    scratch: [Vec<f64>; 3],
}

impl DensePoint {
    /// From n matrices H_i, one after the other, P × P numbers each.
    ///
    /// # Errors
    /// [`Error::Empty`] for no parameters or no matrix, [`Error::Length`] for numbers that are no
    /// whole number of matrices; [`Error::MatrixNotFinite`] and [`Error::NotSymmetric`].
    pub fn new(parameters: usize, hessians: &[f64]) -> Result<Self, Error> {
        let size = parameters * parameters;
        if size == 0 || hessians.is_empty() {
            return Err(Error::Empty);
        }
        if !hessians.len().is_multiple_of(size) {
            let (expected, found) = (hessians.len().next_multiple_of(size), hessians.len());
            return Err(Error::Length { what: "the list of Hessians", expected, found });
        }
        let mut rows = Vec::with_capacity(hessians.len());
        let mut dense = Vec::with_capacity(hessians.len() / size);
        for hessian in hessians.chunks_exact(size) {
            let matrix = Mat::from_fn(parameters, parameters, |i, j| hessian[i * parameters + j]);
            dense.push(DenseSymmetric::new(matrix.as_ref())?);
            let eigen = symmetric_eigen(matrix.as_ref())?;
            for (k, value) in eigen.values.iter().enumerate().rev() {
                let root = value.max(0.0).sqrt();
                rows.extend(eigen.vectors.col_as_slice(k).iter().map(|v| root * v));
            }
        }
        let zero = || vec![0.0; parameters];
        Ok(Self { hessians: dense, rows, x: zero(), scratch: [zero(), zero(), zero()] })
    }

    /// The same problem at another point x of P numbers.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn moved_to(mut self, x: &[f64]) -> Result<Self, Error> {
        let (expected, found) = (self.x.len(), x.len());
        if found != expected {
            return Err(Error::Length { what: "the point", expected, found });
        }
        self.x.copy_from_slice(x);
        Ok(self)
    }

    fn parameters(&self) -> usize {
        self.x.len()
    }

    /// out ← (1/n) Σ over the H_i of what `term` leaves in its second argument.
    fn mean(
        &mut self,
        out: &mut [f64],
        mut term: impl FnMut(&mut DenseSymmetric, &mut [Vec<f64>; 3]) -> Result<(), ProductFailure>,
    ) -> Result<(), ProductFailure> {
        out.fill(0.0);
        let scale = 1.0 / self.hessians.len() as f64;
        for hessian in &mut self.hessians {
            term(hessian, &mut self.scratch)?;
            vectors::axpy(scale, &self.scratch[0], out);
        }
        Ok(())
    }
}

impl TrainedPoint for DensePoint {
    fn shape(&self) -> PointShape {
        let parameters = self.parameters();
        PointShape { parameters, units: self.hessians.len(), outputs: parameters }
    }

    fn precision(&self) -> Precision {
        Precision::F64
    }

    fn facts(&mut self) -> Result<PointFacts, ProductFailure> {
        let mut losses = vec![0.0; self.hessians.len()];
        self.unit_losses(&mut losses)?;
        let mut gradient = vec![0.0; self.parameters()];
        self.gradient(&mut gradient)?;
        Ok(PointFacts {
            loss: losses.iter().sum::<f64>() / losses.len() as f64,
            gradient_norm: vectors::norm(&gradient),
            accuracy: None,
        })
    }

    fn cost(&self, matrix: Matrix) -> ProductCost {
        let products = match matrix {
            Matrix::Hessian => 1.0,
            Matrix::GaussNewton | Matrix::SecondMoment => 2.0,
            Matrix::Variance => 3.0,
        };
        let numbers = 2 * self.rows.len() + 4 * self.parameters();
        ProductCost {
            operations: products * self.rows.len() as f64,
            bytes: numbers * size_of::<f64>(),
        }
    }

    fn product(&mut self, matrix: Matrix, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        match matrix {
            Matrix::Hessian => self.mean(y, |h, [out, ..]| h.apply(x, out)),
            Matrix::SecondMoment => self.mean(y, |h, [out, first, _]| {
                h.apply(x, first)?;
                h.apply(first, out)
            }),
            Matrix::Variance => {
                let mut mean = std::mem::take(&mut self.scratch[2]);
                self.product(Matrix::Hessian, x, &mut mean)?;
                // Σx = mean H_i(u_i − ū) with u_i = H_ix: a difference of vectors, not of squares.
                let result = self.mean(y, |h, [out, first, _]| {
                    h.apply(x, first)?;
                    vectors::axpy(-1.0, &mean, first);
                    h.apply(first, out)
                });
                self.scratch[2] = mean;
                result
            }
            Matrix::GaussNewton => {
                y.fill(0.0);
                let scale = 1.0 / self.hessians.len() as f64;
                for row in self.rows.chunks_exact(self.x.len()) {
                    vectors::axpy(scale * vectors::dot(row, x), row, y);
                }
                Ok(())
            }
        }
    }

    fn gradient(&mut self, g: &mut [f64]) -> Result<(), ProductFailure> {
        let x = std::mem::take(&mut self.x);
        let result = self.mean(g, |h, [out, ..]| h.apply(&x, out));
        self.x = x;
        result
    }

    fn unit_losses(&mut self, losses: &mut [f64]) -> Result<(), ProductFailure> {
        for (hessian, loss) in self.hessians.iter_mut().zip(losses) {
            hessian.apply(&self.x, &mut self.scratch[0])?;
            *loss = 0.5 * vectors::dot(&self.x, &self.scratch[0]);
        }
        Ok(())
    }

    fn factor_product(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), ProductFailure> {
        for (row, u) in self.rows.chunks_exact(self.x.len()).zip(u) {
            *u = vectors::dot(row, x);
        }
        Ok(())
    }

    fn factor_transposed(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        y.fill(0.0);
        for (row, u) in self.rows.chunks_exact(self.x.len()).zip(u) {
            vectors::axpy(*u, row, y);
        }
        Ok(())
    }

    fn at_units(
        &mut self,
        units: &[usize],
        work: &mut dyn FnMut(&mut dyn TrainedPoint) -> Result<(), ProductFailure>,
    ) -> Result<(), ProductFailure> {
        let size = self.rows.len() / self.hessians.len();
        let mut part = Self {
            hessians: units.iter().map(|unit| self.hessians[*unit].clone()).collect(),
            rows: units.iter().flat_map(|u| &self.rows[u * size..][..size]).copied().collect(),
            x: self.x.clone(),
            scratch: self.scratch.clone(),
        };
        work(&mut part)
    }
}
