//! When a launch counts as having left.

use derive_more::Display;

/// A minimum is left when the loss is this many times the minimum's: more than the factor of 2 to 4
/// by which the noise of small batches lifts the loss of a minimum that holds, and less than any
/// departure reaches before something nonlinear stops it.
const FACTOR: f64 = 10.0;
/// From here on the loss has begun to grow.
const BEGINNING: f64 = 2.0;
/// The loss of a minimum fitted to rounding, below which a factor of ten means nothing: single
/// precision leaves outputs of order one an error of 1e-7, squared.
const FLOOR: f64 = 1e-13;

/// The training loss of the minimum, the loss of a network that knows nothing, and what follows.
///
/// Losses of interest lie between L, the minimum's, and C, that of the best constant output: a
/// launch that has forgotten everything ends near C, and usually does not rise far above it. So
/// ten times L cannot be the criterion where L > C/10, and says little where L > C/100. There the
/// geometric mean √(L·C) takes over: half of the way from L to C on the logarithmic scale of a
/// growing loss. min(10·L, √(L·C)) lies strictly between L and C whenever L < C, and is 10·L for
/// every minimum with L ≤ C/100.
#[derive(Clone, Copy, Debug, PartialEq, Display)]
#[display(
    "a launch has left at the first step after which the loss of the whole training set is more than \
     {:.3e}: the smaller of {FACTOR} times the minimum's loss and the geometric mean of that and \
     {constant:.3e}, the loss of the best constant output",
    self.limit()
)]
pub(crate) struct LeavingRule {
    loss: f64,
    constant: f64,
}

impl LeavingRule {
    /// From L and C; `None` unless L < C: where a constant output does as well there is nothing to
    /// leave.
    pub(crate) fn new(loss: f64, constant: f64) -> Option<Self> {
        (loss < constant).then(|| Self { loss: loss.max(FLOOR), constant })
    }

    /// L.
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    /// The loss above which the minimum is left.
    pub(crate) fn limit(&self) -> f64 {
        (FACTOR * self.loss).min(self.halfway())
    }

    /// √(L·C): the growth of a departure is fitted at most until here. Beyond, outputs are on
    /// average nearer to knowing nothing than to the minimum's, and nothing is linear any more.
    pub(crate) fn halfway(&self) -> f64 {
        (self.loss * self.constant).sqrt()
    }

    pub(crate) fn has_left(&self, loss: f64) -> bool {
        loss.is_nan() || loss > self.limit()
    }

    /// Whether the loss is on its way.
    pub(crate) fn has_begun(&self, loss: f64) -> bool {
        loss.is_nan() || loss > self.beginning()
    }

    /// The loss above which it is: twice L, or half of the way to the limit if that is sooner.
    pub(crate) fn beginning(&self) -> f64 {
        (BEGINNING * self.loss).min((self.loss * self.limit()).sqrt())
    }

    /// Whether the noise of small batches alone may reach the limit.
    pub(crate) fn is_within_noise(&self) -> bool {
        self.limit() < 4.0 * self.loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten times the loss of a minimum well fitted, the geometric mean above C/100, and always
    /// strictly between L and C, with the beginning below the limit.
    #[test]
    fn the_limit_can_be_met_from_every_minimum() {
        let constant = 0.09;
        let limit = |loss| LeavingRule::new(loss, constant).unwrap().limit();
        assert!((limit(1e-4) - 1e-3).abs() < 1e-15);
        assert!((limit(0.0225) - 0.045).abs() < 1e-15);
        for loss in [1e-20, 1e-5, 9e-4, 0.01, 0.03, 0.08] {
            let criterion = LeavingRule::new(loss, constant).unwrap();
            let (start, limit) = (criterion.loss(), criterion.limit());
            assert!(start < limit && limit < constant, "{criterion:?}");
            assert!(start < criterion.beginning() && criterion.beginning() < limit);
            assert!(limit <= criterion.halfway() && !criterion.has_left(loss));
            assert!(criterion.has_left(constant) && criterion.has_left(f64::NAN));
        }
        assert!(LeavingRule::new(constant, constant).is_none());
        assert!(LeavingRule::new(0.02, constant).unwrap().is_within_noise());
        assert!(!LeavingRule::new(1e-3, constant).unwrap().is_within_noise());
    }
}
