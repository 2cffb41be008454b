//! Exact paths of gradient descent and SGD.

use super::{ToyPosition, ToyProblem};
use crate::simulation::BatchSampler;
use crate::{Batching, Error, LearningRate, Sampling};

/// Positions x_0, x_1, … of an optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct ToyPath {
    /// x_t, the start first.
    pub positions: Vec<f64>,
}

/// Where a path ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToyRest {
    /// Within the given distance of a minimum.
    At(ToyPosition),
    /// Elsewhere, and finite.
    Between,
    /// Not finite.
    Diverged,
}

impl ToyPath {
    /// Where it ended, to within `distance` of a minimum.
    pub fn rest(&self, distance: f64) -> ToyRest {
        let end = self.positions.last().copied().unwrap_or(f64::NAN);
        if !end.is_finite() {
            return ToyRest::Diverged;
        }
        let near = |m: &ToyPosition| (end - m.position()).abs() <= distance;
        [ToyPosition::Zero, ToyPosition::One]
            .into_iter()
            .find(near)
            .map_or(ToyRest::Between, ToyRest::At)
    }

    /// The first step that is further than `distance` from where the minimum lies.
    pub fn departure(&self, minimum: ToyPosition, distance: f64) -> Option<usize> {
        let away = |x: &f64| x.is_nan() || (x - minimum.position()).abs() > distance;
        self.positions.iter().position(away)
    }
}

impl ToyProblem {
    /// x ← x − η f'(x).
    pub fn gradient_descent(
        &self,
        learning_rate: LearningRate,
        start: f64,
        steps: usize,
    ) -> ToyPath {
        self.walk(learning_rate, start, steps, || [0.5, 0.5])
    }

    /// x ← x − η f_i'(x) with one of the two functions at each step (B = 1).
    ///
    /// # Errors
    /// None for two examples.
    pub fn sgd(
        &self,
        learning_rate: LearningRate,
        start: f64,
        steps: usize,
        (sampling, seed): (Sampling, u64),
    ) -> Result<ToyPath, Error> {
        let mut sampler = BatchSampler::new(Batching::new(2, 1, sampling)?, seed);
        Ok(self.walk(learning_rate, start, steps, || {
            if sampler.next_batch()[0] == 0 { [1.0, 0.0] } else { [0.0, 1.0] }
        }))
    }

    fn walk(
        &self,
        learning_rate: LearningRate,
        start: f64,
        steps: usize,
        mut weights: impl FnMut() -> [f64; 2],
    ) -> ToyPath {
        let mut x = start;
        let mut positions = Vec::with_capacity(steps + 1);
        positions.push(x);
        for _ in 0..steps {
            let ([first, second], [w, v]) = (self.gradients(x), weights());
            x -= learning_rate.value() * (w * first + v * second);
            positions.push(x);
        }
        ToyPath { positions }
    }
}
