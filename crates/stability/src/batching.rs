//! How a step chooses its examples, and the one number that the second moments see of it.

use minimascope_record::training::Sampling;

use crate::Error;

/// n examples in batches of B: a checked pair with its sampling scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Batching {
    examples: usize,
    batch_size: usize,
    sampling: Sampling,
}

impl Batching {
    /// Checks 1 ≤ B ≤ n and n ≥ 2.
    ///
    /// # Errors
    /// [`Error::TooFewExamples`], [`Error::EmptyBatch`], [`Error::BatchTooLarge`].
    pub fn new(examples: usize, batch_size: usize, sampling: Sampling) -> Result<Self, Error> {
        if examples < 2 {
            return Err(Error::TooFewExamples(examples));
        }
        if batch_size == 0 {
            return Err(Error::EmptyBatch(examples));
        }
        if batch_size > examples {
            return Err(Error::BatchTooLarge { batch_size, examples });
        }
        Ok(Self { examples, batch_size, sampling })
    }

    /// n.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// B.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The sampling scheme.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The noise coefficient p of one step: E\[H_B S H_B\] = (1−p) HSH + p·mean_i H_i S H_i.
    ///
    /// Without replacement p = (n−B)/(B(n−1)), from Cov(1_i, 1_j) of a uniform B-subset; it is
    /// zero at B = n with no special case. With replacement p = 1/B. One step of a reshuffled epoch
    /// has the first; the steps of an epoch are not independent, so that criteria that use p alone
    /// are approximations there (docs/theory.md says how good).
    pub fn noise(&self) -> f64 {
        let (n, b) = (self.examples as f64, self.batch_size as f64);
        match self.sampling {
            Sampling::WithReplacement => 1.0 / b,
            Sampling::IndependentBatches
            | Sampling::ReshuffledEpochs
            | Sampling::ReshuffledAndReversed
            | Sampling::SingleShuffle
            | Sampling::FileOrder => (n - b) / (b * (n - 1.0)),
        }
    }

    /// The same examples and B with another sampling scheme.
    pub fn with_sampling(&self, sampling: Sampling) -> Self {
        Self { sampling, ..*self }
    }

    /// The same examples and B with the scheme of independent batches closest to this one.
    pub fn independent(&self) -> Self {
        self.with_sampling(self.sampling.independent())
    }

    /// The same examples and scheme with another B.
    ///
    /// # Errors
    /// As [`Batching::new`].
    pub fn with_batch_size(&self, batch_size: usize) -> Result<Self, Error> {
        Self::new(self.examples, batch_size, self.sampling)
    }
}

/// A positive finite learning rate η.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct LearningRate(f64);

impl LearningRate {
    /// Checks η > 0 and finite.
    ///
    /// # Errors
    /// [`Error::LearningRate`].
    pub fn new(value: f64) -> Result<Self, Error> {
        if value > 0.0 && value.is_finite() {
            Ok(Self(value))
        } else {
            Err(Error::LearningRate(value))
        }
    }

    /// η.
    pub fn value(self) -> f64 {
        self.0
    }
}

/// A heavy-ball coefficient β in \[0, 1).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Momentum(f64);

impl Momentum {
    /// No momentum.
    pub const NONE: Self = Self(0.0);

    /// Checks 0 ≤ β < 1.
    ///
    /// # Errors
    /// [`Error::Momentum`].
    pub fn new(value: f64) -> Result<Self, Error> {
        if (0.0..1.0).contains(&value) { Ok(Self(value)) } else { Err(Error::Momentum(value)) }
    }

    /// β.
    pub fn value(self) -> f64 {
        self.0
    }
}

/// A number with the standard error of its estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanEstimate {
    /// The estimate.
    pub value: f64,
    /// One standard deviation of the estimate.
    pub standard_error: f64,
}

impl MeanEstimate {
    /// Mean of independent samples with s/√N; the error of fewer than two samples is infinite.
    pub fn of_mean(samples: &[f64]) -> Self {
        let count = samples.len() as f64;
        let value = samples.iter().sum::<f64>() / count;
        if samples.len() < 2 {
            return Self { value, standard_error: f64::INFINITY };
        }
        let squares = samples.iter().map(|x| (x - value) * (x - value)).sum::<f64>();
        Self { value, standard_error: (squares / (count - 1.0) / count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_coefficients_of_closed_form() {
        let p = |b, s| Batching::new(5, b, s).unwrap().noise();
        assert_eq!(p(1, Sampling::IndependentBatches), 1.0);
        assert_eq!(p(2, Sampling::IndependentBatches), 3.0 / 8.0);
        assert_eq!(p(5, Sampling::ReshuffledEpochs), 0.0);
        assert_eq!(p(4, Sampling::WithReplacement), 0.25);
    }

    #[test]
    fn bad_input_is_refused() {
        let sampling = Sampling::IndependentBatches;
        assert!(matches!(Batching::new(1, 1, sampling), Err(Error::TooFewExamples(..))));
        assert!(matches!(Batching::new(4, 0, sampling), Err(Error::EmptyBatch(..))));
        assert!(matches!(Batching::new(4, 5, sampling), Err(Error::BatchTooLarge { .. })));
        for eta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(LearningRate::new(eta).is_err());
        }
        assert!(Momentum::new(1.0).is_err() && Momentum::new(f64::NAN).is_err());
    }
}
