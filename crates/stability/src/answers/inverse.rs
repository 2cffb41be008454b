//! The inverse questions: which η for a B is [`crate::mean_square::critical`]; which B for an η is
//! here.

use std::ops::ControlFlow;

use crate::mean_square::{CriticalParameters, critical};
use crate::{Batching, Error, ExampleFactors, LearningRate, Momentum, Sampling};

/// The smallest batch sizes at which SGD with a given learning rate stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallestBatch {
    /// The smallest B found at which staying is proved; `None` when not even B = n is.
    pub proved: Option<usize>,
    /// The smallest B whose estimate of η* is at least η; `None` when η > 2/a.
    pub estimated: Option<usize>,
}

/// Bisection in B, since η* does not decrease with B: about 2·log₂ n thresholds.
///
/// # Errors
/// Those of [`critical`].
pub fn smallest_batch(
    factors: &ExampleFactors,
    sampling: Sampling,
    learning_rate: LearningRate,
    parameters: &CriticalParameters,
) -> Result<SmallestBatch, Error> {
    let eta = learning_rate.value();
    let n = factors.examples();
    let value = |size: usize, certificate: bool| -> Result<f64, Error> {
        let batching = Batching::new(n, size, sampling)?;
        let parameters =
            CriticalParameters { certificate, momentum: Momentum::NONE, ..parameters.clone() };
        let found = critical(factors, &batching, &parameters, &mut |_| ControlFlow::Continue(()))?;
        Ok(if certificate { found.lower } else { found.estimate })
    };
    let first = |least: usize, certificate: bool| -> Result<Option<usize>, Error> {
        let (mut low, mut high) = (least, n);
        if value(n, certificate)? < eta {
            return Ok(None);
        }
        while low < high {
            let middle = (low + high) / 2;
            if value(middle, certificate)? >= eta { high = middle } else { low = middle + 1 }
        }
        Ok(Some(high))
    };
    let estimated = first(1, false)?;
    let proved = match estimated {
        Some(least) => first(least, true)?,
        None => None,
    };
    Ok(SmallestBatch { proved, estimated })
}
