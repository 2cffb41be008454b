//! The inverse question: the largest noise, and so the smallest batch, at which a learning rate stays.

use std::ops::ControlFlow;

use minimascope_record::threshold::RankStop;

use super::climb::{Begin, climb};
use super::feedback::Unknown;
use super::parameters::{CriticalParameters, CriticalProgress};
use crate::{Error, ExampleFactors, LearningRate};

/// The largest p of [`crate::Batching::noise`] at which SGD is stable in mean square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LargestNoise {
    /// Stable at every smaller p: proved; 0 when nothing is.
    pub proved: f64,
    /// The converged value, never below the true one. Above 1 every batch size stays.
    pub estimate: f64,
    /// Why no more directions were tried.
    pub stop: RankStop,
}

/// λ_max(F) of `feedback.rs` rises with p too: p/(d⁰ + p h_ah_b) does where d⁰ > 0, which is
/// where gradient descent is stable. So the balance that gives η* for a p gives p* for an η, at the
/// same cost, and the same argument proves one side of it. `None` when gradient descent leaves.
///
/// # Errors
/// Of the eigensolver.
pub fn largest_noise(
    factors: &ExampleFactors,
    learning_rate: LearningRate,
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<Option<LargestNoise>, Error> {
    let z = 1.0 / learning_rate.value();
    if z <= 0.5 * factors.sharpness() / (1.0 + parameters.momentum.value()) {
        return Ok(None);
    }
    let begin = Begin::InFewDirections;
    let found = climb(factors, (Unknown::Noise, z), begin, parameters, progress)?;
    let (proved, estimate) = (found.proved.min(found.value), found.value);
    Ok(Some(LargestNoise { proved, estimate, stop: found.stop }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mean_square::critical;
    use crate::problems::RandomProblem;
    use crate::{Batching, Momentum, Sampling};

    /// p* at η = η*(p) is p, with and without momentum, and the proved end is just below.
    #[test]
    fn it_inverts_the_critical_learning_rate() {
        let sampling = Sampling::IndependentBatches;
        let quiet = &mut |_: &_| ControlFlow::Continue(());
        for seed in 0..100 {
            let factors = RandomProblem::new(seed).factors();
            let n = factors.examples();
            for size in 1..n {
                let batching = Batching::new(n, size, sampling).unwrap();
                let momentum = Momentum::new([0.0, 0.9, 0.5][seed as usize % 3]).unwrap();
                let parameters = CriticalParameters {
                    eigen_tolerance: 1e-9,
                    width: 1e-8,
                    proof_steps: 400,
                    momentum,
                    ..CriticalParameters::default()
                };
                let exact = critical(&factors, &batching, &parameters, quiet).unwrap();
                let descent_threshold = 2.0 * (1.0 + momentum.value()) / factors.sharpness();
                let rate = LearningRate::new(exact.estimate).unwrap();
                let found = largest_noise(&factors, rate, &parameters, quiet).unwrap();
                let case = format!("seed {seed}, B {size}");
                // Where noise does not matter, any of it is allowed.
                if exact.estimate > descent_threshold * (1.0 - 1e-9) {
                    continue;
                }
                let found = found.unwrap();
                // d log p*/d log η is large where noise hardly matters: compare on the side of η.
                let slack = 1e-7 * descent_threshold / (descent_threshold - exact.estimate);
                let ratio = found.estimate / batching.noise();
                assert!((ratio - 1.0).abs() < slack.max(1e-7), "{case}: p* over p {ratio:.12}");
                assert!(found.proved <= found.estimate, "{case}");
                // Power steps close the last of it slowly where two eigenvalues almost meet.
                assert!(found.proved > (1.0 - 1e-3) * found.estimate, "{case}: {found:?}");
            }
        }
    }
}
