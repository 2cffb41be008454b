//! How a batch is cut: into chunks that one thread passes over at a time, and into slots, each
//! with a sum of its own. Both depend on the network and the number of examples alone, so that
//! sums have the same order, and results the same bits, at any number of threads.

use std::ops::Range;

use crate::Scalar;
use crate::network::Network;

/// At most so many slots: parallelism beyond this is lost.
const SLOTS: usize = 16;
/// A chunk of a network with convolutions keeps the numbers of one of its passes within this many
/// bytes, so that consecutive layers find them in a second-level cache.
const CHUNK_BYTES: usize = 1 << 20;
/// Filters of a chunk's own directions (see `passes`) stay within this many bytes.
const FILTER_BYTES: usize = 8 << 20;
/// Rows of a dense chunk: fewer, and packing the weights shows; more, and a small batch is cut
/// into too few pieces.
const DENSE_ROWS: usize = 500;
/// All sums together stay within this many bytes (but there is always one).
const SUM_BYTES: usize = 512 << 20;

/// The chunks of one slot, in order.
pub(crate) type Slot = Vec<Range<usize>>;

pub(crate) fn plan<T: Scalar>(network: &Network, examples: usize) -> Vec<Slot> {
    let scalar = size_of::<T>();
    let rows = if network.has_convolution() {
        let by_tape = CHUNK_BYTES / (network.tape_width() * scalar);
        let by_filters = FILTER_BYTES / (network.filters() * scalar);
        by_tape.min(by_filters).max(1)
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
