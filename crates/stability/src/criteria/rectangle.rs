//! The rectangle of sharpness and non-uniformity, with the correct reading of its halves.
//!
//! 0 ≤ a ≤ 2/η and 0 ≤ s ≤ 1/(η√p), a = λ_max(H), s = √λ_max(Σ). Source: Wu, Ma, E, NeurIPS 2018,
//! where both follow from Theorem 1 (each is implied by it, so they are necessary *for Theorem 1*).
//! For stability itself only a ≤ 2/η is necessary. With more than one parameter a point above the
//! line s = 1/(η√p) can be stable, and a point inside the rectangle unstable.

use minimascope_record::threshold::{CriterionName, Proves, sharpness_limit};

use crate::criterion::{Criterion, FoundThreshold, ThresholdSetting, WithMomentum};
use crate::{Batching, Error, LearningRate};

pub(super) const CRITERION: Criterion = Criterion {
    name: CriterionName::RECTANGLE,
    title: "rectangle",
    proves: Proves::Nothing,
    source: "Wu, Ma & E 2018",
    with_momentum: WithMomentum::Remarked,
    find: |at: &mut ThresholdSetting<'_>| {
        let (a, s) = (at.curvatures.sharpness, at.curvatures.non_uniformity);
        let found = RectangleCritical::new(a, s, &at.batching)?;
        Ok(FoundThreshold::formula(found.critical_learning_rate()))
    },
};

/// Where a point (a, s) lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// a > 2/η: unstable, in mean and hence in mean square; a proof.
    TooSharp,
    /// a ≤ 2/η and s > 1/(η√p): Theorem 1 cannot hold, which proves nothing about stability.
    TooNonUniform,
    /// Inside: proves nothing about stability either.
    Inside,
}

/// The two limits at given (η, B).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectangle {
    /// 2/η.
    pub largest_sharpness: f64,
    /// 1/(η√p); infinite at B = n without replacement.
    pub largest_non_uniformity: f64,
}

impl Rectangle {
    /// The limits.
    pub fn new(learning_rate: LearningRate, batching: &Batching) -> Self {
        let eta = learning_rate.value();
        Self {
            largest_sharpness: sharpness_limit(eta),
            largest_non_uniformity: 1.0 / (eta * batching.noise().sqrt()),
        }
    }

    /// Where (a, s) lies; the limits belong to the inside.
    pub fn read(&self, sharpness: f64, non_uniformity: f64) -> Reading {
        if sharpness > self.largest_sharpness {
            Reading::TooSharp
        } else if non_uniformity > self.largest_non_uniformity {
            Reading::TooNonUniform
        } else {
            Reading::Inside
        }
    }
}

/// The learning rates at which a and s meet their limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RectangleCritical {
    /// 2/a: necessary for stability.
    pub of_sharpness: f64,
    /// 1/(s√p): neither necessary nor sufficient; infinite when s√p = 0.
    pub of_non_uniformity: f64,
}

impl RectangleCritical {
    /// From a > 0 and s ≥ 0.
    ///
    /// # Errors
    /// [`Error::NotFinite`], and [`Error::NoCurvature`] when a ≤ 0.
    pub fn new(sharpness: f64, non_uniformity: f64, batching: &Batching) -> Result<Self, Error> {
        if !sharpness.is_finite() || !non_uniformity.is_finite() || non_uniformity < 0.0 {
            return Err(Error::NotFinite("the sharpness or the non-uniformity"));
        }
        if sharpness <= 0.0 {
            return Err(Error::NoCurvature);
        }
        Ok(Self {
            of_sharpness: 2.0 / sharpness,
            of_non_uniformity: 1.0 / (non_uniformity * batching.noise().sqrt()),
        })
    }

    /// The learning rate at which the point leaves the rectangle.
    pub fn critical_learning_rate(&self) -> f64 {
        self.of_sharpness.min(self.of_non_uniformity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;

    /// The paper's table: η = 0.5, n = 1000, s_max = 4.006 at B = 4 and 10.122 at B = 25.
    #[test]
    fn the_limits_of_the_paper() {
        let limits = |b| {
            let batching = Batching::new(1000, b, Sampling::IndependentBatches).unwrap();
            Rectangle::new(LearningRate::new(0.5).unwrap(), &batching)
        };
        assert!((limits(4).largest_non_uniformity - 4.006).abs() < 5e-4);
        assert!((limits(25).largest_non_uniformity - 10.122).abs() < 5e-4);
        assert_eq!(limits(1000).largest_non_uniformity, f64::INFINITY);
        assert_eq!(limits(4).read(4.1, 0.0), Reading::TooSharp);
        assert_eq!(limits(4).read(1.0, 4.1), Reading::TooNonUniform);
        assert_eq!(limits(4).read(1.0, 2.27), Reading::Inside);
    }
}
