//! The derivative passes over one chunk of examples, in the order of the mathematics.
//!
//! For a chunk: **forward** (activations a), **backward** (δ = ∂ℓ/∂a), **tangent** (Ra, the
//! derivative of the forward pass along a direction in parameter space) and **tangent of the
//! backward** (Rδ). A linear layer's part of the gradient is δ_i a_iᵀ, and of H_i v it is
//! Rδ_i a_iᵀ + δ_i Ra_iᵀ: rank two, never stored as P numbers.
//!
//! A direction can be the same for all examples or differ for each, in that factored form
//! U_i = Σ d_i x_iᵀ over one or two pairs. Then U_i a_i and U_iᵀ δ_i are dot products and scaled
//! additions, so that mean_i H_i(H_i v) costs little more than one more Hessian product. A
//! convolution materialises U_i, one filter for each example of the chunk: that costs less than
//! products of patches unless there are few positions.

mod direction;
mod first_order;
mod second_order;

use crate::Scalar;
use crate::kernels::Team;
use crate::layers::{LayerValues, Weights, Work};
use crate::network::{Network, Node};
use crate::tape::Tape;
use crate::workspace::Workspace;

pub(crate) use direction::{FactoredDirection, ParameterDirection};
pub(crate) use first_order::{backward, backward_node, forward, gradient};
pub(crate) use second_order::{Tapes, second_gradient, tangent, tangent_backward};

/// A chunk: the network, its parameters, and the examples' inputs.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a, T> {
    pub network: &'a Network,
    pub weights: Weights<'a, T>,
    pub rows: usize,
    /// rows × input size.
    pub inputs: &'a [T],
    /// The threads that share the kernels of a few rows.
    pub team: &'a Team,
}

impl<'a, T: Scalar> Chunk<'a, T> {
    /// A buffer's values: the examples' inputs, or from the tape.
    pub(crate) fn values<'b>(&self, tape: &'b Tape<T>, buffer: usize) -> &'b [T]
    where
        'a: 'b,
    {
        if buffer == 0 { self.inputs } else { tape.read(self.network, self.rows, buffer) }
    }

    /// How a layer does a product for this chunk.
    fn work<'b>(&self, accumulate: bool, workspace: &'b mut Workspace<T>) -> Work<'b, T>
    where
        'a: 'b,
    {
        Work { team: self.team, rows: self.rows, accumulate, images: &mut workspace.images }
    }

    /// The values at one node.
    fn values_at<'b>(&self, node: &Node, a: &'b Tape<T>, winners: &'b [u8]) -> LayerValues<'b, T>
    where
        'a: 'b,
    {
        let (x, y) = (self.values(a, node.input), self.values(a, node.output));
        LayerValues { rows: self.rows, x, y, winners }
    }
}
