//! Statistics over runs: means with their deviations, and fitted power laws.

/// A mean and the scatter about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// Standard deviation over the values, with n − 1; `None` for a single one.
    pub deviation: Option<f64>,
    /// The number of values.
    pub count: usize,
}

impl Summary {
    /// Of these values; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        (count > 0).then_some(Summary { mean, deviation, count })
    }

    /// The standard error of the mean; `None` for a single value.
    pub fn standard_error(&self) -> Option<f64> {
        Some(self.deviation? / (self.count as f64).sqrt())
    }
}

/// y = factor·x^slope, by least squares of log y on log x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The power.
    pub slope: f64,
    /// Standard error of the slope, from the scatter about the line.
    pub slope_error: f64,
    /// The value at x = 1.
    pub factor: f64,
    /// Pearson's correlation of the logarithms.
    pub correlation: f64,
    /// Geometric mean of y/x.
    pub ratio: f64,
    /// The number of points.
    pub count: usize,
    /// Smallest and largest x.
    pub range: [f64; 2],
}

impl PowerLaw {
    /// Fits positive points; `None` for fewer than three, or if all have the same x.
    pub fn fit(points: &[[f64; 2]]) -> Option<PowerLaw> {
        let logs: Vec<[f64; 2]> = points.iter().map(|point| point.map(libm::log)).collect();
        let count = logs.len();
        if count < 3 {
            return None;
        }
        let mean = |axis: usize| logs.iter().map(|log| log[axis]).sum::<f64>() / count as f64;
        let [x, y] = [mean(0), mean(1)];
        let sum = |term: &dyn Fn(&[f64; 2]) -> f64| logs.iter().map(term).sum::<f64>();
        let xx = sum(&|log| (log[0] - x) * (log[0] - x));
        let xy = sum(&|log| (log[0] - x) * (log[1] - y));
        let yy = sum(&|log| (log[1] - y) * (log[1] - y));
        if xx <= 1e-12 || yy <= 0.0 {
            return None;
        }
        let slope = xy / xx;
        let residual = (yy - slope * xy).max(0.0);
        let ends = |better: fn(f64, f64) -> f64| points.iter().map(|at| at[0]).reduce(better);
        Some(PowerLaw {
            slope,
            slope_error: (residual / (count - 2) as f64 / xx).sqrt(),
            factor: libm::exp(y - slope * x),
            correlation: xy / (xx * yy).sqrt(),
            ratio: libm::exp(y - x),
            count,
            range: [ends(f64::min)?, ends(f64::max)?],
        })
    }

    /// The value of the fit at x.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * libm::pow(x, self.slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let summary = Summary::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(summary.mean, 2.5);
        // Σ(x − mean)² = 5, over n − 1 = 3.
        assert!((summary.deviation.unwrap() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((summary.standard_error().unwrap() - (5.0_f64 / 12.0).sqrt()).abs() < 1e-15);
        assert_eq!(Summary::of(&[7.0]).unwrap().deviation, None);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn an_exact_power_is_found_without_error() {
        let points: Vec<[f64; 2]> =
            [1.0, 2.0, 4.0, 9.0].iter().map(|&x: &f64| [x, 1.7 * x.powf(0.8)]).collect();
        let fit = PowerLaw::fit(&points).unwrap();
        // Logarithms of four points round at 1e-16 each.
        assert!((fit.slope - 0.8).abs() < 1e-13 && fit.slope_error < 1e-7, "{fit:?}");
        assert!((fit.at(3.0) - 1.7 * 3.0_f64.powf(0.8)).abs() < 1e-12);
        assert!((fit.correlation - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_error_of_a_slope_is_that_of_the_textbook() {
        // y = x + (0, e, 0) at ln x = −1, 0, 1: slope 1, residuals e(−1, 2, −1)/3, so that
        // Σr² = 2e²/3 and the error is √(2e²/3 / 1 / 2) = e/√3.
        let e = 0.3_f64;
        let logs = [[-1.0, -1.0], [0.0, e], [1.0, 1.0]];
        let points: Vec<[f64; 2]> = logs.iter().map(|at: &[f64; 2]| at.map(f64::exp)).collect();
        let fit = PowerLaw::fit(&points).unwrap();
        assert!((fit.slope - 1.0).abs() < 1e-14);
        assert!((fit.slope_error - e / 3.0_f64.sqrt()).abs() < 1e-14, "{fit:?}");
    }

    #[test]
    fn two_points_or_one_place_have_no_fit() {
        assert_eq!(PowerLaw::fit(&[[1.0, 1.0], [2.0, 2.0]]), None);
        assert_eq!(PowerLaw::fit(&[[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), None);
    }
}
