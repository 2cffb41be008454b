//! The thresholds of one batch size by every criterion, and the batch sizes of a boundary.

use std::ops::ControlFlow;

use minimascope_record::threshold::{self, CriterionName, Proves, Threshold};

use crate::criteria::{CRITERIA, variance, worst};
use crate::criterion::{Curvatures, Effort, SearchProgress, ThresholdSetting, WithMomentum};
use crate::mean_square::{CriticalProgress, critical};
use crate::{Batching, Error, ExampleFactors, Momentum};

/// A threshold that proves staying may lie above the proved lower end by this share, the accuracy of
/// both: beyond it rests on leading directions alone and proves nothing.
const SAME: f64 = 1e-6;

impl Curvatures {
    /// Those of the factors; the non-uniformity is a lower bound where directions are left out.
    ///
    /// # Errors
    /// Of the eigensolvers.
    pub fn of(factors: &ExampleFactors) -> Result<Self, Error> {
        Ok(Self {
            sharpness: factors.sharpness(),
            non_uniformity: variance::non_uniformity(factors)?.value,
            example_sharpnesses: worst::example_sharpnesses(factors)?,
        })
    }
}

/// The thresholds of every criterion at one batch size; `None` when `progress` breaks.
///
/// `batching` has the optimiser's own sampling scheme. Criteria for independent batches take the one
/// closest to it, and those of epochs have a threshold where the optimiser takes its examples so.
///
/// `curvatures` may be those of the full Hessians, where they are known, or [`Curvatures::of`] the
/// factors. What proves that SGD leaves caps the exact threshold's upper end and its estimate, and
/// 2(1 + β)/a of the full Hessian caps whatever proves staying.
///
/// # Errors
/// Those of the criteria.
pub fn thresholds(
    factors: &ExampleFactors,
    curvatures: &Curvatures,
    batching: &Batching,
    effort: &Effort,
    progress: &mut dyn FnMut(&SearchProgress) -> ControlFlow<()>,
) -> Result<Option<Vec<Threshold>>, Error> {
    let mut interrupted = false;
    let mut progress = |now: &SearchProgress| {
        let flow = progress(now);
        interrupted |= flow.is_break();
        flow
    };
    let momentum = effort.exact.momentum;
    let exact = critical(factors, batching, &effort.exact, &mut |now: &CriticalProgress| {
        let (products, learning_rate) = (now.products, Some(now.critical_learning_rate));
        progress(&SearchProgress { criterion: "critical learning rate", products, learning_rate })
    })?;
    let mut setting = ThresholdSetting {
        factors,
        curvatures,
        batching: batching.independent(),
        used: *batching,
        momentum,
        effort,
        exact: &exact,
        progress: &mut progress,
    };
    let mut list = Vec::with_capacity(CRITERIA.len());
    for criterion in CRITERIA {
        let plain = momentum == Momentum::NONE;
        if !plain && criterion.with_momentum == WithMomentum::Omitted {
            continue;
        }
        let now = SearchProgress { criterion: criterion.title, products: 0, learning_rate: None };
        if (setting.progress)(&now).is_break() {
            return Ok(None);
        }
        let Some(found) = (criterion.find)(&mut setting)? else { continue };
        let remark = match criterion.with_momentum {
            WithMomentum::Remarked if !plain => Some(match found.remark {
                Some(remark) => format!("{remark}, without momentum"),
                None => "without momentum".to_owned(),
            }),
            _ => found.remark,
        };
        list.push(Threshold {
            criterion: criterion.name.clone(),
            title: criterion.title.to_owned(),
            learning_rate: found.learning_rate,
            bracket: found.bracket,
            proves: criterion.proves,
            source: criterion.source.to_owned(),
            evidence: found.evidence,
            remark,
        });
    }
    if interrupted {
        return Ok(None);
    }
    reconcile(&mut list);
    Ok(Some(list))
}

/// Makes the list agree with itself: lower ≤ estimate ≤ upper ≤ whatever proves that SGD leaves.
fn reconcile(list: &mut [Threshold]) {
    let leaving = list.iter().filter(|threshold| threshold.proves == Proves::LeavingAbove);
    let upper = leaving.map(|threshold| threshold.learning_rate).fold(f64::INFINITY, f64::min);
    let of_descent = threshold::by(list, &CriterionName::GRADIENT_DESCENT)
        .map_or(f64::INFINITY, |threshold| threshold.learning_rate);
    let mut lower = 0.0;
    for threshold in list.iter_mut().filter(|threshold| threshold.proves == Proves::Both) {
        let Some(bracket) = &mut threshold.bracket else { continue };
        bracket.upper = bracket.upper.min(upper);
        threshold.learning_rate = threshold.learning_rate.min(bracket.upper);
        bracket.lower = bracket.lower.min(threshold.learning_rate);
        lower = bracket.lower;
    }
    for threshold in list.iter_mut().filter(|threshold| threshold.proves == Proves::StayingBelow) {
        threshold.learning_rate = threshold.learning_rate.min(of_descent);
        if threshold.learning_rate > lower * (1.0 + SAME) {
            threshold.proves = Proves::Nothing;
            threshold.remark = Some("of leading directions".to_owned());
        }
    }
}

/// B = 1, 2, 4, … below n, and n.
pub fn boundary_batch_sizes(examples: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(1usize), |b| b.checked_mul(2));
    powers.take_while(|b| *b < examples).chain([examples]).collect()
}
