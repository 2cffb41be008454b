//! The same launch in the linearised dynamics: what the network would do if it were its tangent.
//!
//! With u_i = L_i^{-1/2}∂ℓ_i/∂z_i the residual of example i at the minimum and A_i = L_i^{1/2}J_i, the
//! linearised network's residuals are u_i + A_i(θ − θ*), and a step is u ← u − (η/B) AA_Bᵀu_B: the
//! function-space picture, driven by the residuals as the network is. Where u = Ax₀ that is the
//! homogeneous walk of the theory started at x₀ = H⁻¹∇f, so that the launch of a minimum with some
//! loss left is a start at some distance. In leading directions x₀ is the projection, which is all
//! of the walk in them; the part of the loss outside stays as it is.

use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_minimum::Minimum;
use minimascope_net::train::{Batches, averaged};
use minimascope_record::escape::{Linearised, LinearisedLaunches};
use minimascope_record::training::Sampling;
use minimascope_stability::criteria::almost_sure::step_work;
use minimascope_stability::simulation::Walk;
use minimascope_stability::{Batching, ExampleFactors, LearningRate, MeanEstimate, Momentum};
use rayon::prelude::*;

use super::growth;
use super::leaving::LeavingRule;
use super::prediction::typical_growth;
use super::schedule::{EvaluationSchedule, Observation};
use crate::Error;
use crate::progress::{Event, MeasureProgress, Progress, Quantity};

/// Curvatures below this share of the largest do not move within a launch, and their part of
/// H⁻¹∇f is rounding.
const STILL: f64 = 1e-6;
/// So many times the steps of the network's launch are allowed.
const LONGER: u64 = 4;
/// Trajectories of each sampling scheme where they are cheap: enough to tell a rate of one in ten from none.
const MOST_LAUNCHES: u64 = 32;
/// Multiply–adds of all of a scheme's trajectories, some minutes of two threads: where so many do not
/// suffice for all, there are fewer, but as many as the network has launches.
const WORK: f64 = 2e11;
/// Multiply–adds between two checks of the interrupt flag, some tenths of a second.
const STRETCH: f64 = 1e8;

/// The linearised network at its minimum, in all directions that are known of it.
pub(super) struct LinearisedNetwork<'a> {
    factors: &'a ExampleFactors,
    start: Vec<f64>,
    /// The loss of the minimum outside the directions.
    rest: f64,
    rule: LeavingRule,
}

/// What is launched.
#[derive(Clone, Copy)]
pub(super) struct LinearisedQuestion {
    pub(super) learning_rate: LearningRate,
    /// With the sampling scheme of the network's launches.
    pub(super) batching: Batching,
    pub(super) launches: u64,
    /// Steps of the network's launches.
    pub(super) max_steps: u64,
    /// How much of them is evaluated.
    pub(super) observation: Observation,
    /// e^{2γ} by that scheme, where known.
    pub(super) typical: Option<MeanEstimate>,
}

/// A∇f at a minimum: nK numbers.
pub(super) fn output_gradient(minimum: &mut Minimum<'_>) -> Result<Vec<f64>, Error> {
    let point = minimum.point();
    let shape = point.shape();
    let (mut gradient, mut product) = (vec![0.0; shape.parameters], vec![0.0; shape.rows()]);
    let failed = minimascope_minimum::Error::from;
    point.gradient(&mut gradient).map_err(failed)?;
    point.factor_product(&gradient, &mut product).map_err(failed)?;
    Ok(product)
}

impl<'a> LinearisedNetwork<'a> {
    /// With its square-root factors and A∇f.
    pub(super) fn new(factors: &'a ExampleFactors, gradient: &[f64], rule: LeavingRule) -> Self {
        let start = newton_step(factors, gradient);
        let held = 0.5 * quadratic(&start, factors.curvatures());
        let rest = (rule.loss() - held).max(0.0);
        Self { factors, start, rest, rule }
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

impl LinearisedNetwork<'_> {
    /// Trajectories by the scheme used, the first ones with the batches of the launches, and by another;
    /// `None` when interrupted.
    pub(super) fn launch(
        &self,
        question: &LinearisedQuestion,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Option<Linearised>, Error> {
        // Without noise there is one path, whatever the scheme.
        let noiseless = question.batching.noise() == 0.0;
        let used = question.batching.sampling();
        let schemes = if noiseless { vec![used] } else { vec![used, other(used)] };
        let mut seen = Vec::new();
        for sampling in schemes {
            let batching = question.batching.with_sampling(sampling);
            let typical = if sampling == used {
                question.typical
            } else {
                typical_growth(self.factors, &batching, question.learning_rate)?
            };
            let launches = if noiseless { 1 } else { self.affordable(question) };
            let question = LinearisedQuestion { launches, batching, typical, ..*question };
            let Some(launches) = self.by_scheme(&question, progress, interrupt)? else {
                return Ok(None);
            };
            seen.push(launches);
        }
        progress.event(Event::StageEnded);
        let loss = self.rule.loss();
        Ok(Some(Linearised {
            directions: self.factors.rank(),
            share_of_loss: (loss - self.rest) / loss,
            max_steps: LONGER * question.max_steps,
            by_sampling: seen,
        }))
    }

    /// As many trajectories as there were launches, and more where they are cheap.
    fn affordable(&self, question: &LinearisedQuestion) -> u64 {
        let affordable =
            WORK / (self.work(&question.batching) * (LONGER * question.max_steps) as f64);
        MOST_LAUNCHES.min(affordable as u64).max(question.launches)
    }

    /// Multiply–adds of a step.
    fn work(&self, batching: &Batching) -> f64 {
        step_work(batching, (self.factors.outputs(), self.factors.rank()))
    }

    fn by_scheme(
        &self,
        question: &LinearisedQuestion,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Option<LinearisedLaunches>, Error> {
        let mut departures = Vec::new();
        let mut fits = Vec::new();
        let together = rayon::current_num_threads() as u64;
        for first in (0..question.launches).step_by(together as usize) {
            let seeds = first..(first + together).min(question.launches);
            let paths = seeds.into_par_iter().map(|seed| self.follow(question, seed, interrupt));
            for path in paths.collect::<Result<Vec<_>, Error>>()? {
                let Some(path) = path else { return Ok(None) };
                let fit = |at| growth::fit(&path.losses, self.rule, at);
                fits.extend(path.left_at.and_then(fit));
                departures.push(path.left_at);
            }
            progress.event(Event::Measuring(MeasureProgress {
                quantity: Quantity::LinearisedLaunch,
                products: departures.len(),
                value: None,
                relative_residual: None,
            }));
        }
        Ok(Some(LinearisedLaunches {
            sampling: question.batching.sampling(),
            growth: growth::pooled(&fits),
            typical: question.typical.map(|at| at.value),
            typical_standard_error: question.typical.map(|at| at.standard_error),
            departures,
        }))
    }

    /// Until it has left and gone half of the way to a constant output, or fallen back, or its
    /// steps are used up; `None` when interrupted. It has left when the network's evaluation schedule
    /// would have shown it.
    fn follow(
        &self,
        question: &LinearisedQuestion,
        seed: u64,
        interrupt: &AtomicBool,
    ) -> Result<Option<LinearisedPath>, Error> {
        let batching = question.batching;
        let (n, size) = (batching.examples(), batching.batch_size());
        let rates = (question.learning_rate, Momentum::NONE);
        let mut walk = Walk::new(self.factors, batching, rates, self.start.clone(), seed);
        let (mut batches, mut batch) =
            (Batches::new(batching.sampling(), n, size, seed), Vec::new());
        let mut schedule = EvaluationSchedule::new(self.rule, question.observation);
        let mut losses = vec![(0, self.rule.loss())];
        let mut average = None;
        let stretch = (STRETCH / self.work(&batching)).clamp(1.0, 256.0) as u64;
        for step in 1..=LONGER * question.max_steps {
            batches.draw(step - 1, &mut batch);
            let average = *average.insert(averaged(average, walk.step_on(&batch) + self.rest));
            let loss = walk.loss() + self.rest;
            losses.push((step, loss));
            if schedule.is_wanted(step, average) || step == question.max_steps || !loss.is_finite()
            {
                schedule.record(step, loss);
            }
            let returned = !self.rule.has_left(loss);
            let gone = returned || loss >= self.rule.halfway() || !loss.is_finite();
            if schedule.left_at().is_some() && gone {
                break;
            }
            if step % stretch == 0 && interrupt.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        Ok(Some(LinearisedPath { losses, left_at: schedule.left_at() }))
    }
}

struct LinearisedPath {
    losses: Vec<(u64, f64)>,
    left_at: Option<u64>,
}

/// The sampling scheme to compare with: independent batches with epochs, and reshuffled epochs with independent batches.
fn other(used: Sampling) -> Sampling {
    if used.in_epochs() { Sampling::IndependentBatches } else { Sampling::ReshuffledEpochs }
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
