//! A network of ours at its parameters is a trained point.

use minimascope_linop::ProductFailure;
use minimascope_net::train::Assessor;
use minimascope_net::{Curvature, Evaluator, MemoryEstimate, Scalar};
use minimascope_record::config::Precision;

use crate::{Matrix, PointFacts, PointShape, ProductCost, TrainedPoint};

/// Matrix products of a forward pass that a product costs for each example, with everything kept at
/// the point: W Ra + V a, Wᵀ Rδ + Vᵀ δ, Rδ aᵀ + δ Raᵀ for the Hessian.
fn passes(matrix: Matrix) -> f64 {
    match matrix {
        Matrix::Hessian => 6.0,
        Matrix::GaussNewton => 4.0,
        // The first pass is not summed up, and the second goes along directions of rank two.
        Matrix::SecondMoment => 8.0,
        Matrix::Variance => 12.0,
    }
}

impl<T: Scalar> TrainedPoint for Evaluator<'_, T> {
    fn shape(&self) -> PointShape {
        PointShape {
            parameters: self.network().parameters(),
            units: self.examples().len(),
            outputs: self.network().outputs(),
        }
    }

    fn precision(&self) -> Precision {
        if size_of::<T>() == 8 { Precision::F64 } else { Precision::F32 }
    }

    fn weight_decay(&self) -> f64 {
        Evaluator::weight_decay(self)
    }

    fn facts(&mut self) -> Result<PointFacts, ProductFailure> {
        let assessed =
            Assessor::new(self.network(), self.loss(), self.examples(), self.execution())
                .assess(self.point());
        let squares = Evaluator::gradient(self).iter().map(|g| g.to_f64() * g.to_f64());
        Ok(PointFacts {
            loss: assessed.loss,
            gradient_norm: squares.sum::<f64>().sqrt(),
            accuracy: Some(assessed.accuracy),
        })
    }

    fn cost(&self, matrix: Matrix) -> ProductCost {
        let forward = self.network().multiply_adds() * self.examples().len();
        let estimate = MemoryEstimate::of(self.network(), self.examples());
        let bytes = estimate.most().min(self.execution().memory()).max(estimate.least());
        ProductCost { operations: passes(matrix) * forward as f64, bytes }
    }

    fn product(&mut self, matrix: Matrix, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        match matrix {
            Matrix::Hessian => Evaluator::product(self, Curvature::Hessian, x, y)?,
            Matrix::GaussNewton => Evaluator::product(self, Curvature::GaussNewton, x, y)?,
            Matrix::SecondMoment => self.second_moment(Curvature::Hessian, x, y)?,
            Matrix::Variance => self.variance(x, y)?,
        }
        Ok(())
    }

    fn gradient(&mut self, g: &mut [f64]) -> Result<(), ProductFailure> {
        Ok(self.write_gradient(g)?)
    }

    fn unit_losses(&mut self, losses: &mut [f64]) -> Result<(), ProductFailure> {
        let mut assessor =
            Assessor::new(self.network(), self.loss(), self.examples(), self.execution());
        losses.copy_from_slice(&assessor.example_losses(self.point()));
        Ok(())
    }

    fn factor_product(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), ProductFailure> {
        Ok(Evaluator::factor_product(self, x, u)?)
    }

    fn factor_transposed(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        Ok(Evaluator::factor_transposed(self, u, y)?)
    }

    fn at_units(
        &mut self,
        units: &[usize],
        work: &mut dyn FnMut(&mut dyn TrainedPoint) -> Result<(), ProductFailure>,
    ) -> Result<(), ProductFailure> {
        let chosen = self.examples().select(units);
        let (network, loss, decay) = (self.network(), self.loss(), self.weight_decay());
        let mut part = Evaluator::new(network, loss, decay, &chosen, self.execution())?;
        part.set_point(self.point())?;
        work(&mut part)
    }

    fn gram(&mut self, gram: &mut [f64]) -> Result<(), ProductFailure> {
        Ok(self.factor_gram(gram)?)
    }

    fn blocks(&mut self, blocks: &mut [f64]) -> Result<(), ProductFailure> {
        Ok(self.factor_blocks(blocks)?)
    }
}
