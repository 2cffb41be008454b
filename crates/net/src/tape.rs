//! Tapes: the values that one pass over one chunk of examples leaves in every buffer but the input.

use crate::Scalar;
use crate::network::Network;
use crate::workspace::room;

/// Buffer b of a chunk of m examples is m × size(b) numbers, example by example.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape<T> {
    data: Vec<T>,
}

impl<T: Scalar> Tape<T> {
    /// Makes room for `rows` examples. Keeps its memory between calls.
    pub(crate) fn fit(&mut self, network: &Network, rows: usize) {
        room(&mut self.data, network.tape_width() * rows);
    }

    pub(crate) fn read(&self, network: &Network, rows: usize, buffer: usize) -> &[T] {
        &self.data[network.buffer_offset(buffer) * rows..][..network.buffer_size(buffer) * rows]
    }

    pub(crate) fn write(&mut self, network: &Network, rows: usize, buffer: usize) -> &mut [T] {
        let start = network.buffer_offset(buffer) * rows;
        &mut self.data[start..][..network.buffer_size(buffer) * rows]
    }

    /// One buffer to read and another to write.
    pub(crate) fn pair(
        &mut self,
        network: &Network,
        rows: usize,
        read: usize,
        write: usize,
    ) -> (&[T], &mut [T]) {
        let range = |buffer| {
            let start = network.buffer_offset(buffer) * rows;
            start..start + network.buffer_size(buffer) * rows
        };
        let (from, to) = (range(read), range(write));
        if from.end <= to.start {
            let (left, right) = self.data.split_at_mut(to.start);
            (&left[from], &mut right[..to.len()])
        } else {
            assert!(to.end <= from.start, "a buffer cannot be read while it is written");
            let (left, right) = self.data.split_at_mut(from.start);
            (&right[..from.len()], &mut left[to])
        }
    }
}
