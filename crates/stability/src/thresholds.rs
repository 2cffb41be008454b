//! The critical learning rate of one batch size by every criterion, and the boundary over all.

use std::ops::ControlFlow;

use super::Bracket;
use crate::almost_sure::{self, AlmostSureCritical, AlmostSureParameters, Start};
use crate::criteria::{decoupled, necessary, rectangle, variance, worst};
use crate::mean_square::{CriticalParameters, CriticalProgress, MeanSquareCritical, critical};
use crate::{Batching, Error, ExampleFactors, LearningRate, Momentum, Sampling};

/// What to compute beside the exact threshold and the cheap criteria.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// The exact threshold, with its momentum; the other criteria have none.
    pub exact: CriticalParameters,
    /// The almost-sure threshold, if wanted: by far the most expensive at large B.
    pub almost_sure: Option<AlmostSureParameters>,
    /// Batches to draw for the largest λ_max(H_B); 0 for none.
    pub sampled_batches: usize,
    /// Seed of those batches.
    pub seed: u64,
}

/// Critical learning rates of one batch size.
#[derive(Clone, Debug)]
pub struct CriticalLearningRates {
    /// n, B and the law.
    pub batching: Batching,
    /// β of the exact threshold.
    pub momentum: Momentum,
    /// a.
    pub sharpness: f64,
    /// s; a lower bound with truncated coordinates.
    pub non_uniformity: f64,
    /// The two edges of the rectangle.
    pub rectangle: rectangle::RectangleCritical,
    /// The exact mean-square threshold, with Theorem 1's beside it.
    pub exact: MeanSquareCritical,
    /// The three necessary bounds.
    pub bounds: necessary::NecessaryBounds,
    /// The almost-sure threshold of these coordinates.
    pub almost_sure: Option<AlmostSureCritical>,
    /// The decoupled-noise criterion.
    pub decoupled: f64,
    /// 2B/max_i λ_max(H_i).
    pub worst_example: f64,
    /// The largest λ_max(H_B) drawn.
    pub worst_batch: Option<worst::WorstBatch>,
}

impl CriticalLearningRates {
    /// The bracket of the exact threshold, of plain SGD with every necessary bound: lower ≤ estimate ≤
    /// upper.
    pub fn bracket(&self) -> Bracket {
        let MeanSquareCritical { lower, estimate, upper, .. } = self.exact;
        if self.momentum != Momentum::NONE {
            return Bracket { lower, estimate, upper };
        }
        let upper = upper.min(self.bounds.least()).min(self.rectangle.sharpness_edge);
        let estimate = estimate.min(upper);
        Bracket { lower: lower.min(estimate), estimate, upper }
    }
}

/// What does not depend on B, computed once for any number of questions about the same factors.
#[derive(Clone, Debug)]
pub struct FixedCriteria {
    /// s; a lower bound with truncated coordinates.
    pub non_uniformity: f64,
    /// λ_max(H_i) of every example.
    pub example_sharpnesses: Vec<f64>,
}

/// All criteria at one batch size.
///
/// # Errors
/// Those of the criteria.
pub fn critical_learning_rates(
    factors: &ExampleFactors,
    batching: &Batching,
    questions: &Questions,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<CriticalLearningRates, Error> {
    FixedCriteria::new(factors)?.critical_learning_rates(factors, batching, questions, progress)
}

/// B = 1, 2, 4, … below n, and n.
pub fn boundary_batch_sizes(examples: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(1usize), |b| b.checked_mul(2));
    powers.take_while(|b| *b < examples).chain([examples]).collect()
}

/// All criteria at B = 1, 2, 4, … n. `progress` gets the batch size at work too; a break stops the
/// search inside that batch size, and the table ends with it.
///
/// # Errors
/// Those of the criteria.
pub fn boundary(
    factors: &ExampleFactors,
    sampling: Sampling,
    questions: &Questions,
    progress: &mut dyn FnMut(usize, &CriticalProgress) -> ControlFlow<()>,
) -> Result<Vec<CriticalLearningRates>, Error> {
    let fixed = FixedCriteria::new(factors)?;
    let mut rows = Vec::new();
    for size in boundary_batch_sizes(factors.examples()) {
        let batching = Batching::new(factors.examples(), size, sampling)?;
        let mut stopped = false;
        rows.push(fixed.critical_learning_rates(factors, &batching, questions, &mut |now| {
            let flow = progress(size, now);
            stopped |= flow.is_break();
            flow
        })?);
        if stopped {
            break;
        }
    }
    Ok(rows)
}

impl FixedCriteria {
    /// Of all examples.
    ///
    /// # Errors
    /// Of the eigensolvers.
    pub fn new(factors: &ExampleFactors) -> Result<Self, Error> {
        Ok(Self {
            non_uniformity: variance::non_uniformity(factors)?.value,
            example_sharpnesses: worst::example_sharpnesses(factors)?,
        })
    }

    /// All criteria at one batch size, of the factors that this was made from.
    ///
    /// # Errors
    /// Those of the criteria.
    pub fn critical_learning_rates(
        &self,
        factors: &ExampleFactors,
        batching: &Batching,
        questions: &Questions,
        progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
    ) -> Result<CriticalLearningRates, Error> {
        let exact = critical(factors, batching, &questions.exact, progress)?;
        let direction = top_of_perron(&exact, factors.rank());
        let bounds = necessary::bounds(factors, batching, Some(&direction));
        let almost_sure = match &questions.almost_sure {
            Some(parameters) => {
                let start = Start { learning_rate: LearningRate::new(exact.estimate)?, direction };
                let rank = factors.rank();
                let mut show = |now: &almost_sure::AlmostSureProgress| {
                    let (products, critical_learning_rate) = (now.exponents, now.learning_rate);
                    progress(&CriticalProgress { rank, products, critical_learning_rate })
                };
                almost_sure::critical(factors, batching, &start, parameters, &mut show)?
            }
            None => None,
        };
        let worst_batch = match questions.sampled_batches {
            0 => None,
            count => {
                let rank = factors.rank();
                let mut show = |products| {
                    let critical_learning_rate = exact.estimate;
                    progress(&CriticalProgress { rank, products, critical_learning_rate })
                };
                worst::worst_batch(factors, batching, count, questions.seed, &mut show)?
            }
        };
        let sharpness = factors.sharpness();
        Ok(CriticalLearningRates {
            batching: *batching,
            momentum: questions.exact.momentum,
            sharpness,
            non_uniformity: self.non_uniformity,
            rectangle: rectangle::RectangleCritical::new(sharpness, self.non_uniformity, batching)?,
            exact,
            bounds,
            almost_sure,
            decoupled: decoupled::critical(
                factors.curvatures(),
                factors.trace(),
                factors.outputs(),
                batching,
            )?,
            worst_example: worst::worst_example_edge(&self.example_sharpnesses, batching)?,
            worst_batch,
        })
    }
}

/// The top eigenvector of the second moment that grows first, in `coordinates` leading directions.
pub fn top_of_perron(exact: &MeanSquareCritical, coordinates: usize) -> Vec<f64> {
    let mut vector = exact.direction.clone();
    vector.resize(coordinates, 0.0);
    vector
}
