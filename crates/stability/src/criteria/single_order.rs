//! The threshold of one order for all epochs as a criterion; [`crate::epochs`] has its mathematics.

use minimascope_record::threshold::{Bracket, CriterionName, Evidence, Proves};
use minimascope_record::training::Sampling;

use crate::criterion::{Criterion, FoundThreshold, SearchProgress, ThresholdSetting, WithMomentum};
use crate::epochs::critical::EpochProgress;
use crate::epochs::period::Period;
use crate::epochs::single_order::critical;
use crate::{Error, LearningRate};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::SINGLE_ORDER,
    title: "single order",
    proves: Proves::Nothing,
    source: "this project",
    with_momentum: WithMomentum::Known,
    find,
};

/// In all directions of the factors; `None` where the order is another in every epoch, or unknown.
fn find(at: &mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error> {
    let n = at.factors.examples();
    let file: Vec<usize>;
    let Some(epochs) = &at.effort.epochs else { return Ok(None) };
    let order = match (at.used.sampling(), &epochs.order) {
        // One batch of everything has no order.
        _ if at.used.batch_size() == n => return Ok(None),
        (Sampling::FileOrder, _) => {
            file = (0..n).collect();
            &file
        }
        (Sampling::SingleShuffle, Some(order)) if order.len() == n => order,
        _ => return Ok(None),
    };
    let period = Period::new(&at.used, order);
    let start = LearningRate::new(at.exact.estimate)?;
    let mut show = |now: &EpochProgress| {
        let (products, learning_rate) = (now.products, Some(now.learning_rate));
        let criterion = "learning rate of this order";
        (at.progress)(&SearchProgress { criterion, products, learning_rate })
    };
    let found = match critical(at.factors, &period, (start, at.momentum), &mut show) {
        Err(Error::NotBracketed { .. }) => return Ok(None),
        found => found?,
    };
    Ok(found.map(|found| {
        let value = found.learning_rate;
        let evidence = Evidence::Orders {
            orders: 1,
            all: true,
            standard_error: 0.0,
            converged: found.converged && at.factors.covers_range(),
            rank: at.factors.rank(),
        };
        let bracket = Some(Bracket { lower: value, upper: value });
        FoundThreshold { learning_rate: value, bracket, evidence, remark: None }
    }))
}
