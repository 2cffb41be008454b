//! The examples that make SGD leave.

use minimascope_record::stability as record;
use minimascope_stability::Batching;
use minimascope_stability::answers::blame::{
    Share, critical_without, mean_square_shares, variance_shares,
};
use minimascope_stability::mean_square::CriticalParameters;

use super::Minimum;
use super::answers::Watch;
use crate::Error;

/// Leaving examples out changes H: an eigenproblem of this size for each number left out.
const DIRECTIONS: usize = 400;

impl Minimum<'_> {
    /// The `count` examples of the largest shares, and η* without 1, 2, 4, … of them; `None` when
    /// interrupted.
    pub(super) fn blame(
        &self,
        batching: &Batching,
        count: usize,
        parameters: &CriticalParameters,
        watch: &mut Watch<'_>,
    ) -> Result<Option<record::Blame>, Error> {
        // At least two examples and a whole batch must be left.
        let most = self.factors.examples().saturating_sub(batching.batch_size().max(2));
        let part = self.factors.truncated(DIRECTIONS);
        let parameters =
            CriticalParameters { certificate_rank: 0, proof_steps: 0, ..parameters.clone() };
        let (_, variance) = variance_shares(&self.factors)?;
        let mut mean_square = Vec::new();
        let mut left_out = Vec::new();
        let numbers = std::iter::successors(Some(1), |number| Some(2 * number));
        for number in std::iter::once(0).chain(numbers).take_while(|m| *m <= count.min(most)) {
            let examples: Vec<usize> = variance[..number].iter().map(|s| s.example).collect();
            let found = critical_without(&part, batching, &examples, &parameters, &mut |now| {
                watch.critical(now)
            })?;
            if watch.is_interrupted() {
                return Ok(None);
            }
            if number == 0 {
                mean_square = mean_square_shares(&part, &found);
            }
            let critical_learning_rate = found.estimate;
            left_out.push(record::LeftOut { examples: number, critical_learning_rate });
        }
        let shares =
            |shares: &[Share]| shares.iter().take(count).map(|share| self.share(share)).collect();
        Ok(Some(record::Blame {
            batch_size: batching.batch_size(),
            non_uniformity: shares(&variance),
            mean_square: shares(&mean_square),
            directions: part.rank(),
            left_out,
        }))
    }

    fn share(&self, share: &Share) -> record::Share {
        let (plan, example) = (self.plan(), share.example);
        record::Share {
            example,
            label: plan.train().labels()[example],
            corrupted: plan.corrupted().contains(&example),
            share: share.share,
        }
    }
}
