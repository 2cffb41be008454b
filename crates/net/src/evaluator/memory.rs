//! What an evaluator holds, in bytes, known before it holds it.

use crate::chunks::SlotChunks;
use crate::{Error, Examples, Execution, Network, Scalar};

/// Bytes of a slot's lists themselves, whatever is in them (700 were counted).
const LISTS: usize = 1024;

/// Bytes by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Parameter-sized vectors and the examples themselves.
    pub vectors: usize,
    /// Working memory of all slots.
    pub work: usize,
    /// Activations and derivatives of all examples, if kept.
    pub first: usize,
    /// Their tangents, if kept (Σv computes them a second time otherwise).
    pub tangent: usize,
}

impl MemoryEstimate {
    /// What [`crate::Evaluator::new`] would need for these examples.
    #[must_use]
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
        // θ, gradient, direction, mean, first moment; the vector and the product of whoever asks;
        // each slot's sum; the flipped filters beside.
        let vectors = (7 + slots) * network.parameters() * scalar
            + 3 * network.flipped() * scalar
            + examples.bytes();
        // Six tapes, two coefficients and the filters of per-example directions (with factors one
        // for each output), framed images and a flipped filter.
        let filters = network.flipped() * scalar;
        let row = 6 * tape + network.winners() + 2 * scalar;
        let slot = rows * row + rows.max(network.outputs()) * filters;
        let work = slots * (slot + network.framed() * scalar + filters + LISTS);
        let first = examples.len() * (2 * tape + network.winners());
        Self { vectors, work, first, tangent: 2 * examples.len() * tape }
    }

    /// Everything kept.
    #[must_use]
    pub fn most(&self) -> usize {
        self.vectors + self.work + self.first + self.tangent
    }

    /// Nothing kept that can be computed again.
    #[must_use]
    pub fn least(&self) -> usize {
        self.vectors + self.work
    }

    /// What a budget lets be kept: first-order tapes, tangents.
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
