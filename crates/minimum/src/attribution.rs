//! The examples that make SGD leave.

use minimascope_record::stability::{Attribution, LeftOut};
use minimascope_stability::Batching;
use minimascope_stability::attribution::{critical_without, mean_square_shares, variance_shares};
use minimascope_stability::mean_square::CriticalParameters;

use crate::minimum::searching;
use crate::watch::Watch;
use crate::{Error, Minimum};

/// Leaving examples out changes H: an eigenproblem of this rank for each number left out.
const RANK: usize = 400;

impl Minimum<'_> {
    /// The `count` examples of the largest shares, and η* without 1, 2, 4, … of them.
    pub(crate) fn attribution(
        &self,
        batching: &Batching,
        count: usize,
        parameters: &CriticalParameters,
        watch: &mut Watch<'_>,
    ) -> Result<Attribution, Error> {
        // At least two examples and a whole batch must be left.
        let most = self.factors.examples().saturating_sub(batching.batch_size().max(2));
        let part = self.factors.truncated(RANK);
        let parameters =
            CriticalParameters { certificate_rank: 0, proof_steps: 0, ..parameters.clone() };
        let (_, variance) = variance_shares(&self.factors)?;
        let mut mean_square = Vec::new();
        let mut left_out = Vec::new();
        let numbers = std::iter::successors(Some(1), |number| Some(2 * number));
        for number in std::iter::once(0).chain(numbers).take_while(|m| *m <= count.min(most)) {
            let examples: Vec<usize> = variance[..number].iter().map(|s| s.example).collect();
            let found = critical_without(&part, batching, &examples, &parameters, &mut |now| {
                watch.measuring(searching(now))
            })?;
            watch.check()?;
            if number == 0 {
                mean_square = mean_square_shares(&part, &found);
            }
            let critical_learning_rate = found.estimate;
            left_out.push(LeftOut { examples: number, critical_learning_rate });
        }
        Ok(Attribution {
            batch_size: batching.batch_size(),
            non_uniformity: variance.into_iter().take(count).collect(),
            mean_square: mean_square.into_iter().take(count).collect(),
            rank: part.rank(),
            left_out,
        })
    }
}
