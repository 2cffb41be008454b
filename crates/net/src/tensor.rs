//! One tensor of a network's parameters: its name, its place in θ and its initial values.

use std::ops::Range;

/// One parameter tensor: its name and shape in PyTorch's words, and where it lies in θ.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// As `torch.nn.Sequential` would name it: `0.weight`, `3.layers.0.bias`, `3.shortcut.weight`.
    pub name: String,
    /// As PyTorch has it: outputs × inputs, or C_out × C_in × k × k, or outputs.
    pub shape: Vec<usize>,
    /// Its numbers in θ.
    pub range: Range<usize>,
    /// The order of its numbers in θ.
    pub order: TensorOrder,
    /// The distribution of its initial values.
    pub initial: InitialValues,
}

/// The order in which θ holds the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorOrder {
    /// PyTorch's: the last index varies fastest.
    Torch,
    /// A filter C_out × C_in × k × k lies as k × k × C_in × C_out.
    Filter,
}

/// The distribution of a tensor's initial values. Wu, Ma and E 2018 draw them so in the code that
/// they published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InitialValues {
    /// U(−gain·bound, gain·bound).
    ScaledUniform {
        /// The bound at gain 1.
        bound: f64,
    },
    /// U(−bound, bound) whatever the gain.
    Uniform {
        /// The bound.
        bound: f64,
    },
    /// N(0, gain·deviation).
    ScaledNormal {
        /// The standard deviation at gain 1.
        deviation: f64,
    },
    /// One value for all numbers.
    Constant(f64),
}
