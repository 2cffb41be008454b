//! The operations a network is laid out as, each with its linear parts and its derivatives.
//!
//! Images lie position by position with the channels of a position together (height × width ×
//! channels), one example after another, so that any number of examples is one tall matrix.

mod activation;
mod affine;
mod convolution;
mod linear;
mod pool;
mod reorder;

use std::ops::Range;

use minimascope_record::architecture::Activation;

pub(crate) use activation::{backward, clip, forward, mask, sigmoid, softplus, tangent_backward};
pub(crate) use affine::{Affine, Weights, flip};
pub(crate) use convolution::Convolution;
pub(crate) use pool::Pool;
pub(crate) use reorder::{to_channels_first, to_positions_first};

/// One operation from its input buffer(s) to its output buffer.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub operation: Operation,
    pub input: usize,
    /// The second summand of a sum.
    pub second: Option<usize>,
    pub output: usize,
    /// Whether the input depends on θ.
    pub input_trained: bool,
    /// Whether the second summand depends on θ.
    pub second_trained: bool,
    /// Going backwards, whether somebody wrote the input's derivative before.
    pub adds_to_input: bool,
    /// The same for the second summand.
    pub adds_to_second: bool,
}

impl Node {
    pub(crate) fn new(
        operation: Operation,
        input: usize,
        second: Option<usize>,
        output: usize,
        input_trained: bool,
    ) -> Self {
        Self {
            operation,
            input,
            second,
            output,
            input_trained,
            second_trained: false,
            adds_to_input: false,
            adds_to_second: false,
        }
    }
}

/// What a node does.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// z = W a + b.
    Linear { inputs: usize, outputs: usize, weight: Range<usize>, bias: Option<Range<usize>> },
    /// Cross-correlation with a filter.
    Convolution(Box<Convolution>),
    /// Elementwise; in place for ReLU where nobody else needs the input.
    Activation(Activation),
    /// Maximum over windows; `winners` is where its places start on the tape of winners.
    MaxPool { pool: Pool, winners: usize },
    /// Mean over windows.
    AveragePool(Pool),
    /// From positions × channels to channels × positions: PyTorch's flat order.
    ChannelsFirst { channels: usize, positions: usize },
    /// The sum of two buffers.
    Add,
}

impl Operation {
    /// Whether no derivative of this operation needs its own output.
    pub(crate) fn forgets_output(&self) -> bool {
        !matches!(self, Self::Activation(_))
    }

    pub(crate) fn has_parameters(&self) -> bool {
        matches!(self, Self::Linear { .. } | Self::Convolution(_))
    }
}
