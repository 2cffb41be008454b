//! Forward, backward, and the gradient they give.

use crate::Scalar;
use crate::layers::{self, Affine, Operation};
use crate::tape::{Tape, room};

use super::{Chunk, Scratch};

/// a of every buffer, and the winners of max-pooling.
pub(crate) fn forward<T: Scalar>(
    chunk: Chunk<'_, T>,
    a: &mut Tape<T>,
    winners: &mut Vec<u8>,
    scratch: &mut Scratch<T>,
) {
    let Chunk { network, weights, rows, inputs, team } = chunk;
    a.fit(network, rows);
    room(winners, network.winners() * rows);
    for node in network.nodes() {
        if let (Operation::Activation(_), true) = (&node.operation, node.input == node.output) {
            layers::clip(a.write(network, rows, node.output));
            continue;
        }
        let (x, y) = if node.input == 0 {
            (inputs, a.write(network, rows, node.output))
        } else {
            a.pair(network, rows, node.input, node.output)
        };
        if let Some((affine, weight, bias)) = Affine::of(node) {
            affine.apply((team, rows), &weights.values[weight], x, y, false, &mut scratch.images);
            if let Some(bias) = bias {
                affine.add_bias(&weights.values[bias], y);
            }
            continue;
        }
        match &node.operation {
            Operation::Activation(function) => layers::forward(*function, x, y),
            Operation::MaxPool { pool, winners: at } => {
                let size = pool.output().size();
                pool.maximum(x, y, &mut winners[at * rows..][..size * rows]);
            }
            Operation::AveragePool(pool) => pool.average(x, y),
            Operation::ChannelsFirst { channels, positions } => {
                layers::to_channels_first(*channels, *positions, x, y);
            }
            Operation::Add => {
                y.copy_from_slice(x);
                let second = node.second.expect("a sum has two summands");
                if second == 0 {
                    add(inputs, a.write(network, rows, node.output));
                } else {
                    let (x, y) = a.pair(network, rows, second, node.output);
                    add(x, y);
                }
            }
            Operation::Linear { .. } | Operation::Convolution(_) => unreachable!("affine"),
        }
    }
}

/// δ of every buffer, from that of the output, which the caller has set.
pub(crate) fn backward<T: Scalar>(
    chunk: Chunk<'_, T>,
    (a, winners): (&Tape<T>, &[u8]),
    delta: &mut Tape<T>,
    scratch: &mut Scratch<T>,
) {
    for index in (0..chunk.network.nodes().len()).rev() {
        backward_node(chunk, index, (a, winners), delta, scratch);
    }
}

/// One node's part of [`backward`].
pub(crate) fn backward_node<T: Scalar>(
    chunk: Chunk<'_, T>,
    index: usize,
    (a, winners): (&Tape<T>, &[u8]),
    delta: &mut Tape<T>,
    scratch: &mut Scratch<T>,
) {
    let Chunk { network, weights, rows, team, .. } = chunk;
    let node = &network.nodes()[index];
    if !node.input_trained && !node.second_trained {
        return;
    }
    if node.input == node.output {
        let a = chunk.values(a, node.output);
        layers::mask(a, delta.write(network, rows, node.output));
        return;
    }
    if let Operation::Add = &node.operation {
        let sides = [
            (node.input_trained, node.input, node.adds_to_input),
            (
                node.second_trained,
                node.second.expect("a sum has two summands"),
                node.adds_to_second,
            ),
        ];
        // `adds_to` was settled input first, then second.
        for (trained, buffer, adds) in sides {
            if trained {
                let (d, out) = delta.pair(network, rows, node.output, buffer);
                copy_or_add(d, out, adds);
            }
        }
        return;
    }
    let adds = node.adds_to_input;
    let (d, out) = delta.pair(network, rows, node.output, node.input);
    if let Some((affine, weight, _)) = Affine::of(node) {
        let weight = (&weights.values[weight], affine.flipped(weights));
        affine.apply_transposed((team, rows), weight, d, out, adds, &mut scratch.images);
        return;
    }
    match &node.operation {
        Operation::Activation(function) => {
            let values = (chunk.values(a, node.input), chunk.values(a, node.output));
            layers::backward(*function, values, d, out, adds);
        }
        _ => return_linear(chunk, &node.operation, winners, d, out, adds),
    }
}

/// The transposes of the operations that are linear and have no weights.
pub(super) fn return_linear<T: Scalar>(
    chunk: Chunk<'_, T>,
    operation: &Operation,
    winners: &[u8],
    d: &[T],
    out: &mut [T],
    adds: bool,
) {
    match operation {
        Operation::MaxPool { pool, winners: at } => {
            let winners = chunk.winners(winners, *at, pool.output().size());
            pool.return_to_winners(d, out, winners, adds);
        }
        Operation::AveragePool(pool) => pool.spread_average(d, out, adds),
        Operation::ChannelsFirst { channels, positions } => {
            layers::to_positions_first(*channels, *positions, d, out, adds);
        }
        _ => unreachable!("every other operation is handled by its pass"),
    }
}

/// gradient (+)= Σ_i ∂ℓ_i/∂θ.
pub(crate) fn gradient<T: Scalar>(
    chunk: Chunk<'_, T>,
    a: &Tape<T>,
    delta: &Tape<T>,
    gradient: &mut [T],
    accumulate: bool,
    scratch: &mut Scratch<T>,
) {
    for node in chunk.network.nodes() {
        let Some((affine, weight, bias)) = Affine::of(node) else { continue };
        let (x, d) = (chunk.values(a, node.input), chunk.values(delta, node.output));
        let into = &mut gradient[weight];
        affine.outer((chunk.team, chunk.rows), x, d, into, accumulate, &mut scratch.images);
        if let Some(bias) = bias {
            affine.bias_sum(d, &mut gradient[bias], accumulate);
        }
    }
}

pub(super) fn add<T: Scalar>(x: &[T], y: &mut [T]) {
    crate::kernels::vectorized(
        #[inline(always)]
        || {
            for (x, y) in x.iter().zip(y) {
                *y += *x;
            }
        },
    );
}

pub(super) fn copy_or_add<T: Scalar>(x: &[T], y: &mut [T], adds: bool) {
    if adds { add(x, y) } else { y.copy_from_slice(x) }
}
