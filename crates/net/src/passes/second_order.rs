//! The tangent pass, the tangent of the backward pass, and the Hessian product they give.

use crate::Scalar;
use crate::layers::{self, Affine, Operation};
use crate::tape::{Tape, room};

use super::first_order::{add, copy_or_add, return_linear};
use super::{Chunk, Direction, Scratch, example};

/// Ra of every buffer: the derivative of [`super::forward`] along `direction`.
///
/// For z = W x + b: Rz = W Rx + V x + v_b with a shared direction (V, v_b), and + U_i x_i + u_i
/// with one of its own for each example.
pub(crate) fn tangent<T: Scalar>(
    chunk: Chunk<'_, T>,
    direction: Direction<'_, T>,
    (a, winners): (&Tape<T>, &[u8]),
    a_tangent: &mut Tape<T>,
    scratch: &mut Scratch<T>,
) {
    let Chunk { network, weights, rows, inputs, team } = chunk;
    a_tangent.fit(network, rows);
    if direction.factors.is_some() {
        room(&mut scratch.filters, network.filters() * rows);
    }
    for node in network.nodes() {
        if let Some((affine, weight, bias)) = Affine::of(node) {
            let shared_bias = match (&direction.shared, &bias) {
                (Some(shared), Some(bias)) => Some(&shared.values[bias.clone()]),
                _ => None,
            };
            let y = if node.input_trained {
                let (x, y) = a_tangent.pair(network, rows, node.input, node.output);
                let weight = &weights.values[weight.clone()];
                affine.apply((team, rows), weight, x, y, false, &mut scratch.images);
                if let Some(bias) = shared_bias {
                    affine.add_bias(bias, y);
                }
                y
            } else {
                let y = a_tangent.write(network, rows, node.output);
                affine.start_with_bias(shared_bias, y);
                y
            };
            let x = if node.input == 0 { inputs } else { a.read(network, rows, node.input) };
            if let Some(factors) = direction.factors {
                let at = example::Site { chunk, node, affine, weight: &weight, bias: &bias };
                example::apply(at, direction.shared, factors, x, y, scratch);
            } else if let Some(shared) = direction.shared {
                affine.apply((team, rows), &shared.values[weight], x, y, true, &mut scratch.images);
            }
            continue;
        }
        if node.input == node.output {
            layers::mask(chunk.values(a, node.output), a_tangent.write(network, rows, node.output));
            continue;
        }
        if let Operation::Add = node.operation {
            let y = a_tangent.write(network, rows, node.output);
            if !node.input_trained {
                y.fill(T::ZERO);
            } else {
                let (x, y) = a_tangent.pair(network, rows, node.input, node.output);
                y.copy_from_slice(x);
            }
            if node.second_trained {
                let second = node.second.expect("a sum has two summands");
                let (x, y) = a_tangent.pair(network, rows, second, node.output);
                add(x, y);
            }
            continue;
        }
        if !node.input_trained {
            a_tangent.write(network, rows, node.output).fill(T::ZERO);
            continue;
        }
        let (x, y) = a_tangent.pair(network, rows, node.input, node.output);
        match &node.operation {
            Operation::Activation(function) => {
                let values = (chunk.values(a, node.input), chunk.values(a, node.output));
                layers::backward(*function, values, x, y, false);
            }
            Operation::MaxPool { pool, winners: at } => {
                let winners = chunk.winners(winners, *at, pool.output().size());
                pool.pick(x, y, winners);
            }
            Operation::AveragePool(pool) => pool.average(x, y),
            Operation::ChannelsFirst { channels, positions } => {
                layers::to_channels_first(*channels, *positions, x, y);
            }
            Operation::Add | Operation::Linear { .. } | Operation::Convolution(_) => {
                unreachable!("handled above")
            }
        }
    }
}

/// What a first and a tangent pass have left on their tapes.
#[derive(Clone, Copy)]
pub(crate) struct Tapes<'a, T> {
    pub a: &'a Tape<T>,
    pub winners: &'a [u8],
    pub delta: &'a Tape<T>,
    pub a_tangent: &'a Tape<T>,
}

/// Rδ of every buffer, from that of the output, which the caller has set.
///
/// For x̄ = Wᵀ d: Rx̄ = Wᵀ Rd + Vᵀ d, and + U_iᵀ d_i. `scratch.filters` must hold what
/// [`tangent`] left there.
pub(crate) fn tangent_backward<T: Scalar>(
    chunk: Chunk<'_, T>,
    direction: Direction<'_, T>,
    tapes: Tapes<'_, T>,
    delta_tangent: &mut Tape<T>,
    scratch: &mut Scratch<T>,
) {
    let Chunk { network, weights, rows, team, .. } = chunk;
    for node in network.nodes().iter().rev() {
        if !node.input_trained && !node.second_trained {
            continue;
        }
        if node.input == node.output {
            let a = chunk.values(tapes.a, node.output);
            layers::mask(a, delta_tangent.write(network, rows, node.output));
            continue;
        }
        if let Operation::Add = node.operation {
            if node.input_trained {
                let (d, out) = delta_tangent.pair(network, rows, node.output, node.input);
                copy_or_add(d, out, node.adds_to_input);
            }
            if node.second_trained {
                let second = node.second.expect("a sum has two summands");
                let (d, out) = delta_tangent.pair(network, rows, node.output, second);
                copy_or_add(d, out, node.adds_to_second);
            }
            continue;
        }
        let adds = node.adds_to_input;
        let (d_tangent, out) = delta_tangent.pair(network, rows, node.output, node.input);
        if let Some((affine, weight, bias)) = Affine::of(node) {
            let own = (&weights.values[weight.clone()], affine.flipped(weights));
            affine.apply_transposed((team, rows), own, d_tangent, out, adds, &mut scratch.images);
            let d = tapes.delta.read(network, rows, node.output);
            if let Some(factors) = direction.factors {
                let at = example::Site { chunk, node, affine, weight: &weight, bias: &bias };
                example::apply_transposed(at, direction.shared, factors, d, out, scratch);
            } else if let Some(shared) = direction.shared {
                let shared = (&shared.values[weight], affine.flipped(shared));
                affine.apply_transposed((team, rows), shared, d, out, true, &mut scratch.images);
            }
            continue;
        }
        match &node.operation {
            Operation::Activation(function) => {
                let values =
                    (chunk.values(tapes.a, node.input), chunk.values(tapes.a, node.output));
                let delta = chunk.values(tapes.delta, node.output);
                let z_tangent = chunk.values(tapes.a_tangent, node.input);
                let first = (delta, z_tangent);
                layers::tangent_backward(*function, values, first, d_tangent, out, adds);
            }
            operation => return_linear(chunk, operation, tapes.winners, d_tangent, out, adds),
        }
    }
}

/// product (+)= Σ_i H_i v = Σ_i (Rδ_i a_iᵀ + δ_i Ra_iᵀ), with biases Σ_i Rδ_i.
pub(crate) fn second_gradient<T: Scalar>(
    chunk: Chunk<'_, T>,
    tapes: Tapes<'_, T>,
    delta_tangent: &Tape<T>,
    product: &mut [T],
    accumulate: bool,
    scratch: &mut Scratch<T>,
) {
    let Chunk { rows, team, .. } = chunk;
    for node in chunk.network.nodes() {
        let Some((affine, weight, bias)) = Affine::of(node) else { continue };
        let d_tangent = chunk.values(delta_tangent, node.output);
        let into = &mut product[weight];
        let x = chunk.values(tapes.a, node.input);
        affine.outer((team, rows), x, d_tangent, into, accumulate, &mut scratch.images);
        if node.input_trained {
            let d = chunk.values(tapes.delta, node.output);
            let x_tangent = chunk.values(tapes.a_tangent, node.input);
            affine.outer((team, rows), x_tangent, d, into, true, &mut scratch.images);
        }
        if let Some(bias) = bias {
            affine.bias_sum(d_tangent, &mut product[bias], accumulate);
        }
    }
}
