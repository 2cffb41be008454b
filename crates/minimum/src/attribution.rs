//! The examples that make SGD leave.

use minimascope_record::stability::Attribution;
use minimascope_stability::Batching;
use minimascope_stability::attribution::{critical_of_rest, non_uniformity_of_rest};
use minimascope_stability::mean_square::CriticalParameters;

use crate::watch::{MeasureProgress, Quantity, Watch};
use crate::{Error, Minimum};

/// Multiply–adds that an application of the map may take: 400 directions of 10,000 rows. The rank is the
/// largest that keeps to it, and at least [`LEAST_RANK`].
const APPLICATION: f64 = 1.6e9;
/// 400 directions gave η* of the study's networks to a few per cent at B = 1.
const LEAST_RANK: usize = 400;
/// Relative residual of the eigenproblems. No lower end is proved that would show a start which was
/// poor, so it is a tenth of the usual one.
const EIGEN_TOLERANCE: f64 = 1e-4;
/// Relative residual of λ_max(Σ).
const VARIANCE_TOLERANCE: f64 = 1e-4;

impl Minimum<'_> {
    /// The `count` examples of the largest shares in η* and of s², and both without 1, 2, 3, … of them.
    pub(crate) fn attribution(
        &self,
        batching: &Batching,
        count: usize,
        parameters: &CriticalParameters,
        watch: &mut Watch<'_>,
    ) -> Result<Attribution, Error> {
        let rows = (self.known.factors.examples() * self.known.factors.outputs()) as f64;
        let rank = ((APPLICATION / rows).sqrt() as usize).max(LEAST_RANK);
        let part = self.known.factors.truncated(rank);
        let parameters =
            CriticalParameters { eigen_tolerance: EIGEN_TOLERANCE, ..parameters.clone() };
        let mean_square =
            critical_of_rest(&part, batching, count, &parameters, &mut |out, now| {
                watch.measuring(MeasureProgress {
                    quantity: Quantity::CriticalOfRest(out),
                    products: now.products,
                    value: Some(now.critical_learning_rate),
                    relative_residual: None,
                })
            })?;
        watch.check()?;
        let variance = non_uniformity_of_rest(
            &self.known.factors,
            count,
            VARIANCE_TOLERANCE,
            &mut |out, now| {
                watch.measuring(MeasureProgress {
                    quantity: Quantity::NonUniformityOfRest(out),
                    products: now.products,
                    value: Some(now.value.max(0.0).sqrt()),
                    relative_residual: Some(now.relative_residual),
                })
            },
        )?;
        watch.check()?;
        Ok(Attribution {
            batch_size: batching.batch_size(),
            non_uniformity: variance.shares.into_iter().take(count).collect(),
            mean_square: mean_square.shares.into_iter().take(count).collect(),
            rank: part.rank(),
            critical_of_rest: mean_square.rest,
            non_uniformity_of_rest: variance.rest,
            left_out: Vec::new(),
        })
    }
}
