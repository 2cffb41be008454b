//! The one-dimensional example of Wu, Ma & E (NeurIPS 2018), for any pair of curvatures.
//!
//! f_i(x) = min{x², c_i(x−1)²}, f = (f_1 + f_2)/2; the paper has c = (0.1, 1.9), so that both minima
//! have sharpness 2, x = 0 with s = 0 and x = 1 with s = 1.8.

mod paths;
mod thresholds;

use crate::{Error, ExampleFactors};

pub use paths::{ToyPath, ToyRest};
pub use thresholds::almost_sure_threshold;

/// The pair of functions, by their curvatures h_i = 2c_i at x = 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToyProblem {
    curvatures: [f64; 2],
}

/// One of the two common minima.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToyPosition {
    /// x = 0: both curvatures are 2.
    Zero,
    /// x = 1: the curvatures given.
    One,
}

impl ToyPosition {
    /// x.
    pub fn position(self) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::One => 1.0,
        }
    }
}

impl ToyProblem {
    /// The paper's pair: curvatures 0.2 and 3.8 at x = 1.
    pub const PAPER: Self = Self { curvatures: [0.2, 3.8] };

    /// Any pair of positive curvatures at x = 1.
    ///
    /// # Errors
    /// [`Error::NegativeExample`], [`Error::NotFinite`].
    pub fn new(curvatures: [f64; 2]) -> Result<Self, Error> {
        for (example, value) in curvatures.into_iter().enumerate() {
            if !value.is_finite() {
                return Err(Error::NotFinite("the curvatures of the toy"));
            }
            if value <= 0.0 {
                return Err(Error::NegativeExample { example, value });
            }
        }
        Ok(Self { curvatures })
    }

    /// The curvatures of f_1 and f_2 at a minimum.
    pub fn curvatures(&self, minimum: ToyPosition) -> [f64; 2] {
        match minimum {
            ToyPosition::Zero => [2.0, 2.0],
            ToyPosition::One => self.curvatures,
        }
    }

    /// f_1 and f_2.
    pub fn values(&self, x: f64) -> [f64; 2] {
        self.curvatures.map(|h| (x * x).min(0.5 * h * (x - 1.0) * (x - 1.0)))
    }

    /// f.
    pub fn objective(&self, x: f64) -> f64 {
        let [first, second] = self.values(x);
        0.5 * (first + second)
    }

    /// f_1' and f_2': that of the smaller piece, x² at a tie.
    pub fn gradients(&self, x: f64) -> [f64; 2] {
        self.curvatures.map(|h| {
            let distance = x - 1.0;
            if x * x <= 0.5 * h * distance * distance { 2.0 * x } else { h * distance }
        })
    }

    /// The problem at a minimum, for every criterion of this crate.
    ///
    /// # Errors
    /// None for a checked pair.
    pub fn factors(&self, minimum: ToyPosition) -> Result<ExampleFactors, Error> {
        ExampleFactors::from_hessians(2, 1, &self.curvatures(minimum))
    }
}

#[cfg(test)]
mod tests;
