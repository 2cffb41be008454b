//! The matrices of a trained point as operators for an eigensolver.

use minimascope_linop::{ProductFailure, SymmetricOperator};
use minimascope_record::config::Precision;

use crate::{Matrix, TrainedPoint};

/// One [`Matrix`] of a point, P × P.
pub struct PointOperator<'p> {
    point: &'p mut dyn TrainedPoint,
    matrix: Matrix,
}

impl<'p> PointOperator<'p> {
    /// `matrix` at the point.
    pub fn new(point: &'p mut dyn TrainedPoint, matrix: Matrix) -> Self {
        Self { point, matrix }
    }
}

impl SymmetricOperator for PointOperator<'_> {
    fn dimension(&self) -> usize {
        self.point.shape().parameters
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.point.product(self.matrix, x, y)
    }

    fn rounding(&self) -> f64 {
        rounding(self.point)
    }
}

/// AAᵀ/n, nK × nK, without forming it: a product is one with Aᵀ and one with A.
///
/// Its nonzero eigenvalues are those of mean A_iᵀA_i; a unit eigenvector u of eigenvalue h > 0 belongs
/// to the unit vector Aᵀu/√(nh) of parameter space.
pub struct GramOperator<'p> {
    point: &'p mut dyn TrainedPoint,
    parameters: Vec<f64>,
}

impl<'p> GramOperator<'p> {
    /// At the point.
    pub fn new(point: &'p mut dyn TrainedPoint) -> Self {
        let parameters = vec![0.0; point.shape().parameters];
        Self { point, parameters }
    }
}

impl SymmetricOperator for GramOperator<'_> {
    fn dimension(&self) -> usize {
        self.point.shape().rows()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.point.factor_transposed(x, &mut self.parameters)?;
        self.point.factor_product(&self.parameters, y)?;
        let scale = 1.0 / self.point.shape().units as f64;
        y.iter_mut().for_each(|y| *y *= scale);
        Ok(())
    }

    fn rounding(&self) -> f64 {
        rounding(self.point)
    }
}

/// The unit of rounding of a point's products.
fn rounding(point: &dyn TrainedPoint) -> f64 {
    match point.precision() {
        Precision::F32 => f64::from(f32::EPSILON),
        Precision::F64 => f64::EPSILON,
    }
}
