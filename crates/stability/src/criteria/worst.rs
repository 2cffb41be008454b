//! Single examples and single batches.
//!
//! λ_max(H_i) = λ_max(A_iA_iᵀ) is a K × K eigenvalue for each example. A batch that holds example i
//! has λ_max(H_B) ≥ λ_max(H_i)/B, so above η = 2B/max_i λ_max(H_i) at least one batch expands
//! some direction. That is necessary for *every* batch to be stable, not for the mean square
//! or the almost sure behaviour of the linearised dynamics; Mulayoff & Stich 2026 (arXiv 2602.14789)
//! argue that one unstable batch can be enough beyond the linear regime.

use std::ops::ControlFlow;

use minimascope_linop::{ProductFailure, SymmetricOperator};
use minimascope_record::threshold::{CriterionName, Evidence, Proves};

use crate::criterion::{
    Criterion, FoundThreshold, SearchProgress, Simulation, ThresholdSetting, WithMomentum,
};
use crate::dense::{dot, largest_eigenvalue};
use crate::eigen::leading;
use crate::simulation::BatchSampler;
use crate::{Batching, Error, ExampleFactors};

/// 2B/max_i λ_max(H_i).
pub(super) const EXAMPLE: Criterion = Criterion {
    name: CriterionName::WORST_EXAMPLE,
    title: "worst example",
    proves: Proves::Nothing,
    source: "Mulayoff & Stich 2026",
    with_momentum: WithMomentum::Remarked,
    find: |at: &mut ThresholdSetting<'_>| {
        let eta = worst_example(&at.curvatures.example_sharpnesses, &at.batching)?;
        let remark = Some("some batch expands above".to_owned());
        Ok(FoundThreshold::formula(eta).map(|found| FoundThreshold { remark, ..found }))
    },
};
/// 2/λ_max(H_B) of the sharpest batch of some that are drawn.
pub(super) const BATCH: Criterion = Criterion {
    name: CriterionName::WORST_BATCH,
    title: "worst batch drawn",
    proves: Proves::Nothing,
    source: "Mulayoff & Stich 2026",
    with_momentum: WithMomentum::Remarked,
    find: find_batch,
};
/// Batches drawn for [`BATCH`].
const SAMPLED_BATCHES: usize = 16;
/// They are looked at in so many leading directions.
const SAMPLED_RANK: usize = 400;

fn find_batch(at: &mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error> {
    if matches!(at.effort.simulation, Simulation::None) {
        return Ok(None);
    }
    let part = at.factors.truncated(SAMPLED_RANK);
    // Without noise every batch is the first.
    let count = if at.batching.noise() == 0.0 { 1 } else { SAMPLED_BATCHES };
    let mut show = |products| {
        let criterion = "sharpest batch";
        (at.progress)(&SearchProgress { criterion, products, learning_rate: None })
    };
    let Some(found) = sharpest_batch(&part, &at.batching, count, 0, &mut show)? else {
        return Ok(None);
    };
    let SharpestBatch { sharpness, mean_sharpness, batches, .. } = found;
    Ok(Some(FoundThreshold {
        learning_rate: found.critical_learning_rate(),
        bracket: None,
        evidence: Evidence::Sample { batches, sharpness, mean_sharpness },
        remark: Some(format!("the sharpest of {batches} batches expands above")),
    }))
}

/// λ_max(H_i) of every example, from the full blocks.
///
/// # Errors
/// Of the dense eigensolver.
pub fn example_sharpnesses(factors: &ExampleFactors) -> Result<Vec<f64>, Error> {
    let k = factors.outputs();
    (0..factors.examples()).map(|i| largest_eigenvalue(factors.block(i), k)).collect()
}

/// 2B/max_i λ_max(H_i), from the sharpness of every example.
///
/// # Errors
/// [`Error::NoCurvature`] when no example has positive curvature.
pub fn worst_example(sharpnesses: &[f64], batching: &Batching) -> Result<f64, Error> {
    let largest = sharpnesses.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        Ok(2.0 * batching.batch_size() as f64 / largest)
    } else {
        Err(Error::NoCurvature)
    }
}

/// The sharpest of the batches drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct SharpestBatch {
    /// The largest λ_max(H_B) seen: a lower bound of the maximum over all batches.
    pub sharpness: f64,
    /// Its mean over the batches drawn.
    pub mean_sharpness: f64,
    /// The examples of that batch.
    pub batch: Vec<usize>,
    /// How many were drawn.
    pub batches: usize,
}

impl SharpestBatch {
    /// 2/λ_max(H_B): above it the batch found expands a direction.
    pub fn critical_learning_rate(&self) -> f64 {
        2.0 / self.sharpness
    }
}

/// The largest λ_max(H_B) over `count` batches. With truncated factors a lower bound for each
/// batch. Costs a few tens of products with B·K rows for each batch. `progress` gets the number of
/// batches after each; `None` when it breaks.
///
/// # Errors
/// [`Error::Zero`]; of the eigensolver.
pub fn sharpest_batch(
    factors: &ExampleFactors,
    batching: &Batching,
    count: usize,
    seed: u64,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<SharpestBatch>, Error> {
    if count == 0 {
        return Err(Error::Zero("the number of batches"));
    }
    let mut sampler = BatchSampler::new(*batching, seed);
    let (mut worst, mut sum) = ((f64::NEG_INFINITY, Vec::new()), 0.0);
    for batches in 1..=count {
        let batch = sampler.next_batch();
        let mut operator = BatchHessian { factors, batch };
        let sharpness = leading(&mut operator, 1e-4, None)?.value;
        sum += sharpness;
        if sharpness > worst.0 {
            worst = (sharpness, batch.to_vec());
        }
        if progress(batches).is_break() {
            return Ok(None);
        }
    }
    let (sharpness, batch) = worst;
    let mean_sharpness = sum / count as f64;
    Ok(Some(SharpestBatch { sharpness, mean_sharpness, batch, batches: count }))
}

/// H_B = (1/B) Σ_{i∈B} A_iᵀA_i on the directions of the factors.
struct BatchHessian<'a> {
    factors: &'a ExampleFactors,
    batch: &'a [usize],
}

impl SymmetricOperator for BatchHessian<'_> {
    fn dimension(&self) -> usize {
        self.factors.rank()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        y.fill(0.0);
        for &example in self.batch {
            for output in 0..self.factors.outputs() {
                let row = self.factors.row(example, output);
                crate::dense::axpy(dot(row, x) / self.batch.len() as f64, row, y);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;
    use crate::problems::RandomProblem;

    #[test]
    fn one_example_batches_reach_the_worst_example() {
        let problem = RandomProblem::new(5);
        let factors = problem.factors();
        let batching = Batching::new(problem.examples, 1, Sampling::IndependentBatches).unwrap();
        let each = example_sharpnesses(&factors).unwrap();
        let go = &mut |_| ControlFlow::Continue(());
        let worst = sharpest_batch(&factors, &batching, 400, 1, go).unwrap().unwrap();
        let threshold = worst_example(&each, &batching).unwrap();
        let found = worst.critical_learning_rate();
        assert!((found / threshold - 1.0).abs() < 1e-6, "{found} against {threshold}");
        // A batch of all examples is H.
        let all = batching.with_batch_size(problem.examples).unwrap();
        let worst = sharpest_batch(&factors, &all, 1, 1, go).unwrap().unwrap();
        assert!((worst.sharpness / factors.sharpness() - 1.0).abs() < 1e-6);
        let stop = &mut |_| ControlFlow::Break(());
        assert_eq!(sharpest_batch(&factors, &all, 2, 1, stop).unwrap(), None);
    }
}
