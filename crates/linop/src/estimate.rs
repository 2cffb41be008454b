//! A stochastic estimate and its standard error, which never part.

/// The mean of independent samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbeEstimate {
    /// The mean.
    pub value: f64,
    /// √(sample variance / samples), the variance with n − 1.
    pub standard_error: f64,
    /// Independent samples.
    pub samples: usize,
    /// Products with the operator.
    pub products: usize,
}

impl ProbeEstimate {
    /// From at least two samples.
    pub(crate) fn from_samples(samples: &[f64], products: usize) -> Self {
        let count = samples.len() as f64;
        let value = samples.iter().sum::<f64>() / count;
        let squares: f64 = samples.iter().map(|sample| (sample - value).powi(2)).sum();
        let standard_error = (squares / (count - 1.0) / count).sqrt();
        Self { value, standard_error, samples: samples.len(), products }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_error_of_three_numbers_by_hand() {
        // Mean 2, squares 1 + 0 + 1, variance 1, standard error 1/√3.
        let estimate = ProbeEstimate::from_samples(&[1.0, 2.0, 3.0], 3);
        assert_eq!((estimate.value, estimate.samples), (2.0, 3));
        assert!((estimate.standard_error - 3f64.sqrt().recip()).abs() < 1e-15);
    }
}
