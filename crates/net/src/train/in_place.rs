//! A step of plain SGD on a few examples: each linear layer's weights are read twice and written
//! once, and no gradient is stored. A team shares the products while that is the faster way.

use std::time::Instant;

use minimascope_record::training::Loss;

use crate::evaluator::{Context, First};
use crate::kernels::{Team, add_column_sums, backward_and_step, is_small};
use crate::layers::{Affine, Weights, flip};
use crate::passes::{self, Chunk, Scratch};
use crate::tape::room;
use crate::{Examples, Network, Scalar};

use super::pace::Pace;

/// Memory for steps of at most a given batch size.
#[derive(Debug)]
pub(super) struct InPlace<T> {
    first: First<T>,
    scratch: Scratch<T>,
    flipped: Vec<T>,
    /// The gradient of one filter or bias.
    gradient: Vec<T>,
    team: Team,
    pace: Pace,
}

impl<T: Scalar> InPlace<T> {
    /// Whether batches of this size are worth it.
    pub(super) fn takes(batch_size: usize) -> bool {
        is_small(batch_size)
    }

    /// For steps on this many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            first: First::new(),
            scratch: Scratch::default(),
            flipped: Vec::new(),
            gradient: Vec::new(),
            team: Team::new(threads),
            pace: Pace::new(),
        }
    }

    /// θ ← (1 − ηλ)θ − (η/B) Σ ∇ℓ_i, with `rate` = η/B and `keep` = 1 − ηλ. Returns Σ ℓ_i before
    /// the step.
    pub(super) fn step(
        &mut self,
        network: &Network,
        loss: Loss,
        examples: &Examples<T>,
        parameters: &mut [T],
        (rate, keep): (T, T),
    ) -> f64 {
        let started = Instant::now();
        let rows = examples.len();
        let range = 0..rows;
        flip(network, parameters, &mut self.flipped);
        let point = Weights { values: parameters, flipped: &self.flipped };
        let team = if self.pace.is_together() { &self.team } else { Team::alone() };
        let context = Context { network, loss, examples, weights: None, point, team };
        let value = context.first(&range, &mut self.first, &mut self.scratch, false).0;
        let inputs = examples.input(range);
        for index in (0..network.nodes().len()).rev() {
            let node = &network.nodes()[index];
            let First { a, winners, delta } = &mut self.first;
            let affine = Affine::of(node);
            let fused = matches!(affine, Some((Affine::Linear { .. }, ..)))
                && (!node.adds_to_input || !node.input_trained);
            if !fused {
                let weights = Weights { values: parameters, flipped: &self.flipped };
                let chunk = Chunk { network, weights, rows, inputs, team };
                passes::backward_node(chunk, index, (a, winners), delta, &mut self.scratch);
            }
            let Some((affine, weight, bias)) = affine else { continue };
            let x = if node.input == 0 { inputs } else { a.read(network, rows, node.input) };
            if let (true, Affine::Linear { inputs, outputs }) = (fused, affine) {
                let weight = &mut parameters[weight];
                let (x, step) = ((inputs, x), (rate, keep));
                if node.input_trained {
                    let (d, out) = delta.pair(network, rows, node.output, node.input);
                    let out = Some(out);
                    backward_and_step(team, rows, x, (outputs, d), weight, out, step);
                } else {
                    let d = delta.read(network, rows, node.output);
                    backward_and_step(team, rows, x, (outputs, d), weight, None, step);
                }
            } else {
                let d = delta.read(network, rows, node.output);
                let gradient = room(&mut self.gradient, weight.len());
                affine.outer((team, rows), x, d, gradient, false, &mut self.scratch.images);
                descend(&mut parameters[weight], gradient, rate, keep);
            }
            if let Some(bias) = bias {
                let d = delta.read(network, rows, node.output);
                let gradient = room(&mut self.gradient, bias.len());
                add_column_sums(d, gradient, false);
                descend(&mut parameters[bias], gradient, rate, keep);
            }
        }
        self.pace.took(started.elapsed());
        value
    }
}

fn descend<T: Scalar>(parameters: &mut [T], gradient: &[T], rate: T, keep: T) {
    crate::kernels::vectorized(
        #[inline(always)]
        || {
            for (theta, g) in parameters.iter_mut().zip(gradient) {
                *theta = keep * *theta - rate * *g;
            }
        },
    );
}
