//! Counted products, each checked for values that are not finite.

use crate::vectors::norm;
use crate::{Error, SymmetricOperator};

/// An operator whose products are counted and checked.
pub(crate) struct Products<'a, O: ?Sized> {
    operator: &'a mut O,
    count: usize,
}

impl<'a, O: SymmetricOperator + ?Sized> Products<'a, O> {
    /// # Errors
    /// [`Error::Empty`].
    pub(crate) fn new(operator: &'a mut O) -> Result<Self, Error> {
        if operator.dimension() == 0 {
            return Err(Error::Empty);
        }
        Ok(Self { operator, count: 0 })
    }

    pub(crate) fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    pub(crate) fn rounding(&self) -> f64 {
        self.operator.rounding()
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// y ← A x, unchecked: for a caller whose next pass over y shows what is not finite.
    pub(crate) fn multiply_unchecked(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), Error> {
        self.operator.apply(x, y)?;
        self.count += 1;
        Ok(())
    }

    /// y ← A x; returns ‖y‖.
    pub(crate) fn multiply(&mut self, x: &[f64], y: &mut [f64]) -> Result<f64, Error> {
        self.multiply_unchecked(x, y)?;
        let length = norm(y);
        if length.is_finite() { Ok(length) } else { Err(self.not_finite(y)) }
    }

    /// What is wrong with the last product, `y`, whose norm is not finite.
    pub(crate) fn not_finite(&self, y: &[f64]) -> Error {
        let product = self.count;
        match y.iter().position(|entry| !entry.is_finite()) {
            Some(index) => Error::NotFinite { product, index, value: y[index] },
            None => {
                let largest = y.iter().fold(0.0, |most: f64, entry| most.max(entry.abs()));
                Error::Overflow { product, largest }
            }
        }
    }
}
