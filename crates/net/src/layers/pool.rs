//! Pooling over square windows, channel by channel, without padding.

use minimascope_record::architecture::Shape;

use crate::Scalar;
use crate::kernels::vectorized;

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

    fn cells(&self) -> usize {
        self.window.0 * self.window.1
    }

    /// Calls `visit(output offset, cell, input offset)` for every window and cell in row order;
    /// offsets are of the first channel.
    #[inline(always)]
    fn for_each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let (output, channels) = (self.output(), self.input.channels);
        for y in 0..output.height {
            for x in 0..output.width {
                let out = (y * output.width + x) * channels;
                for i in 0..self.window.0 {
                    for j in 0..self.window.1 {
                        let row = y * self.stride.0 + i;
                        let column = x * self.stride.1 + j;
                        let at = (row * self.input.width + column) * channels;
                        visit(out, i * self.window.1 + j, at);
                    }
                }
            }
        }
    }

    /// The maximum of each window and which cell holds it (the first of equal ones).
    pub(crate) fn maximum<T: Scalar>(&self, x: &[T], y: &mut [T], winners: &mut [u8]) {
        let channels = self.input.channels;
        let size = self.output().size();
        let examples = x
            .chunks_exact(self.input.size())
            .zip(y.chunks_exact_mut(size).zip(winners.chunks_exact_mut(size)));
        vectorized(
            #[inline(always)]
            || {
                for (x, (y, winners)) in examples {
                    self.for_each(
                        #[inline(always)]
                        |out, cell, at| {
                            let x = &x[at..at + channels];
                            let y = &mut y[out..out + channels];
                            let winners = &mut winners[out..out + channels];
                            if cell == 0 {
                                y.copy_from_slice(x);
                                winners.fill(0);
                                return;
                            }
                            #[allow(clippy::cast_possible_truncation)]
                            let cell = cell as u8;
                            for c in 0..channels {
                                let wins = x[c] > y[c];
                                y[c] = if wins { x[c] } else { y[c] };
                                winners[c] = if wins { cell } else { winners[c] };
                            }
                        },
                    );
                }
            },
        );
    }

    /// y ← the winners' x: the derivative of the maximum along x.
    pub(crate) fn pick<T: Scalar>(&self, x: &[T], y: &mut [T], winners: &[u8]) {
        let channels = self.input.channels;
        let size = self.output().size();
        let examples = x
            .chunks_exact(self.input.size())
            .zip(y.chunks_exact_mut(size).zip(winners.chunks_exact(size)));
        vectorized(
            #[inline(always)]
            || {
                for (x, (y, winners)) in examples {
                    self.for_each(
                        #[inline(always)]
                        |out, cell, at| {
                            let x = &x[at..at + channels];
                            let y = &mut y[out..out + channels];
                            let winners = &winners[out..out + channels];
                            for c in 0..channels {
                                let wins = usize::from(winners[c]) == cell;
                                y[c] = if wins { x[c] } else { y[c] };
                            }
                        },
                    );
                }
            },
        );
    }

    /// x̄ (+)= d at the winners.
    pub(crate) fn return_to_winners<T: Scalar>(
        &self,
        d: &[T],
        out: &mut [T],
        winners: &[u8],
        accumulate: bool,
    ) {
        let channels = self.input.channels;
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
                    self.for_each(
                        #[inline(always)]
                        |out, cell, at| {
                            let x = &mut x[at..at + channels];
                            let d = &d[out..out + channels];
                            let winners = &winners[out..out + channels];
                            for c in 0..channels {
                                let wins = usize::from(winners[c]) == cell;
                                x[c] += if wins { d[c] } else { T::ZERO };
                            }
                        },
                    );
                }
            },
        );
    }

    /// The mean of each window.
    pub(crate) fn average<T: Scalar>(&self, x: &[T], y: &mut [T]) {
        let channels = self.input.channels;
        #[allow(clippy::cast_precision_loss)]
        let share = T::from_f64(1.0 / self.cells() as f64);
        y.fill(T::ZERO);
        let examples =
            x.chunks_exact(self.input.size()).zip(y.chunks_exact_mut(self.output().size()));
        vectorized(
            #[inline(always)]
            || {
                for (x, y) in examples {
                    self.for_each(
                        #[inline(always)]
                        |out, _, at| {
                            let y = &mut y[out..out + channels];
                            for (y, x) in y.iter_mut().zip(&x[at..at + channels]) {
                                *y += share * *x;
                            }
                        },
                    );
                }
            },
        );
    }

    /// x̄ (+)= the share of each cell in d.
    pub(crate) fn spread_average<T: Scalar>(&self, d: &[T], out: &mut [T], accumulate: bool) {
        let channels = self.input.channels;
        #[allow(clippy::cast_precision_loss)]
        let share = T::from_f64(1.0 / self.cells() as f64);
        if !accumulate {
            out.fill(T::ZERO);
        }
        let examples =
            out.chunks_exact_mut(self.input.size()).zip(d.chunks_exact(self.output().size()));
        vectorized(
            #[inline(always)]
            || {
                for (x, d) in examples {
                    self.for_each(
                        #[inline(always)]
                        |out, _, at| {
                            let x = &mut x[at..at + channels];
                            for (x, d) in x.iter_mut().zip(&d[out..out + channels]) {
                                *x += share * *d;
                            }
                        },
                    );
                }
            },
        );
    }
}
