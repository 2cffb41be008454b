//! One trajectory of SGD on the linearised dynamics.

use super::batches::{BatchSampler, Draw};
use crate::dense::{axpy, dot};
use crate::{Batching, ExampleFactors, LearningRate, Momentum};

/// x ← x − (η/B) Σ_{i∈B} A_iᵀ(A_ix), with heavy-ball momentum when β > 0, in the directions of the
/// factors. A step never touches the P parameters; in the picture of the nK outputs z = Ax it is
/// z ← z − (η/B) G\[:, batch\] z_batch, the same numbers. Where fewer examples are left out of the
/// batch than are in it, Σ_{i∈B} = nH − Σ_{i∉B} with H diagonal, so that a step costs
/// 2·min(B, n−B)·K·r multiply–adds (2·B·K·r with replacement).
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    factors: &'a ExampleFactors,
    sampler: BatchSampler,
    learning_rate: f64,
    momentum: f64,
    position: Vec<f64>,
    velocity: Vec<f64>,
    force: Vec<f64>,
    /// For batches from outside: who is in the batch, and who is not.
    inside: Vec<bool>,
    outside: Vec<usize>,
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
            inside: vec![false; batching.examples()],
            outside: Vec::new(),
        }
    }

    /// One step.
    pub fn step(&mut self) {
        let draw = self.sampler.next_draw();
        let size = draw.batch.len();
        forces(self.factors, &draw, &self.position, &mut self.force);
        self.advance(size);
    }

    /// One step on the examples of a batch, of any number and possibly repeated; the mean of their
    /// losses (1/2)|A_ix|² before it.
    pub fn step_on(&mut self, batch: &[usize]) -> f64 {
        let n = self.factors.examples();
        self.outside.clear();
        if 2 * batch.len() > n {
            self.inside.fill(false);
            batch.iter().for_each(|example| self.inside[*example] = true);
            let inside = &self.inside;
            self.outside.extend((0..n).filter(|example| !inside[*example]));
        }
        // Unless an example is there twice, or nobody has looked who is not.
        let is_rest = self.outside.len() + batch.len() == n;
        let left_out = is_rest.then_some([&self.outside[..], &[]]);
        forces(self.factors, &Draw { batch, left_out }, &self.position, &mut self.force);
        let loss = 0.5 * dot(&self.position, &self.force) / batch.len() as f64;
        self.advance(batch.len());
        loss
    }

    fn advance(&mut self, size: usize) {
        let rate = self.learning_rate / size as f64;
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

    /// Divides the state by its norm √(xᵀHx + vᵀHv) (v with momentum only) and returns the
    /// logarithm of that norm; −∞ at x = 0, where the state stays.
    pub fn renormalise(&mut self) -> f64 {
        let square = |x: &[f64]| -> f64 {
            x.iter().zip(self.factors.curvatures()).map(|(x, h)| h * x * x).sum()
        };
        let velocity = if self.momentum > 0.0 { square(&self.velocity) } else { 0.0 };
        let norm = (square(&self.position) + velocity).sqrt();
        if norm > 0.0 {
            for value in self.position.iter_mut().chain(&mut self.velocity) {
                *value /= norm;
            }
        }
        norm.ln()
    }
}

/// force = Σ_{i∈B} A_iᵀ(A_ix), from those in the batch or those outside, whichever are fewer.
fn forces(factors: &ExampleFactors, draw: &Draw<'_>, position: &[f64], force: &mut [f64]) {
    let Draw { batch, left_out } = draw;
    match left_out.filter(|parts| parts[0].len() + parts[1].len() < batch.len()) {
        None => {
            force.fill(0.0);
            add_forces(factors, batch, 1.0, position, force);
        }
        Some(parts) => {
            let n = factors.examples() as f64;
            let mean = position.iter().zip(factors.curvatures());
            for (force, (x, h)) in force.iter_mut().zip(mean) {
                *force = n * h * x;
            }
            for part in parts {
                add_forces(factors, part, -1.0, position, force);
            }
        }
    }
}

/// force += sign · Σ A_iᵀ(A_ix) over some examples.
fn add_forces(
    factors: &ExampleFactors,
    examples: &[usize],
    sign: f64,
    position: &[f64],
    force: &mut [f64],
) {
    for &example in examples {
        for output in 0..factors.outputs() {
            let row = factors.row(example, output);
            axpy(sign * dot(row, position), row, force);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;
    use crate::problems::random_rows;

    /// At every B, on either side of n/2 and with a short last batch, a step is x − ηH_Bx.
    #[test]
    fn a_step_is_that_of_its_batch() {
        let (n, k, p) = (7, 2, 5);
        let rows = random_rows(n * k, p, 9);
        let factors = ExampleFactors::from_rows(n, k, p, &rows).unwrap();
        let schemes = [Sampling::IndependentBatches, Sampling::ReshuffledEpochs];
        for (scheme, size) in
            schemes.into_iter().flat_map(|scheme| (1..=n).map(move |b| (scheme, b)))
        {
            let batching = Batching::new(n, size, scheme).unwrap();
            let mut sampler = BatchSampler::new(batching, 5);
            let start = random_rows(1, factors.rank(), 4);
            let rates = (LearningRate::new(0.3).unwrap(), Momentum::NONE);
            let mut walk = Walk::new(&factors, batching, rates, start.clone(), 5);
            let mut given = walk.clone();
            let mut expected = start;
            for step in 0..7 {
                let batch = sampler.next_batch();
                let square = |example: usize| -> f64 {
                    let rows = (0..k).map(|output| factors.row(example, output));
                    rows.map(|row| dot(row, &expected).powi(2)).sum()
                };
                let squares: f64 = batch.iter().map(|example| square(*example)).sum();
                let loss = 0.5 * squares / batch.len() as f64;
                let found = given.step_on(batch);
                let mut force = vec![0.0; expected.len()];
                add_forces(&factors, batch, 1.0, &expected, &mut force);
                axpy(-0.3 / batch.len() as f64, &force, &mut expected);
                walk.step();
                // Likewise: at most 14 terms of (1/2)|A_ix|² each, cancelled where few are left out.
                let all = n as f64 * given.factors.sharpness() * dot(&expected, &expected);
                assert!((found - loss).abs() < 1e-12 * (loss + all), "{found} against {loss}");
                let scale = dot(&expected, &expected).sqrt();
                let drawn = walk.position().iter().zip(given.position());
                for ((x, z), y) in drawn.zip(&expected) {
                    // A sum of n·K terms, none above nλ_max(H_i)|x| ≈ 100|x|: 14·100·ε = 3e-13.
                    let worst = (x - y).abs().max((z - y).abs());
                    assert!(worst < 1e-12 * scale, "{scheme:?}, B {size}, step {step}");
                }
            }
        }
    }
}
