//! The exact mean-square threshold as a criterion; [`crate::mean_square`] has its mathematics.

use minimascope_record::threshold::{
    Bracket, CriterionName, Evidence, Proves, RankSearch, RankStop,
};

use crate::criterion::{Criterion, FoundThreshold, ThresholdSetting, WithMomentum};
use crate::{Error, Momentum};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::MEAN_SQUARE,
    title: "exact",
    proves: Proves::Both,
    source: "Mulayoff & Michaeli 2024",
    with_momentum: WithMomentum::Known,
    find,
};

#[allow(clippy::unnecessary_wraps)]
fn find(at: &mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error> {
    let exact = at.exact;
    let mut upper = exact.upper;
    if at.momentum == Momentum::NONE {
        upper = upper.min(2.0 / at.factors.sharpness());
    }
    let settled = matches!(exact.stop, RankStop::AllDirections | RankStop::Converged);
    let evidence = Evidence::Search(RankSearch {
        lower_by: exact.lower_by,
        ranks: exact.ranks.clone(),
        stop: exact.stop,
        converged: settled && exact.converged,
        relative_residual: exact.relative_residual,
    });
    let bracket = Some(Bracket { lower: exact.lower, upper });
    Ok(Some(FoundThreshold { learning_rate: exact.estimate, bracket, evidence, remark: None }))
}
