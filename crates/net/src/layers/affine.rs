//! What linear and convolution layers have in common: an affine map whose derivatives are three
//! bilinear products of weights, inputs x and output derivatives d.

use crate::Scalar;
use crate::kernels::{Team, add_column_sums};
use crate::network::Network;

use super::{Node, Operation, convolution, linear};

/// A vector in parameter space, with the filters also flipped for backward passes.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a, T> {
    /// P numbers.
    pub values: &'a [T],
    /// All filters, one after another, as [`flip`] turns them.
    pub flipped: &'a [T],
}

/// Every filter turned for the backward pass: from (cell, C_in, C_out) to (last cell first,
/// C_out, C_in).
pub(crate) fn flip<T: Scalar>(network: &Network, values: &[T], flipped: &mut Vec<T>) {
    flipped.resize(network.filters(), T::ZERO);
    for node in network.nodes() {
        if let Operation::Convolution(convolution) = &node.operation {
            let filter = &values[convolution.weight.clone()];
            convolution.flip(filter, &mut flipped[convolution.filter.clone()]);
        }
    }
}

/// A node with weights.
#[derive(Clone, Copy)]
pub(crate) enum Affine<'a> {
    Linear { inputs: usize, outputs: usize },
    Convolution(&'a convolution::Convolution),
}

impl<'a> Affine<'a> {
    /// The affine map of a node, with the places of its weight and bias in θ.
    pub(crate) fn of(
        node: &'a Node,
    ) -> Option<(Self, std::ops::Range<usize>, Option<std::ops::Range<usize>>)> {
        match &node.operation {
            Operation::Linear { inputs, outputs, weight, bias } => {
                let affine = Self::Linear { inputs: *inputs, outputs: *outputs };
                Some((affine, weight.clone(), bias.clone()))
            }
            Operation::Convolution(convolution) => {
                let (weight, bias) = (convolution.weight.clone(), convolution.bias.clone());
                Some((Self::Convolution(convolution), weight, bias))
            }
            _ => None,
        }
    }

    /// The flipped filter among all flipped filters; nothing for a linear layer.
    pub(crate) fn flipped<T: Scalar>(self, weights: Weights<'_, T>) -> &'_ [T] {
        match self {
            Self::Linear { .. } => &[],
            Self::Convolution(convolution) => &weights.flipped[convolution.filter.clone()],
        }
    }

    /// Columns of the output as a matrix: outputs, or output channels.
    pub(crate) fn columns(self) -> usize {
        match self {
            Self::Linear { outputs, .. } => outputs,
            Self::Convolution(convolution) => convolution.columns(),
        }
    }

    /// Numbers of one framed group of images, the most that a pass over it holds beside its tapes.
    pub(crate) fn framed(self) -> usize {
        match self {
            Self::Linear { .. } => 0,
            Self::Convolution(convolution) => convolution.framed(),
        }
    }

    /// y (+)= W x for `rows` examples.
    pub(crate) fn apply<T: Scalar>(
        self,
        (team, rows): (&Team, usize),
        weight: &[T],
        x: &[T],
        y: &mut [T],
        accumulate: bool,
        scratch: &mut Vec<T>,
    ) {
        match self {
            Self::Linear { inputs, outputs } => {
                linear::apply((team, rows), (inputs, outputs), weight, x, y, accumulate);
            }
            Self::Convolution(convolution) => {
                convolution.apply((team, rows), weight, x, y, accumulate, scratch);
            }
        }
    }

    /// x̄ (+)= Wᵀ d. A linear layer takes `weight` as it is, a convolution takes it flipped.
    pub(crate) fn apply_transposed<T: Scalar>(
        self,
        (team, rows): (&Team, usize),
        (weight, flipped): (&[T], &[T]),
        d: &[T],
        out: &mut [T],
        accumulate: bool,
        scratch: &mut Vec<T>,
    ) {
        match self {
            Self::Linear { inputs, outputs } => {
                linear::apply_transposed(rows, (inputs, outputs), weight, d, out, accumulate);
            }
            Self::Convolution(convolution) => {
                convolution.apply_transposed((team, rows), flipped, d, out, accumulate, scratch);
            }
        }
    }

    /// gradient (+)= Σ_i d_i ⊗ x_i, in the layout of the weight.
    pub(crate) fn outer<T: Scalar>(
        self,
        (team, rows): (&Team, usize),
        x: &[T],
        d: &[T],
        gradient: &mut [T],
        accumulate: bool,
        scratch: &mut Vec<T>,
    ) {
        match self {
            Self::Linear { inputs, outputs } => {
                linear::outer(rows, (inputs, outputs), x, d, gradient, accumulate);
            }
            Self::Convolution(convolution) => {
                convolution.outer((team, rows), x, d, gradient, accumulate, scratch);
            }
        }
    }

    /// gradient_b (+)= Σ d over examples (and positions).
    pub(crate) fn bias_sum<T: Scalar>(self, d: &[T], gradient: &mut [T], accumulate: bool) {
        add_column_sums(d, gradient, accumulate);
    }

    /// Every row of y (one example, or one position of one) ← b, or 0 without one.
    pub(crate) fn start_with_bias<T: Scalar>(self, bias: Option<&[T]>, y: &mut [T]) {
        match bias {
            Some(bias) => y.chunks_exact_mut(self.columns()).for_each(|y| y.copy_from_slice(bias)),
            None => y.fill(T::ZERO),
        }
    }

    /// Every row of y += b.
    pub(crate) fn add_bias<T: Scalar>(self, bias: &[T], y: &mut [T]) {
        crate::kernels::vectorized(
            #[inline(always)]
            || {
                for y in y.chunks_exact_mut(bias.len()) {
                    for (y, b) in y.iter_mut().zip(bias) {
                        *y += *b;
                    }
                }
            },
        );
    }
}
