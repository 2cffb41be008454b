//! The almost-sure threshold: where the Lyapunov exponent of Π(I − ηH_B) changes its sign.
//!
//! γ(η) = lim (1/t) log|x_t| on range(H) exists and is the same for almost every sequence of batches
//! (Furstenberg & Kesten 1960). By Jensen 2γ ≤ log ρ(Q), so mean-square stable implies almost surely
//! stable and η* is where the search starts; the converse fails: between the two thresholds almost
//! every trajectory returns while the mean square, carried by rare ones, explodes.
//!
//! The same batches and starts are used at every η (common random numbers), so that the estimate of
//! γ is one function of η, whose root is found by bisection. γ need not be monotone: the root
//! reported is the one next to a bracket grown from η* in small steps, and others may lie above.

use crate::simulation::{Dynamics, Ensemble, lyapunov_exponent};
use crate::{Batching, Error, Estimate, ExampleFactors, LearningRate, Momentum};

/// How much to simulate.
#[derive(Clone, Copy, Debug)]
pub struct AlmostSureParameters {
    /// Trajectories, steps of each, seed.
    pub ensemble: Ensemble,
    /// Steps before the growth counts, for the direction to settle.
    pub warm_up: usize,
    /// β.
    pub momentum: Momentum,
}

impl Default for AlmostSureParameters {
    /// 16 trajectories of 2,000 steps after 100.
    fn default() -> Self {
        let ensemble = Ensemble { trajectories: 16, steps: 2000, seed: 0 };
        Self { ensemble, warm_up: 100, momentum: Momentum::NONE }
    }
}

/// Factor between the learning rates tried while no positive exponent is known.
const GROWTH: f64 = 1.1;
/// At most this many: 1.1^200 is 2e8 times the mean-square threshold.
const MOST_TRIED: usize = 200;
/// Halvings of the bracket: 10 % / 2^20 is far below any standard error.
const HALVINGS: usize = 20;

/// The critical η with its standard error: that of γ at the root, over the slope of γ there.
/// `stable` is a learning rate known to be stable, such as η*. Truncated coordinates are fine: the
/// top exponent lives in leading directions, but the result is an estimate for those alone.
///
/// # Errors
/// [`Error::NotBracketed`], [`Error::Zero`].
pub fn critical(
    factors: &ExampleFactors,
    batching: &Batching,
    stable: LearningRate,
    parameters: &AlmostSureParameters,
) -> Result<Estimate, Error> {
    let exponent = |eta: f64| {
        let dynamics = Dynamics {
            batching: *batching,
            learning_rate: LearningRate::new(eta)?,
            momentum: parameters.momentum,
        };
        lyapunov_exponent(factors, &dynamics, &parameters.ensemble, parameters.warm_up)
    };
    // A share below η*, where the exponent is negative by a margin.
    let mut low = stable.value() / GROWTH;
    let mut high = low;
    let mut last = f64::NAN;
    for tried in 0..=MOST_TRIED {
        if tried == MOST_TRIED {
            return Err(Error::NotBracketed { learning_rate: high, exponent: last });
        }
        high *= GROWTH;
        last = exponent(high)?.value;
        if last > 0.0 {
            break;
        }
        low = high;
    }
    let width = high - low;
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if exponent(middle)?.value > 0.0 { high = middle } else { low = middle }
    }
    let value = 0.5 * (low + high);
    let step = 0.1 * width;
    let slope = (exponent(value + step)?.value - exponent(value - step)?.value) / (2.0 * step);
    let standard_error = exponent(value)?.standard_error / slope.abs();
    Ok(Estimate { value, standard_error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;

    /// One parameter, curvatures 0.2 and 3.8: E log|1 − ηh| = 0 at η = 0.5594…, computed here by
    /// bisection of the closed form. And with a batch of everything the edge of gradient descent.
    #[test]
    fn closed_form_in_one_dimension() {
        let factors = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8]).unwrap();
        let batching = Batching::new(2, 1, Sampling::IndependentWithoutReplacement).unwrap();
        let stable = LearningRate::new(0.55).unwrap();
        let parameters = AlmostSureParameters {
            ensemble: Ensemble { trajectories: 50, steps: 2000, seed: 1 },
            warm_up: 0,
            momentum: Momentum::NONE,
        };
        let found = critical(&factors, &batching, stable, &parameters).unwrap();
        let exponent = |eta: f64| (1.0 - 0.2 * eta).abs().ln() + (1.0 - 3.8 * eta).abs().ln();
        let (mut low, mut high) = (0.55, 0.6);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if exponent(middle) > 0.0 { high = middle } else { low = middle }
        }
        let distance = (found.value - low).abs() / found.standard_error;
        assert!(distance < 4.0, "{found:?} against {low}");
        assert!(found.standard_error < 5e-4, "{found:?}");
        let all = batching.with_batch_size(2).unwrap();
        let found = critical(&factors, &all, LearningRate::new(0.9).unwrap(), &parameters).unwrap();
        assert!((found.value - 1.0).abs() < 1e-6, "{found:?}");
    }

    /// Jensen: 2γ(η*) ≤ log ρ(Q(η*)) = 0, within the error.
    #[test]
    fn mean_square_stable_is_almost_surely_stable() {
        for seed in 0..10 {
            let factors = crate::problems::RandomProblem::new(seed).factors();
            let law = Sampling::IndependentWithoutReplacement;
            let batching = Batching::new(factors.examples(), 1, law).unwrap();
            let ratio = crate::mean_square::largest_ratio(&factors, 1.0, Momentum::NONE, 1e-9);
            let learning_rate = LearningRate::new(2.0 / ratio.unwrap().value).unwrap();
            let dynamics = Dynamics { batching, learning_rate, momentum: Momentum::NONE };
            let ensemble = Ensemble { trajectories: 20, steps: 500, seed };
            let exponent = lyapunov_exponent(&factors, &dynamics, &ensemble, 50).unwrap();
            assert!(exponent.value <= 4.0 * exponent.standard_error + 1e-9, "{seed}: {exponent:?}");
        }
    }
}
