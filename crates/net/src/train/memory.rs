//! The bytes that training holds, estimated before it begins.

use minimascope_record::training::Optimizer;

use crate::kernels::is_small;
use crate::{Network, Scalar, chunks};

use super::optimizer::state_vectors;

/// Bytes of a [`super::Trainer`] with batches of `batch_size` out of `examples` on so many threads,
/// while it runs and writes checkpoints; the examples themselves excepted.
pub fn training_memory<T: Scalar>(
    network: &Network,
    optimizer: Optimizer,
    (batch_size, examples): (usize, usize),
    threads: usize,
) -> usize {
    let vector = network.parameters() * size_of::<T>();
    let state = state_vectors(optimizer) * vector;
    let slots = chunks::plan::<T>(network, batch_size).len();
    let gathered = batch_size * (network.input().size() + network.outputs()) * size_of::<T>();
    // Threads that share a small batch frame an image for each of them, or for each example.
    let framed = if is_small(batch_size) {
        batch_size.max(threads) * network.framed() * size_of::<T>()
    } else {
        0
    };
    // The state once more as a checkpoint, in the file's order, and as the file's bytes.
    4 * state
        + slots * vector
        + gathered
        + framed
        + passing_memory::<T>(network, batch_size)
        + passing_memory::<T>(network, examples)
}

/// Bytes of an [`super::Assessor`] of so many examples, themselves excepted.
pub fn passing_memory<T: Scalar>(network: &Network, examples: usize) -> usize {
    let plan = chunks::plan::<T>(network, examples);
    let rows = plan.iter().flatten().map(ExactSizeIterator::len).max().unwrap_or(0);
    // Activations and derivatives of a chunk for each slot, and its framed images.
    let tapes = 2 * network.tape_width() * size_of::<T>() + network.winners();
    plan.len() * (rows * tapes + network.framed() * size_of::<T>())
        + network.flipped() * size_of::<T>()
}
