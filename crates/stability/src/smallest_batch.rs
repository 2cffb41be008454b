//! The inverse questions: which η for a B is [`crate::mean_square::critical`]; which B for an η is
//! here.

use std::ops::ControlFlow;

use crate::mean_square::{CriticalParameters, CriticalProgress, RankStop, critical, largest_noise};
use crate::{Batching, Error, ExampleFactors, LearningRate, Sampling};

/// The smallest batch sizes at which SGD with a given learning rate stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallestBatch {
    /// The smallest B found at which staying is proved; `None` when not even B = n is.
    pub proved: Option<usize>,
    /// The smallest B whose estimate of η* is at least η; `None` when gradient descent leaves.
    pub estimated: Option<usize>,
}

/// From the largest noise p that η allows, since p falls with B. With factors that leave directions
/// out nothing is proved of p, and the thresholds' lower ends are bisected instead, which needs
/// about log₂ n of them. `None` when `progress` breaks.
///
/// # Errors
/// Those of [`largest_noise`] and [`critical`].
pub fn smallest_batch(
    factors: &ExampleFactors,
    sampling: Sampling,
    learning_rate: LearningRate,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<Option<SmallestBatch>, Error> {
    let n = factors.examples();
    let Some(noise) = largest_noise(factors, learning_rate, parameters, progress)? else {
        return Ok(Some(SmallestBatch { proved: None, estimated: None }));
    };
    if noise.stop == RankStop::Interrupted {
        return Ok(None);
    }
    let allowed = |size: usize, noise: f64| -> Result<bool, Error> {
        Ok(Batching::new(n, size, sampling)?.noise() <= noise)
    };
    let estimated = first(1, n, |size| allowed(size, noise.estimate))?;
    if factors.covers_range() {
        let proved = first(1, n, |size| allowed(size, noise.proved))?;
        return Ok(Some(SmallestBatch { proved, estimated }));
    }
    let mut stopped = false;
    let proved = first(estimated.unwrap_or(n), n, |size| {
        if stopped {
            return Ok(true);
        }
        let batching = Batching::new(n, size, sampling)?;
        let found = critical(factors, &batching, parameters, progress)?;
        stopped = found.stop == RankStop::Interrupted;
        Ok(found.lower >= learning_rate.value())
    })?;
    Ok((!stopped).then_some(SmallestBatch { proved, estimated }))
}

/// The first of `low`..=`high` that holds, for what holds from some number on.
fn first(
    mut low: usize,
    mut high: usize,
    mut holds: impl FnMut(usize) -> Result<bool, Error>,
) -> Result<Option<usize>, Error> {
    if !holds(high)? {
        return Ok(None);
    }
    while low < high {
        let middle = (low + high) / 2;
        if holds(middle)? { high = middle } else { low = middle + 1 }
    }
    Ok(Some(high))
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
            // Between the thresholds of the smallest and the largest batch, at none of them.
            let eta = 0.47 * thresholds[0] + 0.53 * thresholds[n - 1];
            let rate = LearningRate::new(eta).unwrap();
            let go = &mut |_: &_| ControlFlow::Continue(());
            let found = smallest_batch(&factors, law, rate, &parameters, go).unwrap().unwrap();
            let expected = thresholds.iter().position(|t| *t >= eta).map(|at| at + 1);
            assert_eq!(found.estimated, expected, "seed {seed}");
            assert_eq!(found.proved, expected, "seed {seed}");
            let above = LearningRate::new(3.0 / factors.sharpness()).unwrap();
            let none = smallest_batch(&factors, law, above, &parameters, go).unwrap().unwrap();
            assert_eq!(none, SmallestBatch { proved: None, estimated: None });
            let stop = &mut |_: &_| ControlFlow::Break(());
            assert_eq!(smallest_batch(&factors, law, rate, &parameters, stop).unwrap(), None);
            // Without knowing that nothing is left out, the lower ends are bisected, and agree.
            let part = factors.truncated(factors.rank() - 1);
            if part.tail() > 0.0 {
                let open = smallest_batch(&part, law, rate, &parameters, go).unwrap().unwrap();
                assert!(open.estimated <= found.estimated, "seed {seed}: {open:?}, {found:?}");
                assert!(open.proved.is_none_or(|size| Some(size) >= found.estimated), "{open:?}");
            }

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
