//! The same launch in the linearised dynamics: what the network would do if it were its tangent.
//!
//! With u_i = L_i^{-1/2}∂ℓ_i/∂z_i the residual of example i at the minimum and A_i = L_i^{1/2}J_i, the
//! linearised network's residuals are u_i + A_i(θ − θ*), and a step is u ← u − (η/B) AA_Bᵀu_B: the
//! function-space picture, driven by the residuals as the network is. Where u = Ax₀ that is the
//! homogeneous walk of the theory started at x₀ = H⁻¹∇f, so that the launch of a minimum with some
//! loss left is a start at some distance. In leading directions x₀ is the projection, which is all
//! of the walk in them; the part of the loss outside stays as it is.

use minimascope_net::Scalar;
use minimascope_record::escape::{Linearised, LinearisedLaunches};
use minimascope_record::training::Sampling;
use minimascope_stability::simulation::Walk;
use minimascope_stability::{Batching, Estimate, ExampleFactors, LearningRate, Momentum};

use super::criterion::Criterion;
use super::growth;
use super::prediction::typical_growth;
use crate::Error;
use crate::problem::Problem;
use crate::progress::{Event, MeasureProgress, Quantity};
use crate::stability::{Minimum, Watch, law};

/// Curvatures below this share of the largest do not move within a launch, and their part of
/// H⁻¹∇f is rounding.
const STILL: f64 = 1e-6;
/// So many times the steps of the network's launch are allowed.
const LONGER: u64 = 4;
/// Steps between two looks at the interrupt.
const STRETCH: u64 = 256;

/// The linearised network at its minimum, in all directions that are known of it.
pub(super) struct Relaunch<'a> {
    factors: &'a ExampleFactors,
    start: Vec<f64>,
    /// The loss of the minimum outside the directions.
    rest: f64,
    criterion: Criterion,
}

/// What is launched.
#[derive(Clone, Copy)]
pub(super) struct Again {
    pub(super) learning_rate: LearningRate,
    pub(super) batching: Batching,
    /// The law of the network's launches.
    pub(super) used: Sampling,
    pub(super) launches: u64,
    /// Steps of the network's launches.
    pub(super) max_steps: u64,
    /// e^{2γ} by that law, where known.
    pub(super) typical: Option<Estimate>,
}

impl Minimum<'_> {
    /// The linearised network at the minimum's parameters.
    pub(super) fn relaunch<T: Scalar>(
        &self,
        problem: &Problem<'_, T>,
        parameters: &[T],
        criterion: Criterion,
    ) -> Result<Relaunch<'_>, Error> {
        let mut evaluator = problem.evaluator()?;
        evaluator.set_point(parameters)?;
        let gradient = evaluator.gradient().to_vec();
        let mut product = vec![0.0; evaluator.factor_rows()];
        evaluator.factor_product(&gradient, &mut product)?;
        let factors = &self.factors;
        let start = newton_step(factors, &product);
        let held = 0.5 * quadratic(&start, factors.curvatures());
        let rest = (criterion.loss() - held).max(0.0);
        Ok(Relaunch { factors, start, rest, criterion })
    }
}

/// x₀ = H⁻¹∇f from A∇f: with V the directions, AᵀA = n·diag(h) on them, so Vᵀ∇f = (A_Vᵀ·A∇f)/(nh).
fn newton_step(factors: &ExampleFactors, product: &[f64]) -> Vec<f64> {
    let mut start = vec![0.0; factors.rank()];
    factors.apply_rows_transposed(product, &mut start);
    let (n, still) = (factors.examples() as f64, STILL * factors.sharpness());
    for (x, h) in start.iter_mut().zip(factors.curvatures()) {
        *x = if *h > still { *x / (n * h * h) } else { 0.0 };
    }
    start
}

/// xᵀHx.
fn quadratic(x: &[f64], curvatures: &[f64]) -> f64 {
    x.iter().zip(curvatures).map(|(x, h)| h * x * x).sum()
}

impl Relaunch<'_> {
    /// As many trajectories as there were launches, by the law used and by another; `None` when
    /// interrupted.
    pub(super) fn launch(
        &self,
        again: &Again,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Linearised>, Error> {
        // Without noise there is one path, whatever the law.
        let noiseless = again.batching.noise() == 0.0;
        let laws = if noiseless { vec![again.used] } else { vec![again.used, other(again.used)] };
        let mut seen = Vec::new();
        for sampling in laws {
            let launches = if noiseless { 1 } else { again.launches };
            let typical = if sampling == again.used {
                again.typical
            } else {
                let rate = again.learning_rate;
                typical_growth(self.factors, &again.batching, rate, sampling)?
            };
            let again = Again { launches, used: sampling, typical, ..*again };
            let Some(launches) = self.by_law(&again, watch)? else { return Ok(None) };
            seen.push(launches);
        }
        watch.progress.event(Event::StageEnded);
        let loss = self.criterion.loss();
        Ok(Some(Linearised {
            directions: self.factors.rank(),
            share_of_loss: (loss - self.rest) / loss,
            max_steps: LONGER * again.max_steps,
            laws: seen,
        }))
    }

    fn by_law(
        &self,
        again: &Again,
        watch: &mut Watch<'_>,
    ) -> Result<Option<LinearisedLaunches>, Error> {
        let (n, size) = (again.batching.examples(), again.batching.batch_size());
        let batching = Batching::new(n, size, law(again.used))?;
        let mut seen = LinearisedLaunches {
            sampling: again.used,
            launches: again.launches,
            left: 0,
            left_later: 0,
            left_at: None,
            growth: None,
            typical: again.typical.map(|at| at.value),
            typical_standard_error: again.typical.map(|at| at.standard_error),
        };
        let mut fits = Vec::new();
        for seed in 0..again.launches {
            let rates = (again.learning_rate, Momentum::NONE);
            let walk = Walk::new(self.factors, batching, rates, self.start.clone(), seed);
            let Some(path) = self.follow(walk, LONGER * again.max_steps, watch) else {
                return Ok(None);
            };
            if let Some(left_at) = path.left_at {
                *if left_at <= again.max_steps { &mut seen.left } else { &mut seen.left_later } +=
                    1;
                seen.left_at = seen.left_at.into_iter().chain([left_at]).min();
                fits.extend(growth::fit(&path.losses, self.criterion, left_at));
            }
        }
        seen.growth = growth::pooled(&fits);
        Ok(Some(seen))
    }

    /// Until it has left and gone half of the way to a constant output, or fallen back, or its
    /// steps are used up.
    fn follow(&self, mut walk: Walk<'_>, steps: u64, watch: &mut Watch<'_>) -> Option<Path> {
        let mut path = Path { losses: vec![(0, self.criterion.loss())], left_at: None };
        for step in 1..=steps {
            walk.step();
            let loss = walk.loss() + self.rest;
            path.losses.push((step, loss));
            if self.criterion.has_left(loss) {
                path.left_at.get_or_insert(step);
            } else if path.left_at.is_some() {
                break;
            }
            if path.left_at.is_some() && (loss >= self.criterion.halfway() || loss.is_nan()) {
                break;
            }
            if step % STRETCH == 0 {
                watch.progress.event(Event::Measuring(MeasureProgress {
                    quantity: Quantity::LinearisedLaunch,
                    products: step as usize,
                    value: f64::NAN,
                    relative_residual: f64::NAN,
                }));
                if watch.is_interrupted() {
                    return None;
                }
            }
        }
        Some(path)
    }
}

struct Path {
    losses: Vec<(u64, f64)>,
    left_at: Option<u64>,
}

/// The law to compare with: independent batches with reshuffled epochs, and the other way round.
fn other(used: Sampling) -> Sampling {
    match used {
        Sampling::ReshuffledEpochs => Sampling::IndependentBatches,
        Sampling::IndependentBatches | Sampling::WithReplacement => Sampling::ReshuffledEpochs,
    }
}

#[cfg(test)]
mod tests {
    use minimascope_stability::ExampleFactors;

    use super::*;

    /// Three examples of two outputs in two coordinates, H = diag(h): from ∇f = Hx₀ the start is x₀,
    /// and a direction 1e-7 times as curved as the first stays where it is.
    #[test]
    fn the_newton_step_is_found_from_outputs_alone() {
        let rows = [2.0, 0.0, 0.0, 1.0, 1.0, 0.5, -1.0, 0.5, 0.3, 0.3, 0.0, -0.7];
        let factors = ExampleFactors::from_rows(3, 2, 2, &rows).unwrap();
        let expected = [0.3, -1.7];
        let gradient: Vec<f64> =
            expected.iter().zip(factors.curvatures()).map(|(x, h)| x * h).collect();
        let mut product = vec![0.0; 6];
        factors.apply_rows(&gradient, &mut product);
        for (found, expected) in newton_step(&factors, &product).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} against {expected}");
        }
        let flat = ExampleFactors::from_rows(2, 1, 2, &[1.0, 0.0, 0.0, 3e-4]).unwrap();
        assert_eq!(newton_step(&flat, &[1.0, 1.0])[1], 0.0);
    }
}
