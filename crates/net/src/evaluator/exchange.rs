//! The evaluator's products in double precision, for solvers that work in it.
//!
//! Each converts through the precision of the passes: the direction straight into the evaluator's
//! own, and the result block by block while the slots' sums are added. So neither direction holds
//! a vector more than the product in the precision of the passes does.

use rayon::prelude::*;

use crate::{Error, Scalar};

use super::{BLOCK, Curvature, Evaluator};

impl<T: Scalar> Evaluator<'_, T> {
    /// y ← mean (H_i + λ) x, or with G_i: [`Evaluator::product`] in double precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn product_f64(&mut self, kind: Curvature, x: &[f64], y: &mut [f64]) -> Result<(), Error> {
        self.set_direction_f64(x, y.len())?;
        self.product_sums(kind);
        self.reduce_f64(y, self.scale(), &self.product_terms());
        Ok(())
    }

    /// y ← mean (H_i + λ)² x, or with G_i: [`Evaluator::second_moment`] in double precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn second_moment_f64(
        &mut self,
        kind: Curvature,
        x: &[f64],
        y: &mut [f64],
    ) -> Result<(), Error> {
        self.set_direction_f64(x, y.len())?;
        self.second_moment_sums(kind);
        self.reduce_f64(y, self.scale(), &self.second_moment_terms());
        Ok(())
    }

    /// y ← Σx with Σ = mean (H_i − H)²: [`Evaluator::variance`] in double precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn variance_f64(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), Error> {
        self.set_direction_f64(x, y.len())?;
        self.variance_sums();
        self.reduce_f64(y, self.scale(), &[]);
        Ok(())
    }

    /// u ← A x, nK numbers: [`Evaluator::factor_product`] in double precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_product_f64(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), Error> {
        self.check_rows("the product with the factors", u.len())?;
        self.set_direction_f64(x, x.len())?;
        self.factor_product_along(u);
        Ok(())
    }

    /// y ← Aᵀ u for nK numbers u: [`Evaluator::factor_transposed`] in double precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_transposed_f64(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), Error> {
        self.factor_transposed_sums(u, y.len())?;
        self.reduce_f64(y, 1.0, &[]);
        Ok(())
    }

    /// g ← ∇f(θ): [`Evaluator::gradient`] in double precision.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn gradient_f64(&self, g: &mut [f64]) -> Result<(), Error> {
        self.check_product(self.gradient.len(), g.len())?;
        self.execution.run(|| {
            let blocks = g.par_chunks_mut(BLOCK).zip(self.gradient.par_chunks(BLOCK));
            blocks.for_each(|(to, from)| to_f64(from, to));
        });
        Ok(())
    }

    /// Sets the direction of the next product, whose result will have `product` numbers.
    fn set_direction_f64(&mut self, x: &[f64], product: usize) -> Result<(), Error> {
        self.check_product(x.len(), product)?;
        let direction = &mut self.direction;
        direction.values.resize(x.len(), T::ZERO);
        self.execution.run(|| {
            let blocks = direction.values.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK));
            blocks.for_each(|(to, from)| {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = T::from_f64(*from));
            });
        });
        self.network.flip(&direction.values, &mut direction.flipped);
        Ok(())
    }

    /// [`Evaluator::reduce`] with each block converted as it is done.
    fn reduce_f64(&self, out: &mut [f64], scale: f64, terms: &[(f64, &[T])]) {
        self.execution.run(|| {
            out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
                let mut sums = [T::ZERO; BLOCK];
                let sums = &mut sums[..out.len()];
                self.reduce_block(block * BLOCK, sums, scale, terms);
                to_f64(sums, out);
            });
        });
    }
}

/// to ← from, which is exact.
fn to_f64<T: Scalar>(from: &[T], to: &mut [f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
}
