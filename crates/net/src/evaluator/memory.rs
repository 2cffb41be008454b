//! The bytes that an evaluator holds, estimated before it is made.

use crate::chunks::SlotChunks;
use crate::{Error, Examples, Execution, Network, Scalar};

/// Bytes of a slot's own fields and lists without their contents (700 were counted).
const LISTS: usize = 1024;

/// Bytes that an evaluator holds, by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Parameter-sized vectors and the examples themselves.
    pub vectors: usize,
    /// Working memory of all slots.
    pub work: usize,
    /// Activations and derivatives of all examples, where they are kept.
    pub first: usize,
    /// Tangents of all examples, where they are kept; otherwise Σv computes them twice.
    pub tangent: usize,
}

impl MemoryEstimate {
    /// What [`crate::Evaluator::new`] would need for these examples.
    pub fn of<T: Scalar>(network: &Network, examples: &Examples<T>) -> Self {
        Self::new::<T>(network, examples, &crate::chunks::plan::<T>(network, examples.len()))
    }

    pub(super) fn new<T: Scalar>(
        network: &Network,
        examples: &Examples<T>,
        plan: &[SlotChunks],
    ) -> Self {
        let scalar = size_of::<T>();
        let rows = plan.iter().flatten().map(std::iter::ExactSizeIterator::len).max().unwrap_or(1);
        let tape = network.tape_width() * scalar;
        let slots = plan.len();
        // θ, gradient, direction, mean, first moment; the caller's vector and product; each slot's
        // sum. The flipped weights of θ, direction and mean.
        let vectors = (7 + slots) * network.parameters() * scalar
            + 3 * network.flipped() * scalar
            + examples.bytes();
        // Of each row six tapes, two coefficients and the materialised direction (the rows of A
        // materialise one for each output); of each slot framed images and flipped weights.
        let filters = network.flipped() * scalar;
        let row = 6 * tape + network.winners() + 2 * scalar;
        let slot = rows * row + rows.max(network.outputs()) * filters;
        // A product with A gathers one number for each output of each example.
        let outputs = examples.len() * network.outputs() * size_of::<f64>();
        let work = slots * (slot + network.framed() * scalar + filters + LISTS) + outputs;
        let first = examples.len() * (2 * tape + network.winners());
        Self { vectors, work, first, tangent: 2 * examples.len() * tape }
    }

    /// Bytes with everything kept.
    pub fn most(&self) -> usize {
        self.vectors + self.work + self.first + self.tangent
    }

    /// Bytes with nothing kept that can be computed again.
    pub fn least(&self) -> usize {
        self.vectors + self.work
    }

    /// Whether a budget holds the first-order tapes of all examples, and whether it holds their
    /// tangents too.
    ///
    /// # Errors
    /// [`Error::Memory`] when it does not hold [`MemoryEstimate::least`] beside what is taken.
    pub fn keeps(&self, execution: &Execution) -> Result<(bool, bool), Error> {
        let (budget, taken) = (execution.memory(), execution.taken());
        let least = taken + self.least();
        if least > budget {
            return Err(Error::Memory { budget, needed: least });
        }
        let first = least + self.first <= budget;
        Ok((first, first && taken + self.most() <= budget))
    }
}
