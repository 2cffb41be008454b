//! Many trajectories: the growth of the mean square, and the Lyapunov exponent.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Walk;
use crate::dense::{axpy, eigen};
use crate::{Batching, Error, ExampleFactors, LearningRate, MeanEstimate, Momentum};

/// 97.5 % quantile of the normal law: the two-sided 95 % interval.
const QUANTILE: f64 = 1.959_963_984_540_054;

/// SGD as simulated.
#[derive(Clone, Copy, Debug)]
pub struct Dynamics {
    /// n, B and the sampling scheme, reshuffled epochs included.
    pub batching: Batching,
    /// η.
    pub learning_rate: LearningRate,
    /// β.
    pub momentum: Momentum,
}

/// How much to simulate. Mean squares are heavy-tailed: the variance of |x_t|² grows faster than
/// the square of its mean, so that many short trajectories say more than a few long ones.
#[derive(Clone, Copy, Debug)]
pub struct Ensemble {
    /// Number of independent trajectories.
    pub trajectories: usize,
    /// Steps of each.
    pub steps: usize,
    /// Seed; a trajectory's own seed is drawn from it and its index.
    pub seed: u64,
}

impl Ensemble {
    fn check(&self) -> Result<(), Error> {
        if self.trajectories < 2 {
            return Err(Error::Zero("the number of trajectories beyond the first"));
        }
        if self.steps == 0 { Err(Error::Zero("the number of steps")) } else { Ok(()) }
    }

    fn random(&self, trajectory: usize) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(trajectory as u64);
        random
    }
}

/// The mean square after each number of steps.
#[derive(Clone, Debug)]
pub struct MeanSquare {
    /// E|x_t|²/E|x_0|² at t = 1, 2, …, with the standard error of the mean over trajectories.
    pub ratios: Vec<MeanEstimate>,
    /// How many trajectories.
    pub trajectories: usize,
}

impl MeanSquare {
    /// The growth factor of one step from t steps, (E|x_t|²/E|x_0|²)^{1/t}, with a 95 % interval;
    /// none beyond the steps simulated.
    pub fn growth(&self, steps: usize) -> Option<Interval> {
        let ratio = self.ratios.get(steps.checked_sub(1)?)?;
        let root = |x: f64| x.max(0.0).powf(1.0 / steps as f64);
        Some(Interval {
            low: root(ratio.value - QUANTILE * ratio.standard_error),
            value: root(ratio.value),
            high: root(ratio.value + QUANTILE * ratio.standard_error),
        })
    }
}

/// A value with a 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// The estimate.
    pub value: f64,
    /// Upper end.
    pub high: f64,
}

/// Simulates the mean square from x_0 with E\[x_0x_0ᵀ\] = `start` (r × r, positive semi-definite), or
/// uniform on the unit sphere without one. From the Perron matrix of [`crate::mean_square::growth`]
/// the expectation is ρᵗ exactly when batches are independent.
///
/// # Errors
/// [`Error::Zero`], [`Error::Shape`]; of the dense eigensolver.
pub fn mean_square(
    factors: &ExampleFactors,
    dynamics: &Dynamics,
    ensemble: &Ensemble,
    start: Option<&[f64]>,
) -> Result<MeanSquare, Error> {
    ensemble.check()?;
    let rank = factors.rank();
    let modes = start.map(|matrix| Modes::new(matrix, rank)).transpose()?;
    let paths: Vec<(f64, Vec<f64>)> = (0..ensemble.trajectories)
        .into_par_iter()
        .map(|trajectory| {
            let mut random = ensemble.random(trajectory);
            let position = match &modes {
                Some(modes) => modes.draw(&mut random),
                None => on_sphere(rank, &mut random),
            };
            let rates = (dynamics.learning_rate, dynamics.momentum);
            let seed = random.random();
            let mut walk = Walk::new(factors, dynamics.batching, rates, position, seed);
            let first = walk.squared_norm();
            let path = (0..ensemble.steps).map(|_| {
                walk.step();
                walk.squared_norm()
            });
            (first, path.collect())
        })
        .collect();
    // Every start has the same norm: √tr S on the modes, 1 on the sphere.
    let count = paths.len();
    let first = paths.iter().map(|(first, _)| first).sum::<f64>() / count as f64;
    let at = |step: usize| paths.iter().map(|(_, p)| p[step] / first).collect::<Vec<_>>();
    let ratios = (0..ensemble.steps).map(|step| MeanEstimate::of_mean(&at(step))).collect();
    Ok(MeanSquare { ratios, trajectories: count })
}

/// The Lyapunov exponent of finitely many steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponent {
    /// Growth of log‖H^{1/2}x‖ per step, the mean over trajectories.
    pub value: f64,
    /// Its standard error over trajectories.
    pub standard_error: f64,
    /// The same of the first and of the second half of the steps.
    pub halves: [MeanEstimate; 2],
}

impl Exponent {
    /// Whether the halves agree within three standard errors of their difference: if not, the
    /// first directions' transient is still in the value.
    pub fn is_settled(&self) -> bool {
        let [first, second] = self.halves;
        let error = first.standard_error.hypot(second.standard_error);
        // Without noise both errors are zero, and a sum of logarithms is known to rounding.
        (first.value - second.value).abs() <= 3.0 * error + 1e-9
    }
}

/// The Lyapunov exponent lim (1/t) log‖H^{1/2}x_t‖ per step: mean over trajectories of the mean
/// growth over `steps` steps after `warm_up` steps, with the standard error over trajectories.
/// Negative means that almost every trajectory returns. Starts are uniform on the sphere.
///
/// On range(H) the limit is the same in every norm. After finitely many steps it is not: |x| is
/// carried by the flat directions, which hardly move, for as long as the few sharp ones that grow
/// need to overtake them; in the norm of the loss, √(xᵀHx), they weigh as little as they matter.
///
/// # Errors
/// [`Error::Zero`].
pub fn lyapunov_exponent(
    factors: &ExampleFactors,
    dynamics: &Dynamics,
    ensemble: &Ensemble,
    warm_up: usize,
) -> Result<Exponent, Error> {
    exponent(factors, dynamics, ensemble, warm_up, None)
}

/// As [`lyapunov_exponent`], from starts of which `direction` (r numbers, as those of the top
/// eigenvector of the Perron matrix) has all of the loss but about a hundredth.
///
/// # Errors
/// [`Error::Zero`], [`Error::Shape`].
pub fn lyapunov_exponent_along(
    factors: &ExampleFactors,
    dynamics: &Dynamics,
    ensemble: &Ensemble,
    warm_up: usize,
    direction: &[f64],
) -> Result<Exponent, Error> {
    let (expected, found) = (factors.rank(), direction.len());
    if expected != found {
        return Err(Error::Shape { what: "the direction of the start", expected, found });
    }
    exponent(factors, dynamics, ensemble, warm_up, Some(direction))
}

/// Where the H_i commute, what grows in the mean square and what grows almost surely can be
/// different directions, and none ever reaches the other: every start has a little of all.
const RANDOM_SHARE: f64 = 1e-2;

fn exponent(
    factors: &ExampleFactors,
    dynamics: &Dynamics,
    ensemble: &Ensemble,
    warm_up: usize,
    direction: Option<&[f64]>,
) -> Result<Exponent, Error> {
    ensemble.check()?;
    let steps = ensemble.steps;
    let first = steps / 2;
    let norm =
        |x: &[f64]| x.iter().zip(factors.curvatures()).map(|(x, h)| h * x * x).sum::<f64>().sqrt();
    let growths: Vec<[f64; 2]> = (0..ensemble.trajectories)
        .into_par_iter()
        .map(|trajectory| {
            let mut random = ensemble.random(trajectory);
            let mut position = on_sphere(factors.rank(), &mut random);
            if let Some(direction) = direction.filter(|direction| norm(direction) > 0.0) {
                let scale = (norm(&position) / norm(direction)) / RANDOM_SHARE.sqrt();
                axpy(scale, direction, &mut position);
            }
            let rates = (dynamics.learning_rate, dynamics.momentum);
            let seed = random.random();
            let mut walk = Walk::new(factors, dynamics.batching, rates, position, seed);
            for _ in 0..warm_up {
                walk.step();
                walk.renormalise();
            }
            walk.renormalise();
            let mut sums = [0.0; 2];
            for step in 0..steps {
                walk.step();
                sums[usize::from(step >= first)] += walk.renormalise();
            }
            sums
        })
        .collect();
    let mean = |of: &dyn Fn(&[f64; 2]) -> f64, steps: usize| {
        let samples: Vec<f64> = growths.iter().map(|sums| of(sums) / steps as f64).collect();
        MeanEstimate::of_mean(&samples)
    };
    let MeanEstimate { value, standard_error } = mean(&|[one, two]| one + two, steps);
    // A single step has no halves.
    let halves = [mean(&|[one, _]| *one, first.max(1)), mean(&|[_, two]| *two, steps - first)];
    Ok(Exponent { value, standard_error, halves })
}

/// S = Σ w_m e_me_mᵀ as directions to draw from: √tr S · e_m with probability w_m/tr S has second
/// moment S and always the same norm, which keeps the variance of |x_t|² small.
struct Modes {
    cumulative: Vec<f64>,
    vectors: Vec<f64>,
    rank: usize,
}

impl Modes {
    fn new(matrix: &[f64], rank: usize) -> Result<Self, Error> {
        if matrix.len() != rank * rank {
            let (expected, found) = (rank * rank, matrix.len());
            return Err(Error::Shape { what: "the start's second moment", expected, found });
        }
        let solved = eigen(matrix, rank)?;
        let mut sum = 0.0;
        let weights = solved.values.iter().map(|w| {
            sum += w.max(0.0);
            sum
        });
        Ok(Self { cumulative: weights.collect(), vectors: solved.vectors, rank })
    }

    fn draw(&self, random: &mut impl Rng) -> Vec<f64> {
        let trace = self.cumulative[self.rank - 1];
        let target = random.random::<f64>() * trace;
        let mode = self.cumulative.partition_point(|sum| *sum < target).min(self.rank - 1);
        let mut position = vec![0.0; self.rank];
        axpy(trace.sqrt(), &self.vectors[mode * self.rank..][..self.rank], &mut position);
        position
    }
}

/// Uniform on the unit sphere: normalised normal numbers by Box–Muller.
pub(crate) fn on_sphere(rank: usize, random: &mut impl Rng) -> Vec<f64> {
    let mut position: Vec<f64> = (0..rank)
        .map(|_| {
            let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
            (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        })
        .collect();
    let norm = position.iter().map(|x| x * x).sum::<f64>().sqrt();
    position.iter_mut().for_each(|x| *x /= norm);
    position
}
