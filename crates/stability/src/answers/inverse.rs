//! The inverse questions: which η for a B is [`crate::mean_square::critical`]; which B for an η is
//! here.

use std::ops::ControlFlow;

use crate::mean_square::{CriticalParameters, CriticalProgress, critical};
use crate::{Batching, Error, ExampleFactors, LearningRate, Momentum, Sampling};

/// The smallest batch sizes at which SGD with a given learning rate stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallestBatch {
    /// The smallest B found at which staying is proved; `None` when not even B = n is.
    pub proved: Option<usize>,
    /// The smallest B whose estimate of η* is at least η; `None` when η > 2/a.
    pub estimated: Option<usize>,
}

/// Bisection in B, since η* does not decrease with B: about 2·log₂ n thresholds. `progress` gets the
/// batch size at work too; `None` when it breaks.
///
/// # Errors
/// Those of [`critical`].
pub fn smallest_batch(
    factors: &ExampleFactors,
    sampling: Sampling,
    learning_rate: LearningRate,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(usize, &CriticalProgress) -> ControlFlow<()>,
) -> Result<Option<SmallestBatch>, Error> {
    let eta = learning_rate.value();
    let n = factors.examples();
    let mut stopped = false;
    // Once stopped, values mean nothing and cost little until the bisection ends.
    let mut value = |size: usize, certificate: bool| -> Result<f64, Error> {
        if stopped {
            return Ok(0.0);
        }
        let batching = Batching::new(n, size, sampling)?;
        let parameters =
            CriticalParameters { certificate, momentum: Momentum::NONE, ..parameters.clone() };
        let found = critical(factors, &batching, &parameters, &mut |now| {
            let flow = progress(size, now);
            stopped |= flow.is_break();
            flow
        })?;
        Ok(if certificate { found.lower } else { found.estimate })
    };
    let mut first = |least: usize, certificate: bool| -> Result<Option<usize>, Error> {
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
    Ok((!stopped).then_some(SmallestBatch { proved, estimated }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{Questions, boundary};
    use crate::problems::RandomProblem;

    /// The smallest B agrees with the table of thresholds, and the boundary's rows are ordered.
    #[test]
    fn smallest_batch_agrees_with_the_thresholds() {
        let law = Sampling::IndependentWithoutReplacement;
        for seed in 0..20 {
            let factors = RandomProblem::new(seed).factors();
            let n = factors.examples();
            let parameters = CriticalParameters::default();
            let thresholds: Vec<f64> = (1..=n)
                .map(|size| {
                    let batching = Batching::new(n, size, law).unwrap();
                    let quiet = &mut |_: &_| ControlFlow::Continue(());
                    critical(&factors, &batching, &parameters, quiet).unwrap().estimate
                })
                .collect();
            // Between the thresholds of the smallest and the largest batch.
            let eta = 0.5 * (thresholds[0] + thresholds[n - 1]);
            let rate = LearningRate::new(eta).unwrap();
            let go = &mut |_, _: &_| ControlFlow::Continue(());
            let found = smallest_batch(&factors, law, rate, &parameters, go).unwrap().unwrap();
            let expected = thresholds.iter().position(|t| *t >= eta).map(|at| at + 1);
            assert_eq!(found.estimated, expected, "seed {seed}");
            assert_eq!(found.proved, expected, "seed {seed}");
            let above = LearningRate::new(3.0 / factors.sharpness()).unwrap();
            let none = smallest_batch(&factors, law, above, &parameters, go).unwrap().unwrap();
            assert_eq!(none, SmallestBatch { proved: None, estimated: None });
            let mut sizes = Vec::new();
            let stopped = smallest_batch(&factors, law, rate, &parameters, &mut |size, _| {
                sizes.push(size);
                ControlFlow::Break(())
            });
            assert_eq!((stopped.unwrap(), sizes), (None, vec![n]), "seed {seed}");

            let quiet = &mut |_, _: &_| ControlFlow::Continue(());
            let rows = boundary(&factors, law, &Questions::default(), quiet).unwrap();
            assert_eq!(rows.last().unwrap().batching.batch_size(), n);
            for row in &rows {
                let bracket = row.bracket();
                assert!(bracket.lower <= bracket.estimate && bracket.estimate <= bracket.upper);
                let threshold = thresholds[row.batching.batch_size() - 1];
                assert!((bracket.estimate / threshold - 1.0).abs() < 1e-8);
            }
        }
    }
}
