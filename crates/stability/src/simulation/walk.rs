//! One trajectory of SGD on the linearised dynamics.

use super::BatchSampler;
use crate::dense::{axpy, dot};
use crate::{Batching, ExampleFactors, LearningRate, Momentum};

/// x ← x − (η/B) Σ_{i∈B} A_iᵀ(A_ix), with heavy-ball momentum when β > 0, in the coordinates of the
/// factors. A step costs 4·B·K·r operations and never touches the P parameters; in the picture of
/// the nK outputs z = Ax it is z ← z − (η/B) G\[:, batch\] z_batch, the same numbers.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    factors: &'a ExampleFactors,
    sampler: BatchSampler,
    learning_rate: f64,
    momentum: f64,
    position: Vec<f64>,
    velocity: Vec<f64>,
    force: Vec<f64>,
}

impl<'a> Walk<'a> {
    /// Starts at `position` (r numbers) at rest; `seed` decides the batches.
    pub fn new(
        factors: &'a ExampleFactors,
        batching: Batching,
        (learning_rate, momentum): (LearningRate, Momentum),
        position: Vec<f64>,
        seed: u64,
    ) -> Self {
        Self {
            factors,
            sampler: BatchSampler::new(batching, seed),
            learning_rate: learning_rate.value(),
            momentum: momentum.value(),
            velocity: vec![0.0; position.len()],
            force: vec![0.0; position.len()],
            position,
        }
    }

    /// One step.
    pub fn step(&mut self) {
        let batch = self.sampler.next_batch();
        self.force.fill(0.0);
        for &example in batch {
            for output in 0..self.factors.outputs() {
                let row = self.factors.row(example, output);
                axpy(dot(row, &self.position), row, &mut self.force);
            }
        }
        let rate = self.learning_rate / batch.len() as f64;
        let state = self.position.iter_mut().zip(&mut self.velocity).zip(&self.force);
        for ((x, v), f) in state {
            *v = self.momentum * *v - rate * f;
            *x += *v;
        }
    }

    /// x.
    pub fn position(&self) -> &[f64] {
        &self.position
    }

    /// |x|² + |v|² with momentum, |x|² without.
    pub fn squared_norm(&self) -> f64 {
        let velocity = if self.momentum > 0.0 { dot(&self.velocity, &self.velocity) } else { 0.0 };
        dot(&self.position, &self.position) + velocity
    }

    /// (1/2) xᵀHx, the loss of the linearised problem.
    pub fn loss(&self) -> f64 {
        let terms = self.position.iter().zip(self.factors.curvatures()).map(|(x, h)| h * x * x);
        0.5 * terms.sum::<f64>()
    }

    /// Divides the state by its norm and returns the logarithm of that norm; −∞ at x = 0, where
    /// the state stays.
    pub fn renormalise(&mut self) -> f64 {
        let norm = self.squared_norm().sqrt();
        if norm > 0.0 {
            for value in self.position.iter_mut().chain(&mut self.velocity) {
                *value /= norm;
            }
        }
        norm.ln()
    }
}
