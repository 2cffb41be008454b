//! The tangent pass, the tangent of the backward pass, and the Hessian product that they give.

use crate::Scalar;
use crate::kernels::add_column_sums;
use crate::layers::{Form, add_bias, mask, start_with_bias};
use crate::tape::Tape;
use crate::workspace::{Workspace, room};

use super::first_order::{add, backward_sum};
use super::{Chunk, ParameterDirection};

/// Computes Ra of every buffer, the derivative of [`super::forward`] along `direction`.
///
/// For z = W x + b: Rz = W Rx + V x + v_b with a shared direction (V, v_b), and + U_i x_i + u_i
/// with one of its own for each example.
pub(crate) fn tangent<T: Scalar>(
    chunk: Chunk<'_, T>,
    direction: ParameterDirection<'_, T>,
    (a, winners): (&Tape<T>, &[u8]),
    a_tangent: &mut Tape<T>,
    workspace: &mut Workspace<T>,
) {
    let Chunk { network, weights, rows, .. } = chunk;
    a_tangent.fit(network, rows);
    if direction.own.is_some() {
        room(&mut workspace.own_weights, network.flipped() * rows);
    }
    for node in network.nodes() {
        match node.operation.form() {
            Form::Affine(affine) => {
                let places = affine.places();
                let shared_bias = match (&direction.shared, &places.bias) {
                    (Some(shared), Some(bias)) => Some(&shared.values[bias.clone()]),
                    _ => None,
                };
                let y = if node.input_trained {
                    let (x, y) = a_tangent.pair(network, rows, node.input, node.output);
                    let weight = &weights.values[places.weight.clone()];
                    affine.apply(chunk.work(false, workspace), weight, x, y);
                    if let Some(bias) = shared_bias {
                        add_bias(bias, y);
                    }
                    y
                } else {
                    let y = a_tangent.write(network, rows, node.output);
                    start_with_bias(shared_bias, y);
                    y
                };
                let x = chunk.values(a, node.input);
                if let Some(own) = direction.own_at(chunk, node) {
                    affine.apply_own(own, x, y, workspace);
                } else if let Some(shared) = direction.shared {
                    let weight = &shared.values[places.weight.clone()];
                    affine.apply(chunk.work(true, workspace), weight, x, y);
                }
            }
            Form::ReluInPlace => {
                let a = chunk.values(a, node.output);
                mask(a, a_tangent.write(network, rows, node.output));
            }
            Form::Sum => {
                let y = a_tangent.write(network, rows, node.output);
                if !node.input_trained {
                    y.fill(T::ZERO);
                } else {
                    let (x, y) = a_tangent.pair(network, rows, node.input, node.output);
                    y.copy_from_slice(x);
                }
                if node.second_trained {
                    let second = node.second.expect("a sum has two inputs");
                    let (x, y) = a_tangent.pair(network, rows, second, node.output);
                    add(x, y);
                }
            }
            Form::Map(_) if !node.input_trained => {
                a_tangent.write(network, rows, node.output).fill(T::ZERO);
            }
            Form::Map(map) => {
                let (x, y) = a_tangent.pair(network, rows, node.input, node.output);
                map.tangent(chunk.values_at(node, a, winners), x, y);
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

/// Computes Rδ of every buffer from that of the output, which the caller has set.
///
/// For x̄ = Wᵀ d: Rx̄ = Wᵀ Rd + Vᵀ d, and + U_iᵀ d_i. The workspace must hold the own weights that
/// [`tangent`] left there.
pub(crate) fn tangent_backward<T: Scalar>(
    chunk: Chunk<'_, T>,
    direction: ParameterDirection<'_, T>,
    tapes: Tapes<'_, T>,
    delta_tangent: &mut Tape<T>,
    workspace: &mut Workspace<T>,
) {
    let Chunk { network, weights, rows, .. } = chunk;
    for (index, node) in network.nodes().iter().enumerate().rev() {
        if node.inputs().all(|(trained, ..)| !trained) {
            continue;
        }
        let adds = node.adds_to_input;
        match node.operation.form() {
            Form::ReluInPlace => {
                let a = chunk.values(tapes.a, node.output);
                mask(a, delta_tangent.write(network, rows, node.output));
            }
            Form::Sum => backward_sum(chunk, index, delta_tangent),
            Form::Affine(affine) => {
                let (d_tangent, out) = delta_tangent.pair(network, rows, node.output, node.input);
                let places = affine.places();
                let weight = &weights.values[places.weight.clone()];
                let weight = (weight, &weights.flipped[places.flipped.clone()]);
                affine.apply_transposed(chunk.work(adds, workspace), weight, d_tangent, out);
                let d = tapes.delta.read(network, rows, node.output);
                if let Some(own) = direction.own_at(chunk, node) {
                    affine.apply_own_transposed(own, d, out, workspace);
                } else if let Some(shared) = direction.shared {
                    let weight = &shared.values[places.weight.clone()];
                    let weight = (weight, &shared.flipped[places.flipped.clone()]);
                    affine.apply_transposed(chunk.work(true, workspace), weight, d, out);
                }
            }
            Form::Map(map) => {
                let (d_tangent, out) = delta_tangent.pair(network, rows, node.output, node.input);
                let d = tapes.delta.read(network, rows, node.output);
                let first = (d, chunk.values(tapes.a_tangent, node.input));
                let at = chunk.values_at(node, tapes.a, tapes.winners);
                map.tangent_backward(at, first, d_tangent, out, adds);
            }
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
    workspace: &mut Workspace<T>,
) {
    for node in chunk.network.nodes() {
        let Some(affine) = node.operation.affine() else { continue };
        let places = affine.places();
        let d_tangent = chunk.values(delta_tangent, node.output);
        let into = &mut product[places.weight.clone()];
        let x = chunk.values(tapes.a, node.input);
        affine.outer(chunk.work(accumulate, workspace), x, d_tangent, into);
        if node.input_trained {
            let d = chunk.values(tapes.delta, node.output);
            let x_tangent = chunk.values(tapes.a_tangent, node.input);
            affine.outer(chunk.work(true, workspace), x_tangent, d, into);
        }
        if let Some(bias) = &places.bias {
            add_column_sums(d_tangent, &mut product[bias.clone()], accumulate);
        }
    }
}
