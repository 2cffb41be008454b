//! Batch sharpness: the curvature that SGD's own steps see.
//!
//! E_B[g_BᵀH_Bg_B/|g_B|²] and the ratio of means E\[g_BᵀH_Bg_B\]/E\[|g_B|²\], compared with 2/η by
//! Andreyev & Beneventano 2025 (arXiv 2412.20553). The caller draws batches and supplies
//! (g_BᵀH_Bg_B, |g_B|²); nothing is stored.

use crate::{Error, MeanEstimate};

/// When to stop drawing batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoppingRule {
    /// Stop when both standard errors are below this share of their values.
    pub relative_error: f64,
    /// Never before this many batches: a standard error of few heavy-tailed samples means little.
    pub fewest: usize,
    /// Stop here in any case.
    pub most: usize,
}

impl Default for StoppingRule {
    /// 2 %, from 30 to 2,000 batches.
    fn default() -> Self {
        Self { relative_error: 0.02, fewest: 30, most: 2000 }
    }
}

/// What the estimator says after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// Draw another batch.
    Continue,
    /// The standard errors are small enough.
    Converged,
    /// The largest number of batches is reached.
    Exhausted,
}

/// A streaming estimator. Running means and co-moments (Welford), so that its memory is constant
/// and large offsets do not cancel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchSharpnessEstimator {
    rule: StoppingRule,
    batches: usize,
    skipped: usize,
    ratio: Moments,
    curvature: Moments,
    squared_norm: Moments,
    cross: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes the sample in as number `count`; returns its distance to the old and the new mean.
    fn add(&mut self, sample: f64, count: f64) -> (f64, f64) {
        let before = sample - self.mean;
        self.mean += before / count;
        let after = sample - self.mean;
        self.squares += before * after;
        (before, after)
    }
}

impl BatchSharpnessEstimator {
    /// An empty estimator.
    pub fn new(rule: StoppingRule) -> Self {
        let none = Moments::default();
        let (ratio, curvature, squared_norm) = (none, none, none);
        Self { rule, batches: 0, skipped: 0, ratio, curvature, squared_norm, cross: 0.0 }
    }

    /// Takes one batch in: `curvature` = gᵀHg and `squared_norm` = |g|². A batch with g = 0 has
    /// no direction and is counted as skipped.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for NaN, infinity or a negative squared norm.
    pub fn add(&mut self, curvature: f64, squared_norm: f64) -> Result<Sampled, Error> {
        if !curvature.is_finite() || !squared_norm.is_finite() || squared_norm < 0.0 {
            return Err(Error::NotFinite("the batch gradient"));
        }
        if squared_norm == 0.0 {
            self.skipped += 1;
        } else {
            self.batches += 1;
            let count = self.batches as f64;
            self.ratio.add(curvature / squared_norm, count);
            let (before, _) = self.curvature.add(curvature, count);
            let (_, after) = self.squared_norm.add(squared_norm, count);
            self.cross += before * after;
        }
        Ok(self.progress())
    }

    fn progress(&self) -> Sampled {
        let settled =
            |e: MeanEstimate| e.standard_error <= self.rule.relative_error * e.value.abs();
        if self.batches >= self.rule.fewest
            && settled(self.mean_of_ratios())
            && settled(self.ratio_of_means())
        {
            Sampled::Converged
        } else if self.batches + self.skipped >= self.rule.most {
            Sampled::Exhausted
        } else {
            Sampled::Continue
        }
    }

    /// E_B[gᵀHg/|g|²], NaN without batches.
    pub fn mean_of_ratios(&self) -> MeanEstimate {
        let count = self.batches as f64;
        let value = if self.batches == 0 { f64::NAN } else { self.ratio.mean };
        let standard_error = if self.batches < 2 {
            f64::INFINITY
        } else {
            (self.ratio.squares / (count - 1.0) / count).sqrt()
        };
        MeanEstimate { value, standard_error }
    }

    /// E\[gᵀHg\]/E\[|g|²\]; its standard error by the delta method, from the residuals gᵀHg − R|g|².
    pub fn ratio_of_means(&self) -> MeanEstimate {
        let count = self.batches as f64;
        let value = self.curvature.mean / self.squared_norm.mean;
        if self.batches < 2 {
            return MeanEstimate { value, standard_error: f64::INFINITY };
        }
        let squares = self.curvature.squares - 2.0 * value * self.cross
            + value * value * self.squared_norm.squares;
        let variance = squares.max(0.0) / (count - 1.0) / count;
        MeanEstimate { value, standard_error: variance.sqrt() / self.squared_norm.mean }
    }

    /// Batches with a gradient.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Batches whose gradient was zero.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::problems::normal;

    /// g normal in two dimensions under H = diag(1, 3): both measures are 2 in expectation; over
    /// 400 repetitions their standardised errors have mean square 1 ± 5·√(2/400).
    #[test]
    fn standard_errors_are_calibrated() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut squares = [0.0; 2];
        for _ in 0..400 {
            let rule = StoppingRule { relative_error: 0.0, fewest: 200, most: 200 };
            let mut estimator = BatchSharpnessEstimator::new(rule);
            while {
                let (x, y) = (normal(&mut random), normal(&mut random));
                estimator.add(x * x + 3.0 * y * y, x * x + y * y).unwrap() == Sampled::Continue
            } {}
            assert_eq!(estimator.batches(), 200);
            for (sum, e) in
                squares.iter_mut().zip([estimator.mean_of_ratios(), estimator.ratio_of_means()])
            {
                *sum += ((e.value - 2.0) / e.standard_error).powi(2) / 400.0;
            }
        }
        for square in squares {
            assert!((square - 1.0).abs() < 5.0 * (2.0f64 / 400.0).sqrt(), "{squares:?}");
        }
    }

    #[test]
    fn constant_samples_converge_at_once_and_bad_ones_are_refused() {
        let mut estimator = BatchSharpnessEstimator::new(StoppingRule::default());
        assert_eq!(estimator.add(0.0, 0.0).unwrap(), Sampled::Continue);
        for _ in 0..29 {
            assert_eq!(estimator.add(6.0, 2.0).unwrap(), Sampled::Continue);
        }
        assert_eq!(estimator.add(6.0, 2.0).unwrap(), Sampled::Converged);
        assert_eq!((estimator.mean_of_ratios().value, estimator.skipped()), (3.0, 1));
        assert!(estimator.add(f64::NAN, 1.0).is_err());
    }
}
