//! The optimisers: what each remembers, and how it turns a gradient into a step.

use minimascope_record::training::Optimizer;
use rayon::prelude::*;

use crate::kernels::vectorized;
use crate::{Execution, Scalar};

use super::gradient::BatchGradient;

/// Parameters per block of an update: one task of a thread.
const BLOCK: usize = 1 << 14;

/// The vectors of P numbers that an optimiser remembers between steps, empty where it needs none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OptimizerMemory<T> {
    /// m: the momentum, or Adam's mean of gradients.
    pub momentum: Vec<T>,
    /// Adam's mean of squared gradients.
    pub square: Vec<T>,
}

/// Whether an optimiser remembers a momentum, and whether it remembers a mean square.
fn remembers(optimizer: Optimizer) -> [bool; 2] {
    match optimizer {
        Optimizer::Sgd => [false, false],
        Optimizer::HeavyBall { .. } | Optimizer::Nesterov { .. } => [true, false],
        Optimizer::Adam { .. } => [true, true],
    }
}

/// Vectors of P numbers that a run holds between its steps: θ, and what its optimiser remembers.
pub(super) fn state_vectors(optimizer: Optimizer) -> usize {
    1 + remembers(optimizer).into_iter().filter(|kept| *kept).count()
}

impl<T: Scalar> OptimizerMemory<T> {
    pub(super) fn new(optimizer: Optimizer, parameters: usize) -> Self {
        let zeros = |needed: bool| vec![T::ZERO; if needed { parameters } else { 0 }];
        let [momentum, square] = remembers(optimizer).map(zeros);
        Self { momentum, square }
    }
}

/// One step of an optimiser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Multiplies the gradients' sum: 1/B.
    pub scale: f64,
    /// This step, counted from 1.
    pub step: u64,
}

impl Update {
    /// θ and the optimiser's memory after the step along the summed gradient.
    pub(super) fn apply<T: Scalar>(
        &self,
        gradient: &BatchGradient<T>,
        parameters: &mut [T],
        memory: &mut OptimizerMemory<T>,
        execution: &Execution,
    ) {
        let OptimizerMemory { momentum, square } = memory;
        let work = |(index, part): (usize, UpdateBlock<'_, T>)| {
            vectorized(
                #[inline(always)]
                || self.block(gradient, index * BLOCK, part),
            );
        };
        execution.run(|| {
            let theta = parameters.par_chunks_mut(BLOCK);
            if momentum.is_empty() {
                let part = |theta| UpdateBlock { theta, m: &mut [], v: &mut [] };
                theta.map(part).enumerate().for_each(work);
            } else if square.is_empty() {
                let part = |(theta, m)| UpdateBlock { theta, m, v: &mut [] };
                theta.zip(momentum.par_chunks_mut(BLOCK)).map(part).enumerate().for_each(work);
            } else {
                let memory = momentum.par_chunks_mut(BLOCK).zip(square.par_chunks_mut(BLOCK));
                let part = |(theta, (m, v))| UpdateBlock { theta, m, v };
                theta.zip(memory).map(part).enumerate().for_each(work);
            }
        });
    }

    #[inline(always)]
    fn block<T: Scalar>(
        &self,
        gradient: &BatchGradient<T>,
        from: usize,
        UpdateBlock { theta, m, v }: UpdateBlock<'_, T>,
    ) {
        let mut storage = [T::ZERO; BLOCK];
        let g = &mut storage[..theta.len()];
        for (slot, sum) in gradient.sums(from..from + theta.len()).enumerate() {
            if slot == 0 {
                g.copy_from_slice(sum);
            } else {
                g.iter_mut().zip(sum).for_each(|(g, x)| *g += *x);
            }
        }
        let scale = T::from_f64(self.scale);
        g.iter_mut().for_each(|g| *g *= scale);
        if self.weight_decay != 0.0 {
            let decay = T::from_f64(self.weight_decay);
            g.iter_mut().zip(theta.iter()).for_each(|(g, theta)| *g += decay * *theta);
        }
        let rate = T::from_f64(self.learning_rate);
        match self.optimizer {
            Optimizer::Sgd => {
                theta.iter_mut().zip(&*g).for_each(|(theta, g)| *theta -= rate * *g);
            }
            Optimizer::HeavyBall { momentum } => {
                let beta = T::from_f64(momentum);
                for ((theta, m), g) in theta.iter_mut().zip(m.iter_mut()).zip(&*g) {
                    *m = beta * *m + *g;
                    *theta -= rate * *m;
                }
            }
            Optimizer::Nesterov { momentum } => {
                let beta = T::from_f64(momentum);
                for ((theta, m), g) in theta.iter_mut().zip(m.iter_mut()).zip(&*g) {
                    *m = beta * *m + *g;
                    *theta -= rate * (*g + beta * *m);
                }
            }
            Optimizer::Adam { beta1, beta2, epsilon } => {
                let correction = |beta: f64| 1.0 - beta.powf(self.step as f64);
                let rate = T::from_f64(self.learning_rate / correction(beta1));
                let root = T::from_f64(1.0 / correction(beta2).sqrt());
                let (b1, b2) = (T::from_f64(beta1), T::from_f64(beta2));
                let (c1, c2) = (T::from_f64(1.0 - beta1), T::from_f64(1.0 - beta2));
                let epsilon = T::from_f64(epsilon);
                for (((theta, m), v), g) in
                    theta.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(&*g)
                {
                    *m = b1 * *m + c1 * *g;
                    *v = b2 * *v + c2 * *g * *g;
                    *theta -= rate * *m / (v.sqrt() * root + epsilon);
                }
            }
        }
    }
}

/// A block of θ and of the optimiser's vectors, which are empty where it has none.
struct UpdateBlock<'a, T> {
    theta: &'a mut [T],
    m: &'a mut [T],
    v: &'a mut [T],
}
