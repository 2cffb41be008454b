//! The forward pass, the backward pass, and the gradient that they give.

use crate::Scalar;
use crate::kernels::{add_column_sums, vectorized};
use crate::layers::{Form, add_bias, clip, mask};
use crate::tape::Tape;
use crate::workspace::{Workspace, room};

use super::Chunk;

/// Computes a of every buffer, and the winners of max-pooling.
pub(crate) fn forward<T: Scalar>(
    chunk: Chunk<'_, T>,
    a: &mut Tape<T>,
    winners: &mut Vec<u8>,
    workspace: &mut Workspace<T>,
) {
    let Chunk { network, weights, rows, inputs, .. } = chunk;
    a.fit(network, rows);
    let winners = room(winners, network.winners() * rows);
    for node in network.nodes() {
        if let Form::ReluInPlace = node.operation.form::<T>() {
            clip(a.write(network, rows, node.output));
            continue;
        }
        let (x, y) = if node.input == 0 {
            (inputs, a.write(network, rows, node.output))
        } else {
            a.pair(network, rows, node.input, node.output)
        };
        match node.operation.form() {
            Form::Affine(affine) => {
                let places = affine.places();
                let weight = &weights.values[places.weight.clone()];
                affine.apply(chunk.work(false, workspace), weight, x, y);
                if let Some(bias) = &places.bias {
                    add_bias(&weights.values[bias.clone()], y);
                }
            }
            Form::Map(map) => map.forward(rows, x, y, winners),
            Form::Sum => {
                y.copy_from_slice(x);
                let second = node.second.expect("a sum has two inputs");
                if second == 0 {
                    add(inputs, a.write(network, rows, node.output));
                } else {
                    let (x, y) = a.pair(network, rows, second, node.output);
                    add(x, y);
                }
            }
            Form::ReluInPlace => {}
        }
    }
}

/// Computes δ of every buffer from that of the output, which the caller has set.
pub(crate) fn backward<T: Scalar>(
    chunk: Chunk<'_, T>,
    values: (&Tape<T>, &[u8]),
    delta: &mut Tape<T>,
    workspace: &mut Workspace<T>,
) {
    for index in (0..chunk.network.nodes().len()).rev() {
        backward_node(chunk, index, values, delta, workspace);
    }
}

/// One node's part of [`backward`].
pub(crate) fn backward_node<T: Scalar>(
    chunk: Chunk<'_, T>,
    index: usize,
    (a, winners): (&Tape<T>, &[u8]),
    delta: &mut Tape<T>,
    workspace: &mut Workspace<T>,
) {
    let Chunk { network, weights, rows, .. } = chunk;
    let node = &network.nodes()[index];
    if node.inputs().all(|(trained, ..)| !trained) {
        return;
    }
    match node.operation.form() {
        Form::ReluInPlace => {
            mask(chunk.values(a, node.output), delta.write(network, rows, node.output));
        }
        Form::Sum => backward_sum(chunk, index, delta),
        Form::Affine(affine) => {
            let (d, out) = delta.pair(network, rows, node.output, node.input);
            let places = affine.places();
            let weight = &weights.values[places.weight.clone()];
            let weight = (weight, &weights.flipped[places.flipped.clone()]);
            let work = chunk.work(node.adds_to_input, workspace);
            affine.apply_transposed(work, weight, d, out);
        }
        Form::Map(map) => {
            let (d, out) = delta.pair(network, rows, node.output, node.input);
            map.backward(chunk.values_at(node, a, winners), d, out, node.adds_to_input);
        }
    }
}

/// The derivative of a sum goes to both inputs.
pub(super) fn backward_sum<T: Scalar>(chunk: Chunk<'_, T>, index: usize, delta: &mut Tape<T>) {
    let Chunk { network, rows, .. } = chunk;
    let node = &network.nodes()[index];
    for (trained, input, adds) in node.inputs() {
        if trained {
            let (d, out) = delta.pair(network, rows, node.output, input);
            if adds { add(d, out) } else { out.copy_from_slice(d) }
        }
    }
}

/// gradient (+)= Σ_i ∂ℓ_i/∂θ.
pub(crate) fn gradient<T: Scalar>(
    chunk: Chunk<'_, T>,
    a: &Tape<T>,
    delta: &Tape<T>,
    gradient: &mut [T],
    accumulate: bool,
    workspace: &mut Workspace<T>,
) {
    for node in chunk.network.nodes() {
        let Some(affine) = node.operation.affine() else { continue };
        let (x, d) = (chunk.values(a, node.input), chunk.values(delta, node.output));
        let places = affine.places();
        let into = &mut gradient[places.weight.clone()];
        affine.outer(chunk.work(accumulate, workspace), x, d, into);
        if let Some(bias) = &places.bias {
            add_column_sums(d, &mut gradient[bias.clone()], accumulate);
        }
    }
}

/// y += x.
pub(super) fn add<T: Scalar>(x: &[T], y: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in x.iter().zip(y) {
                *y += *x;
            }
        },
    );
}
