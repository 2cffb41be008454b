//! Theorem 1 as a criterion; [`crate::mean_square::theorem_one`] has its mathematics.

use minimascope_record::threshold::{CriterionName, Proves};

use crate::criterion::{Criterion, FoundThreshold, ThresholdSetting, WithMomentum};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::THEOREM_ONE,
    title: "Theorem 1",
    proves: Proves::StayingBelow,
    source: "Wu, Ma & E 2018",
    with_momentum: WithMomentum::Omitted,
    // The search for the exact threshold needs it too and has found it.
    find: |at: &mut ThresholdSetting<'_>| Ok(FoundThreshold::formula(at.exact.theorem_one)),
};
