//! When a launch counts as having left.

use std::fmt;

/// A minimum is left when the loss is this many times the minimum's: more than the factor of 2 to 4
/// by which the noise of small batches lifts the loss of a minimum that holds, and less than any
/// departure reaches before something nonlinear stops it.
const FACTOR: f64 = 10.0;
/// From here on the loss has begun to grow.
const BEGINNING: f64 = 2.0;
/// The loss of a minimum fitted to rounding, below which a factor of ten means nothing: single
/// precision leaves outputs of order one an error of 1e-7, squared.
const FLOOR: f64 = 1e-13;

/// The training loss of the minimum, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Criterion {
    loss: f64,
}

impl Criterion {
    pub(crate) fn from_loss(loss: f64) -> Self {
        Self { loss: loss.max(FLOOR) }
    }

    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    /// The loss above which the minimum is left.
    pub(crate) fn limit(&self) -> f64 {
        FACTOR * self.loss
    }

    pub(crate) fn has_left(&self, loss: f64) -> bool {
        loss.is_nan() || loss > self.limit()
    }

    /// Whether the loss is on its way.
    pub(crate) fn has_begun(&self, loss: f64) -> bool {
        loss.is_nan() || loss > BEGINNING * self.loss
    }

    /// The loss above which it is.
    pub(crate) fn beginning(&self) -> f64 {
        BEGINNING * self.loss
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a launch has left at the first step after which the loss of the whole training set \
             is more than {FACTOR} times the minimum's, {:.3e}",
            self.limit()
        )
    }
}
