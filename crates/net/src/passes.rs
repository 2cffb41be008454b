//! The derivative passes over one chunk of examples, in the order of the mathematics.
//!
//! For a chunk: **forward** (activations a), **backward** (δ = ∂ℓ/∂a), **tangent** (Ra, the
//! derivative of the forward pass along a direction in parameter space) and **tangent of the
//! backward** (Rδ). A linear layer's part of the gradient is δ_i a_iᵀ, and of H_i v it is
//! Rδ_i a_iᵀ + δ_i Ra_iᵀ: rank two, never stored as P numbers.
//!
//! A direction can be the same for all examples or differ for each, in that factored form
//! U_i = Σ d_i x_iᵀ over one or two pairs. Then U_i a_i and U_iᵀ δ_i are dot products and scaled
//! additions, which is how mean_i H_i(H_i v) costs little more than one more Hessian product.
//! A convolution's U_i is one materialised filter for each example of the chunk.
//!
//! Derivatives are of the unweighted losses; weights enter where the results are summed.

mod example;
mod first_order;
mod second_order;

use crate::Scalar;
use crate::kernels::Team;
use crate::layers::Weights;
use crate::network::Network;
use crate::tape::Tape;

pub(crate) use example::{Factors, squared_gradient_norms};
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
    /// Who shares the kernels of a few rows.
    pub team: &'a Team,
}

impl<'a, T: Scalar> Chunk<'a, T> {
    /// A buffer's values: the examples' inputs, or from the tape.
    fn values<'b>(&self, tape: &'b Tape<T>, buffer: usize) -> &'b [T]
    where
        'a: 'b,
    {
        if buffer == 0 { self.inputs } else { tape.read(self.network, self.rows, buffer) }
    }

    fn winners<'b>(&self, winners: &'b [u8], at: usize, size: usize) -> &'b [u8] {
        &winners[at * self.rows..][..size * self.rows]
    }
}

/// A direction in parameter space: the sum of one that all examples share and one that differs
/// for each. Either may be absent.
#[derive(Clone, Copy)]
pub(crate) struct Direction<'a, T> {
    pub shared: Option<Weights<'a, T>>,
    pub factors: Option<Factors<'a, T>>,
}

/// Memory that a pass works in, kept between calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch<T> {
    /// Framed images of a convolution.
    pub images: Vec<T>,
    /// Two coefficients an example.
    pub coefficients: Vec<T>,
    /// Materialised directions: each example's filters, one after another.
    pub filters: Vec<T>,
    /// One flipped filter.
    pub flipped: Vec<T>,
}
