//! One operation between buffers of a network.

use crate::layers::Operation;

/// One operation from its input buffer, or two, to its output buffer.
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
    /// Whether a node after this one, which comes first in the backward pass, has written the
    /// input's derivative already.
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
    ) -> Self {
        Self {
            operation,
            input,
            second,
            output,
            input_trained: false,
            second_trained: false,
            adds_to_input: false,
            adds_to_second: false,
        }
    }

    /// The buffers that the node reads: whether each depends on θ, which it is, and whether its
    /// derivative has been written already. The input comes first.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (bool, usize, bool)> {
        let second = self.second.map(|second| (self.second_trained, second, self.adds_to_second));
        std::iter::once((self.input_trained, self.input, self.adds_to_input)).chain(second)
    }
}
