//! Problems for the tests: random and planted.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ExampleFactors;

/// Standard normal numbers by Box–Muller.
pub(crate) fn normal(random: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// count × parameters normal numbers.
pub(crate) fn random_rows(count: usize, parameters: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count * parameters).map(|_| normal(&mut random)).collect()
}

/// n positive semi-definite Hessians on P parameters, each of a random rank from 0 to P and a
/// random scale over two decades, as n·P·P numbers.
pub(crate) struct RandomProblem {
    pub(crate) examples: usize,
    pub(crate) parameters: usize,
    pub(crate) hessians: Vec<f64>,
}

impl RandomProblem {
    /// 2 ≤ n ≤ 8, 1 ≤ P ≤ 5.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (examples, p) = (random.random_range(2..=8), random.random_range(1..=5));
        let mut hessians = vec![0.0; examples * p * p];
        for (i, hessian) in hessians.chunks_exact_mut(p * p).enumerate() {
            // At least one example has curvature.
            let rank = if i == 0 { 1 } else { random.random_range(0..=p) };
            let scale = 10f64.powf(random.random_range(-1.0..1.0));
            for _ in 0..rank {
                let row: Vec<f64> = (0..p).map(|_| normal(&mut random)).collect();
                for a in 0..p {
                    for b in 0..p {
                        hessian[a * p + b] += scale * row[a] * row[b];
                    }
                }
            }
        }
        Self { examples, parameters: p, hessians }
    }

    pub(crate) fn factors(&self) -> ExampleFactors {
        ExampleFactors::from_hessians(self.examples, self.parameters, &self.hessians).unwrap()
    }
}
