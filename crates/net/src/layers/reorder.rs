//! Between the order of images here (position by position) and PyTorch's (channel by channel).

use crate::Scalar;

/// y ← x from positions × channels to channels × positions, example by example.
pub(crate) fn to_channels_first<T: Scalar>(
    channels: usize,
    positions: usize,
    x: &[T],
    y: &mut [T],
) {
    let size = channels * positions;
    for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
        for (p, x) in x.chunks_exact(channels).enumerate() {
            for (c, x) in x.iter().enumerate() {
                y[c * positions + p] = *x;
            }
        }
    }
}

/// x (+)= y from channels × positions to positions × channels, example by example.
pub(crate) fn to_positions_first<T: Scalar>(
    channels: usize,
    positions: usize,
    y: &[T],
    x: &mut [T],
    accumulate: bool,
) {
    let size = channels * positions;
    for (y, x) in y.chunks_exact(size).zip(x.chunks_exact_mut(size)) {
        for (p, x) in x.chunks_exact_mut(channels).enumerate() {
            for (c, x) in x.iter_mut().enumerate() {
                let y = y[c * positions + p];
                *x = if accumulate { *x + y } else { y };
            }
        }
    }
}
