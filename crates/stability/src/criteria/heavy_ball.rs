//! Gradient descent with heavy-ball momentum: stable at sharpness a exactly for η < 2(1+β)/a.
//!
//! x_{t+1} = x_t − ηhx_t + β(x_t − x_{t−1}) has the characteristic polynomial
//! z² − (1 + β − ηh)z + β; both roots lie in the unit disc when |1 + β − ηh| < 1 + β.
//! Source: Polyak 1964; the threshold in this form is used by Cohen et al. 2021 (arXiv 2103.00065).
//! For SGD with momentum see [`crate::mean_square::critical`].

use minimascope_record::threshold::{CriterionName, Proves};

use crate::criterion::{Criterion, FoundThreshold, ThresholdSetting, WithMomentum};
use crate::{Error, Momentum};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::GRADIENT_DESCENT,
    title: "gradient descent",
    proves: Proves::LeavingAbove,
    source: "Polyak 1964",
    with_momentum: WithMomentum::Known,
    find: |at: &mut ThresholdSetting<'_>| {
        Ok(FoundThreshold::formula(critical(at.curvatures.sharpness, at.momentum)?))
    },
};

/// 2(1+β)/a.
///
/// # Errors
/// [`Error::NoCurvature`] when a is not positive.
pub fn critical(sharpness: f64, momentum: Momentum) -> Result<f64, Error> {
    if sharpness > 0.0 && sharpness.is_finite() {
        Ok(2.0 * (1.0 + momentum.value()) / sharpness)
    } else {
        Err(Error::NoCurvature)
    }
}
