//! How a batch is cut into chunks and slots.
//!
//! One thread passes over a chunk at a time. A slot is several chunks with one sum of their own.
//! Both depend on the network and the number of examples alone, so that sums have the same order,
//! and results the same bits, at any number of threads.

use std::ops::Range;

use crate::Scalar;
use crate::network::Network;

/// The most slots, and so the most threads that can work on a batch.
const SLOTS: usize = 16;
/// The most bytes of one pass over a chunk of a network with convolutions: consecutive layers then
/// find them in a second-level cache.
const CHUNK_BYTES: usize = 1 << 20;
/// The most bytes of the materialised directions of a chunk's examples (see `passes`).
const OWN_WEIGHT_BYTES: usize = 8 << 20;
/// Rows of a dense chunk: fewer, and packing the weights shows; more, and a small batch is cut
/// into too few pieces.
const DENSE_ROWS: usize = 500;
/// The most bytes of all slots' sums together, unless one sum alone is larger.
const SUM_BYTES: usize = 512 << 20;

/// The chunks of one slot, in order.
pub(crate) type SlotChunks = Vec<Range<usize>>;

pub(crate) fn plan<T: Scalar>(network: &Network, examples: usize) -> Vec<SlotChunks> {
    let scalar = size_of::<T>();
    let rows = if network.materialises_directions() {
        let by_tape = CHUNK_BYTES / (network.tape_width() * scalar);
        let by_own_weights = OWN_WEIGHT_BYTES / (network.flipped() * scalar);
        by_tape.min(by_own_weights).max(1)
    } else {
        DENSE_ROWS
    };
    let chunks = examples.div_ceil(rows).max(1);
    let slots = SLOTS.min(chunks).min((SUM_BYTES / (network.parameters() * scalar)).max(1));
    // Even chunks: a ragged last one would leave a thread waiting.
    let cut = |part: usize| part * examples / chunks;
    let first = |slot: usize| slot * chunks / slots;
    (0..slots)
        .map(|slot| (first(slot)..first(slot + 1)).map(|c| cut(c)..cut(c + 1)).collect())
        .collect()
}
