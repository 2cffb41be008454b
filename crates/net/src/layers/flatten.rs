//! From images position by position, as they lie here, to PyTorch's flat order, channel by channel.

use minimascope_record::architecture::Shape;

use crate::Scalar;

use super::layout::Described;
use super::map::{LayerValues, Map};

/// Positions × channels to channels × positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelsFirst {
    channels: usize,
    positions: usize,
}

/// The shape of a value as a vector.
pub(crate) fn flat(input: Shape) -> Shape {
    Shape { channels: input.size(), height: 1, width: 1 }
}

impl ChannelsFirst {
    /// The reordering that makes a vector of this shape; none where one position or one channel
    /// lies in that order already.
    pub(super) fn of(input: Shape) -> Option<Self> {
        let (channels, positions) = (input.channels, input.height * input.width);
        (positions > 1 && channels > 1).then_some(Self { channels, positions })
    }

    pub(super) fn describe(input: Shape) -> Described {
        Described { output: flat(input), kind: "flatten".into(), multiply_adds: 0 }
    }
}

impl<T: Scalar> Map<T> for ChannelsFirst {
    fn forward(&self, _rows: usize, x: &[T], y: &mut [T], _winners: &mut [u8]) {
        self.reorder(x, y);
    }

    fn tangent(&self, _at: LayerValues<'_, T>, x_tangent: &[T], y_tangent: &mut [T]) {
        self.reorder(x_tangent, y_tangent);
    }

    fn backward(&self, _at: LayerValues<'_, T>, d: &[T], out: &mut [T], accumulate: bool) {
        let Self { channels, positions } = *self;
        let size = channels * positions;
        for (d, out) in d.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            for (p, out) in out.chunks_exact_mut(channels).enumerate() {
                for (c, out) in out.iter_mut().enumerate() {
                    let d = d[c * positions + p];
                    *out = if accumulate { *out + d } else { d };
                }
            }
        }
    }
}

impl ChannelsFirst {
    fn reorder<T: Scalar>(&self, x: &[T], y: &mut [T]) {
        let Self { channels, positions } = *self;
        let size = channels * positions;
        for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
            for (p, x) in x.chunks_exact(channels).enumerate() {
                for (c, x) in x.iter().enumerate() {
                    y[c * positions + p] = *x;
                }
            }
        }
    }
}
