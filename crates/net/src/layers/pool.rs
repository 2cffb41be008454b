//! Pooling over square windows, channel by channel, without padding. Channels go sixteen at a time
//! through arrays of fixed size, which the compiler keeps in registers.

use minimascope_record::architecture::Shape;

use crate::Scalar;
use crate::kernels::vectorized;

/// Channels of one array.
const LANES: usize = 16;

/// The geometry of a pooling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    input: Shape,
    window: (usize, usize),
    stride: (usize, usize),
}

impl Pool {
    pub(crate) fn new(input: Shape, window: usize, stride: usize) -> Self {
        Self { input, window: (window, window), stride: (stride, stride) }
    }

    /// One window over the whole image.
    pub(crate) fn whole(input: Shape) -> Self {
        let window = (input.height, input.width);
        Self { input, window, stride: window }
    }

    pub(crate) fn output(&self) -> Shape {
        Shape {
            channels: self.input.channels,
            height: (self.input.height - self.window.0) / self.stride.0 + 1,
            width: (self.input.width - self.window.1) / self.stride.1 + 1,
        }
    }

    fn count(&self) -> usize {
        self.window.0 * self.window.1
    }

    /// Every cell of a window in row order, with its place relative to the first.
    #[inline(always)]
    fn cells(&self) -> impl Iterator<Item = (u8, usize)> {
        let (width, row) = (self.window.1, self.input.width * self.input.channels);
        let channels = self.input.channels;
        #[allow(clippy::cast_possible_truncation)] // windows with winners are at most 15 × 15
        (0..self.count())
            .map(move |cell| (cell as u8, cell / width * row + cell % width * channels))
    }

    /// Calls `visit(true, output, input)` for every window and sixteen channels, and with `false`
    /// for every single channel left over; both places are of the first channel of the window's
    /// first cell.
    #[inline(always)]
    fn blocks(&self, mut visit: impl FnMut(bool, usize, usize)) {
        let (output, channels) = (self.output(), self.input.channels);
        let whole = channels - channels % LANES;
        for y in 0..output.height {
            for x in 0..output.width {
                let out = (y * output.width + x) * channels;
                let at = (y * self.stride.0 * self.input.width + x * self.stride.1) * channels;
                for c in (0..whole).step_by(LANES) {
                    visit(true, out + c, at + c);
                }
                for c in whole..channels {
                    visit(false, out + c, at + c);
                }
            }
        }
    }

    /// The maximum of each window and which cell holds it (the first of equal ones).
    pub(crate) fn maximum<T: Scalar>(&self, x: &[T], y: &mut [T], winners: &mut [u8]) {
        let size = self.output().size();
        let examples = x
            .chunks_exact(self.input.size())
            .zip(y.chunks_exact_mut(size).zip(winners.chunks_exact_mut(size)));
        vectorized(
            #[inline(always)]
            || {
                for (x, (y, winners)) in examples {
                    self.blocks(
                        #[inline(always)]
                        |wide, out, at| {
                            if wide {
                                self.maximum_of::<T, LANES>(x, y, winners, out, at);
                            } else {
                                self.maximum_of::<T, 1>(x, y, winners, out, at);
                            }
                        },
                    );
                }
            },
        );
    }

    #[inline(always)]
    fn maximum_of<T: Scalar, const WIDTH: usize>(
        &self,
        x: &[T],
        y: &mut [T],
        winners: &mut [u8],
        out: usize,
        at: usize,
    ) {
        let mut best: [T; WIDTH] = array(&x[at..]);
        let mut winner = [0_u8; WIDTH];
        for (cell, offset) in self.cells().skip(1) {
            let challenger: [T; WIDTH] = array(&x[at + offset..]);
            for lane in 0..WIDTH {
                let wins = challenger[lane] > best[lane];
                best[lane] = if wins { challenger[lane] } else { best[lane] };
                winner[lane] = if wins { cell } else { winner[lane] };
            }
        }
        y[out..out + WIDTH].copy_from_slice(&best);
        winners[out..out + WIDTH].copy_from_slice(&winner);
    }

    /// y ← the winners' x: the derivative of the maximum along x.
    pub(crate) fn pick<T: Scalar>(&self, x: &[T], y: &mut [T], winners: &[u8]) {
        let size = self.output().size();
        let examples = x
            .chunks_exact(self.input.size())
            .zip(y.chunks_exact_mut(size).zip(winners.chunks_exact(size)));
        vectorized(
            #[inline(always)]
            || {
                for (x, (y, winners)) in examples {
                    self.blocks(
                        #[inline(always)]
                        |wide, out, at| {
                            if wide {
                                self.pick_of::<T, LANES>(x, y, winners, out, at);
                            } else {
                                self.pick_of::<T, 1>(x, y, winners, out, at);
                            }
                        },
                    );
                }
            },
        );
    }

    #[inline(always)]
    fn pick_of<T: Scalar, const WIDTH: usize>(
        &self,
        x: &[T],
        y: &mut [T],
        winners: &[u8],
        out: usize,
        at: usize,
    ) {
        let winner: [u8; WIDTH] = array(&winners[out..]);
        let mut picked = [T::ZERO; WIDTH];
        for (cell, offset) in self.cells() {
            let x: [T; WIDTH] = array(&x[at + offset..]);
            for lane in 0..WIDTH {
                picked[lane] = if winner[lane] == cell { x[lane] } else { picked[lane] };
            }
        }
        y[out..out + WIDTH].copy_from_slice(&picked);
    }

    /// x̄ (+)= d at the winners.
    pub(crate) fn return_to_winners<T: Scalar>(
        &self,
        d: &[T],
        out: &mut [T],
        winners: &[u8],
        accumulate: bool,
    ) {
        let size = self.output().size();
        if !accumulate {
            out.fill(T::ZERO);
        }
        let examples = out
            .chunks_exact_mut(self.input.size())
            .zip(d.chunks_exact(size).zip(winners.chunks_exact(size)));
        vectorized(
            #[inline(always)]
            || {
                for (x, (d, winners)) in examples {
                    self.blocks(
                        #[inline(always)]
                        |wide, out, at| {
                            if wide {
                                self.return_of::<T, LANES>(d, x, winners, out, at);
                            } else {
                                self.return_of::<T, 1>(d, x, winners, out, at);
                            }
                        },
                    );
                }
            },
        );
    }

    #[inline(always)]
    fn return_of<T: Scalar, const WIDTH: usize>(
        &self,
        d: &[T],
        x: &mut [T],
        winners: &[u8],
        out: usize,
        at: usize,
    ) {
        let winner: [u8; WIDTH] = array(&winners[out..]);
        let d: [T; WIDTH] = array(&d[out..]);
        for (cell, offset) in self.cells() {
            let x = &mut x[at + offset..][..WIDTH];
            for lane in 0..WIDTH {
                x[lane] += if winner[lane] == cell { d[lane] } else { T::ZERO };
            }
        }
    }

    /// The mean of each window.
    pub(crate) fn average<T: Scalar>(&self, x: &[T], y: &mut [T]) {
        #[allow(clippy::cast_precision_loss)]
        let share = T::from_f64(1.0 / self.count() as f64);
        let examples =
            x.chunks_exact(self.input.size()).zip(y.chunks_exact_mut(self.output().size()));
        vectorized(
            #[inline(always)]
            || {
                for (x, y) in examples {
                    self.blocks(
                        #[inline(always)]
                        |wide, out, at| {
                            if wide {
                                self.average_of::<T, LANES>(x, y, (out, at), share);
                            } else {
                                self.average_of::<T, 1>(x, y, (out, at), share);
                            }
                        },
                    );
                }
            },
        );
    }

    /// x̄ (+)= the share of each cell in d.
    pub(crate) fn spread_average<T: Scalar>(&self, d: &[T], out: &mut [T], accumulate: bool) {
        #[allow(clippy::cast_precision_loss)]
        let share = T::from_f64(1.0 / self.count() as f64);
        if !accumulate {
            out.fill(T::ZERO);
        }
        let examples =
            out.chunks_exact_mut(self.input.size()).zip(d.chunks_exact(self.output().size()));
        vectorized(
            #[inline(always)]
            || {
                for (x, d) in examples {
                    self.blocks(
                        #[inline(always)]
                        |wide, out, at| {
                            if wide {
                                self.spread_of::<T, LANES>(d, x, (out, at), share);
                            } else {
                                self.spread_of::<T, 1>(d, x, (out, at), share);
                            }
                        },
                    );
                }
            },
        );
    }

    #[inline(always)]
    fn average_of<T: Scalar, const WIDTH: usize>(
        &self,
        x: &[T],
        y: &mut [T],
        (out, at): (usize, usize),
        share: T,
    ) {
        let mut sum = [T::ZERO; WIDTH];
        for (_, offset) in self.cells() {
            let x: [T; WIDTH] = array(&x[at + offset..]);
            for lane in 0..WIDTH {
                sum[lane] += share * x[lane];
            }
        }
        y[out..out + WIDTH].copy_from_slice(&sum);
    }

    #[inline(always)]
    fn spread_of<T: Scalar, const WIDTH: usize>(
        &self,
        d: &[T],
        x: &mut [T],
        (out, at): (usize, usize),
        share: T,
    ) {
        let d: [T; WIDTH] = array(&d[out..]);
        for (_, offset) in self.cells() {
            let x = &mut x[at + offset..][..WIDTH];
            for lane in 0..WIDTH {
                x[lane] += share * d[lane];
            }
        }
    }
}

/// The first numbers of a slice.
#[inline(always)]
fn array<U: Copy, const WIDTH: usize>(slice: &[U]) -> [U; WIDTH] {
    *slice.first_chunk().expect("a window lies inside its image")
}
