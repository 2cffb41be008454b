//! A step of plain SGD on at most 16 examples without a stored gradient: each linear layer reads its
//! weights twice and writes them once. A team of threads shares the products while that is faster.

use std::time::Instant;

use minimascope_record::training::Loss;

use crate::evaluator::{FirstOrder, PassContext};
use crate::kernels::{Team, add_column_sums, is_small};
use crate::layers::{Weights, Work};
use crate::passes::{self, Chunk};
use crate::workspace::{Workspace, room};
use crate::{Examples, Network, Scalar};

use super::team_choice::TeamChoice;

/// Memory for steps of at most a given batch size.
#[derive(Debug)]
pub(super) struct InPlace<T> {
    first: FirstOrder<T>,
    workspace: Workspace<T>,
    flipped: Vec<T>,
    /// The gradient of one filter or bias.
    gradient: Vec<T>,
    team: Team,
    choice: TeamChoice,
}

impl<T: Scalar> InPlace<T> {
    /// Whether steps on batches of this size are taken so.
    pub(super) fn takes(batch_size: usize) -> bool {
        is_small(batch_size)
    }

    /// Memory and a team for steps on this many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            first: FirstOrder::default(),
            workspace: Workspace::default(),
            flipped: Vec::new(),
            gradient: Vec::new(),
            team: Team::new(threads),
            choice: TeamChoice::new(),
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
        network.flip(parameters, &mut self.flipped);
        let point = Weights { values: parameters, flipped: &self.flipped };
        let team = if self.choice.is_together() { &self.team } else { Team::alone() };
        let context = PassContext { network, loss, examples, point, team };
        let value = context.first(&range, &mut self.first, &mut self.workspace, false).0;
        let inputs = examples.input(range);
        for index in (0..network.nodes().len()).rev() {
            let node = &network.nodes()[index];
            let FirstOrder { a, winners, delta } = &mut self.first;
            let affine = node.operation.affine::<T>();
            let places = affine.map(|affine| affine.places());
            let x = if node.input == 0 { inputs } else { a.read(network, rows, node.input) };
            // The kernel writes the input's derivative and does not add to it.
            let writes = !node.input_trained || !node.adds_to_input;
            let fused = affine.filter(|_| writes).is_some_and(|affine| {
                let (d, out) = if node.input_trained {
                    let (d, out) = delta.pair(network, rows, node.output, node.input);
                    (d, Some(out))
                } else {
                    (delta.read(network, rows, node.output), None)
                };
                let weight = &mut parameters[affine.places().weight.clone()];
                affine.backward_and_step((team, rows), (x, d), weight, out, (rate, keep))
            });
            if !fused {
                let weights = Weights { values: parameters, flipped: &self.flipped };
                let chunk = Chunk { network, weights, rows, inputs, team };
                passes::backward_node(chunk, index, (a, winners), delta, &mut self.workspace);
            }
            let (Some(affine), Some(places)) = (affine, places) else { continue };
            let d = delta.read(network, rows, node.output);
            if !fused {
                let gradient = room(&mut self.gradient, places.weight.len());
                let images = &mut self.workspace.images;
                affine.outer(Work { team, rows, accumulate: false, images }, x, d, gradient);
                descend(&mut parameters[places.weight.clone()], gradient, rate, keep);
            }
            if let Some(bias) = &places.bias {
                let gradient = room(&mut self.gradient, bias.len());
                add_column_sums(d, gradient, false);
                descend(&mut parameters[bias.clone()], gradient, rate, keep);
            }
        }
        self.choice.took(started.elapsed());
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
