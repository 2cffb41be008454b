//! The smallest batch size at which a learning rate stays: the inverse of
//! [`crate::mean_square::critical`].

use std::ops::ControlFlow;

use minimascope_record::stability::SmallestBatchSize;
use minimascope_record::threshold::RankStop;

use crate::mean_square::{CriticalParameters, CriticalProgress, critical, largest_noise};
use crate::{Batching, Error, ExampleFactors, LearningRate, Sampling};

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
) -> Result<Option<SmallestBatchSize>, Error> {
    let n = factors.examples();
    let Some(noise) = largest_noise(factors, learning_rate, parameters, progress)? else {
        return Ok(Some(SmallestBatchSize { proved: None, estimated: None }));
    };
    if noise.stop == RankStop::Interrupted {
        return Ok(None);
    }
    let allowed = |size: usize, noise: f64| -> Result<bool, Error> {
        Ok(Batching::new(n, size, sampling)?.noise() <= noise)
    };
    let estimated = first::<Error>(1, n, |size| allowed(size, noise.estimate))?;
    if factors.covers_range() {
        let proved = first::<Error>(1, n, |size| allowed(size, noise.proved))?;
        return Ok(Some(SmallestBatchSize { proved, estimated }));
    }
    let mut stopped = false;
    let proved = first::<Error>(estimated.unwrap_or(n), n, |size| {
        if stopped {
            return Ok(true);
        }
        let batching = Batching::new(n, size, sampling)?;
        let found = critical(factors, &batching, parameters, progress)?;
        stopped = found.stop == RankStop::Interrupted;
        Ok(found.lower >= learning_rate.value())
    })?;
    Ok((!stopped).then_some(SmallestBatchSize { proved, estimated }))
}

/// The first of `low`..=`high` that holds, for what holds from some number on.
///
/// # Errors
/// Those of `holds`.
pub fn first<E>(
    mut low: usize,
    mut high: usize,
    mut holds: impl FnMut(usize) -> Result<bool, E>,
) -> Result<Option<usize>, E> {
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
    use minimascope_record::threshold::mean_square;

    use crate::criterion::{Curvatures, Effort};
    use crate::problems::RandomProblem;
    use crate::thresholds::{boundary_batch_sizes, thresholds as all};

    /// The smallest B agrees with the table of thresholds, and the boundary's rows are ordered.
    #[test]
    fn smallest_batch_agrees_with_the_thresholds() {
        let sampling = Sampling::IndependentBatches;
        for seed in 0..20 {
            let factors = RandomProblem::new(seed).factors();
            let n = factors.examples();
            let parameters = CriticalParameters::default();
            let thresholds: Vec<f64> = (1..=n)
                .map(|size| {
                    let batching = Batching::new(n, size, sampling).unwrap();
                    let quiet = &mut |_: &_| ControlFlow::Continue(());
                    critical(&factors, &batching, &parameters, quiet).unwrap().estimate
                })
                .collect();
            // Between the thresholds of the smallest and the largest batch, at none of them.
            let eta = 0.47 * thresholds[0] + 0.53 * thresholds[n - 1];
            let rate = LearningRate::new(eta).unwrap();
            let go = &mut |_: &_| ControlFlow::Continue(());
            let found = smallest_batch(&factors, sampling, rate, &parameters, go).unwrap().unwrap();
            let expected = thresholds.iter().position(|t| *t >= eta).map(|at| at + 1);
            assert_eq!(found.estimated, expected, "seed {seed}");
            assert_eq!(found.proved, expected, "seed {seed}");
            let above = LearningRate::new(3.0 / factors.sharpness()).unwrap();
            let none = smallest_batch(&factors, sampling, above, &parameters, go).unwrap().unwrap();
            assert_eq!(none, SmallestBatchSize { proved: None, estimated: None });
            let stop = &mut |_: &_| ControlFlow::Break(());
            assert_eq!(smallest_batch(&factors, sampling, rate, &parameters, stop).unwrap(), None);
            // Without knowing that nothing is left out, the lower ends are bisected, and agree.
            let part = factors.truncated(factors.rank() - 1);
            if part.tail() > 0.0 {
                let open = smallest_batch(&part, sampling, rate, &parameters, go).unwrap().unwrap();
                assert!(open.estimated <= found.estimated, "seed {seed}: {open:?}, {found:?}");
                assert!(open.proved.is_none_or(|size| Some(size) >= found.estimated), "{open:?}");
            }

            let curvatures = Curvatures::of(&factors).unwrap();
            let sizes = boundary_batch_sizes(n);
            assert_eq!((sizes[0], *sizes.last().unwrap()), (1, n));
            for size in sizes {
                let batching = Batching::new(n, size, sampling).unwrap();
                let quiet = &mut |_: &_| ControlFlow::Continue(());
                let list = all(&factors, &curvatures, &batching, &Effort::default(), quiet);
                let list = list.unwrap().unwrap();
                let (estimate, ends) = {
                    let exact = mean_square(&list).unwrap();
                    (exact.learning_rate, exact.ends())
                };
                assert!(ends.lower <= estimate && estimate <= ends.upper);
                // As accurate as the search is.
                const SEARCH: f64 = 1e-8;
                assert!((estimate / thresholds[size - 1] - 1.0).abs() < SEARCH);
                // The order that always holds, whatever a criterion is called. At B = n most of
                // them are 2/a, each with its own rounding.
                for threshold in &list {
                    let other = threshold.ends();
                    let (below, above) = (other.lower / ends.upper, ends.upper / other.upper);
                    assert!(below.max(above) <= 1.0 + SEARCH, "{ends:?}, {threshold:?}");
                }
            }
        }
    }
}
