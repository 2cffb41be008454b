//! The threshold of reshuffled epochs as a criterion; [`crate::epochs`] has its mathematics.

use minimascope_record::threshold::{Bracket, CriterionName, Evidence, Proves};
use minimascope_record::training::Sampling;

use crate::criterion::{Criterion, FoundThreshold, SearchProgress, ThresholdSetting, WithMomentum};
use crate::epochs::critical::{EpochCritical, EpochParameters, EpochProgress, critical};
use crate::{Error, LearningRate};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::RESHUFFLED,
    title: "reshuffled",
    proves: Proves::Nothing,
    source: "this project",
    with_momentum: WithMomentum::Known,
    find,
};

/// The first rank.
const FIRST_RANK: usize = 100;
/// The ends lie so many standard errors from the estimate.
const ERRORS: f64 = 3.0;

/// In r leading directions, r doubled until the threshold moves by less than its error and the
/// tolerance; `None` where the optimiser does not reshuffle, or takes all examples in each step.
fn find(at: &mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error> {
    let sampling = at.used.sampling();
    // One batch of everything has no order.
    let whole = at.used.batch_size() == at.used.examples();
    let Some(epochs) = &at.effort.epochs else { return Ok(None) };
    if whole || !sampling.in_epochs() || sampling.has_one_order() {
        return Ok(None);
    }
    let parameters = EpochParameters { momentum: at.momentum, ..epochs.clone() };
    let mut rank = FIRST_RANK.min(at.factors.rank());
    let mut start = at.exact.estimate;
    let mut before: Option<EpochCritical> = None;
    loop {
        let Some(found) = in_rank(at, &parameters, rank, start)? else { return Ok(None) };
        let is_all = rank == at.factors.rank() && at.factors.covers_range();
        let moved = before.map_or(f64::INFINITY, |before: EpochCritical| {
            (found.learning_rate / before.learning_rate - 1.0).abs()
        });
        let error = found.standard_error / found.learning_rate;
        let settled = is_all || moved < parameters.tolerance.max(2.0 * error);
        if settled || rank == at.factors.rank() {
            let (value, error) = (found.learning_rate, found.standard_error);
            let evidence = Evidence::Orders {
                orders: found.orders,
                all: found.enumerated,
                standard_error: error,
                converged: found.converged && settled,
                rank,
            };
            let lower = (value - ERRORS * error).max(0.0);
            let bracket = Some(Bracket { lower, upper: value + ERRORS * error });
            let remark =
                (sampling != Sampling::ReshuffledEpochs).then(|| sampling.description().to_owned());
            return Ok(Some(FoundThreshold { learning_rate: value, bracket, evidence, remark }));
        }
        start = found.learning_rate;
        before = Some(found);
        rank = (2 * rank).min(at.factors.rank());
    }
}

fn in_rank(
    at: &mut ThresholdSetting<'_>,
    parameters: &EpochParameters,
    rank: usize,
    start: f64,
) -> Result<Option<EpochCritical>, Error> {
    let mut show = |now: &EpochProgress| {
        let (products, learning_rate) = (now.products, Some(now.learning_rate));
        let criterion = "learning rate of reshuffled epochs";
        (at.progress)(&SearchProgress { criterion, products, learning_rate })
    };
    let start = LearningRate::new(start)?;
    match critical(&at.factors.truncated(rank), &at.used, start, parameters, &mut show) {
        Err(Error::NotBracketed { .. }) => Ok(None),
        found => found,
    }
}
