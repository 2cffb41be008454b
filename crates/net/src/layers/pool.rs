//! Pooling over square windows, channel by channel, without padding. Sixteen neighbouring channels
//! go together through arrays of fixed size, which the compiler keeps in registers.

use minimascope_record::architecture::Shape;

use crate::kernels::vectorized;
use crate::{Error, Scalar};

use super::layout::{Described, LayerName, Reserved};
use super::map::{LayerValues, Map};

/// Channels of one array.
const LANES: usize = 16;
/// The largest side of a window: a winner's number within its window fits a byte.
const LARGEST_WINDOW: usize = 15;

/// The windows of a pooling.
#[derive(Clone, Copy, Debug)]
struct Windows {
    input: Shape,
    window: (usize, usize),
    stride: (usize, usize),
}

/// What a pass does with one window of `WIDTH` neighbouring channels, whose first output is number
/// `output` and whose first input is number `input` of the chunk.
trait WindowPass {
    fn window<const WIDTH: usize>(&mut self, windows: &Windows, output: usize, input: usize);
}

impl Windows {
    fn new(
        layer: LayerName<'_>,
        input: Shape,
        window: usize,
        stride: Option<usize>,
    ) -> Result<Self, Error> {
        let stride = stride.unwrap_or(window);
        layer.check_sizes(&[("window", window, 1), ("stride", stride, 1)])?;
        layer.check(window <= LARGEST_WINDOW, || {
            format!("a window of {window} is larger than {LARGEST_WINDOW}; use global-average-pool")
        })?;
        layer.check(window <= input.height && window <= input.width, || {
            format!(
                "a window of {window} is larger than its input {}×{}",
                input.height, input.width
            )
        })?;
        Ok(Self { input, window: (window, window), stride: (stride, stride) })
    }

    fn output(&self) -> Shape {
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
        // Windows with winners are at most 15 × 15.
        (0..self.count())
            .map(move |cell| (cell as u8, cell / width * row + cell % width * channels))
    }

    /// Runs a pass over every window of `rows` examples.
    fn each(&self, rows: usize, mut pass: impl WindowPass) {
        let (output, channels) = (self.output(), self.input.channels);
        let whole = channels - channels % LANES;
        vectorized(
            #[inline(always)]
            || {
                for row in 0..rows * output.height {
                    let (example, y) = (row / output.height, row % output.height);
                    let image = example * self.input.size();
                    for x in 0..output.width {
                        let out = (row * output.width + x) * channels;
                        let at = y * self.stride.0 * self.input.width + x * self.stride.1;
                        let at = image + at * channels;
                        for c in (0..whole).step_by(LANES) {
                            pass.window::<LANES>(self, out + c, at + c);
                        }
                        for c in whole..channels {
                            pass.window::<1>(self, out + c, at + c);
                        }
                    }
                }
            },
        );
    }
}

/// The maximum over windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxPool {
    windows: Windows,
    /// Its first place on the tape of winners, for one example.
    winners: usize,
}

impl MaxPool {
    pub(super) fn lay_out(
        layer: LayerName<'_>,
        reserved: &mut Reserved,
        input: Shape,
        (window, stride): (usize, Option<usize>),
    ) -> Result<(Self, Described), Error> {
        let windows = Windows::new(layer, input, window, stride)?;
        let output = windows.output();
        let kind = format!("{} {window}×{window}", layer.kind);
        let winners = reserved.winners(output.size());
        Ok((Self { windows, winners }, Described { output, kind, multiply_adds: 0 }))
    }

    /// The places of this layer's winners on a tape of `rows` examples.
    fn places(&self, rows: usize) -> std::ops::Range<usize> {
        let start = self.winners * rows;
        start..start + self.windows.output().size() * rows
    }
}

impl<T: Scalar> Map<T> for MaxPool {
    fn forward(&self, rows: usize, x: &[T], y: &mut [T], winners: &mut [u8]) {
        let winners = &mut winners[self.places(rows)];
        self.windows.each(rows, Maximum { x, y, winners });
    }

    fn tangent(&self, at: LayerValues<'_, T>, x: &[T], y: &mut [T]) {
        let winners = &at.winners[self.places(at.rows)];
        self.windows.each(at.rows, PickWinner { x, y, winners });
    }

    fn backward(&self, at: LayerValues<'_, T>, d: &[T], out: &mut [T], accumulate: bool) {
        if !accumulate {
            out.fill(T::ZERO);
        }
        let winners = &at.winners[self.places(at.rows)];
        self.windows.each(at.rows, ReturnToWinner { d, out, winners });
    }
}

/// The mean over windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AveragePool {
    windows: Windows,
}

impl AveragePool {
    pub(super) fn lay_out(
        layer: LayerName<'_>,
        input: Shape,
        (window, stride): (usize, Option<usize>),
    ) -> Result<(Self, Described), Error> {
        let windows = Windows::new(layer, input, window, stride)?;
        let kind = format!("{} {window}×{window}", layer.kind);
        Ok((Self { windows }, Described { output: windows.output(), kind, multiply_adds: 0 }))
    }

    /// One window over the whole image.
    pub(super) fn lay_out_whole(layer: LayerName<'_>, input: Shape) -> (Self, Described) {
        let window = (input.height, input.width);
        let windows = Windows { input, window, stride: window };
        let kind = layer.kind.to_owned();
        (Self { windows }, Described { output: windows.output(), kind, multiply_adds: 0 })
    }

    /// One over the number of cells.
    fn share<T: Scalar>(&self) -> T {
        T::from_f64(1.0 / self.windows.count() as f64)
    }
}

impl<T: Scalar> Map<T> for AveragePool {
    fn forward(&self, rows: usize, x: &[T], y: &mut [T], _winners: &mut [u8]) {
        self.windows.each(rows, Average { x, y, share: self.share() });
    }

    fn tangent(&self, at: LayerValues<'_, T>, x: &[T], y: &mut [T]) {
        self.windows.each(at.rows, Average { x, y, share: self.share() });
    }

    fn backward(&self, at: LayerValues<'_, T>, d: &[T], out: &mut [T], accumulate: bool) {
        if !accumulate {
            out.fill(T::ZERO);
        }
        self.windows.each(at.rows, SpreadBack { d, out, share: self.share() });
    }
}

/// y ← the maximum of each window, and which cell holds it (the first of equal ones).
struct Maximum<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    winners: &'a mut [u8],
}

impl<T: Scalar> WindowPass for Maximum<'_, T> {
    #[inline(always)]
    fn window<const WIDTH: usize>(&mut self, windows: &Windows, output: usize, input: usize) {
        let mut best: [T; WIDTH] = array(&self.x[input..]);
        let mut winner = [0_u8; WIDTH];
        for (cell, offset) in windows.cells().skip(1) {
            let challenger: [T; WIDTH] = array(&self.x[input + offset..]);
            for lane in 0..WIDTH {
                let wins = challenger[lane] > best[lane];
                best[lane] = if wins { challenger[lane] } else { best[lane] };
                winner[lane] = if wins { cell } else { winner[lane] };
            }
        }
        self.y[output..output + WIDTH].copy_from_slice(&best);
        self.winners[output..output + WIDTH].copy_from_slice(&winner);
    }
}

/// y ← x at the winners: the derivative of the maximum along x.
struct PickWinner<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    winners: &'a [u8],
}

impl<T: Scalar> WindowPass for PickWinner<'_, T> {
    #[inline(always)]
    fn window<const WIDTH: usize>(&mut self, windows: &Windows, output: usize, input: usize) {
        let winner: [u8; WIDTH] = array(&self.winners[output..]);
        let mut picked = [T::ZERO; WIDTH];
        for (cell, offset) in windows.cells() {
            let x: [T; WIDTH] = array(&self.x[input + offset..]);
            for lane in 0..WIDTH {
                picked[lane] = if winner[lane] == cell { x[lane] } else { picked[lane] };
            }
        }
        self.y[output..output + WIDTH].copy_from_slice(&picked);
    }
}

/// x̄ += d at the winners.
struct ReturnToWinner<'a, T> {
    d: &'a [T],
    out: &'a mut [T],
    winners: &'a [u8],
}

impl<T: Scalar> WindowPass for ReturnToWinner<'_, T> {
    #[inline(always)]
    fn window<const WIDTH: usize>(&mut self, windows: &Windows, output: usize, input: usize) {
        let winner: [u8; WIDTH] = array(&self.winners[output..]);
        let d: [T; WIDTH] = array(&self.d[output..]);
        for (cell, offset) in windows.cells() {
            let out = &mut self.out[input + offset..][..WIDTH];
            for lane in 0..WIDTH {
                out[lane] += if winner[lane] == cell { d[lane] } else { T::ZERO };
            }
        }
    }
}

/// y ← the mean of each window.
struct Average<'a, T> {
    x: &'a [T],
    y: &'a mut [T],
    share: T,
}

impl<T: Scalar> WindowPass for Average<'_, T> {
    #[inline(always)]
    fn window<const WIDTH: usize>(&mut self, windows: &Windows, output: usize, input: usize) {
        let mut sum = [T::ZERO; WIDTH];
        for (_, offset) in windows.cells() {
            let x: [T; WIDTH] = array(&self.x[input + offset..]);
            for lane in 0..WIDTH {
                sum[lane] += self.share * x[lane];
            }
        }
        self.y[output..output + WIDTH].copy_from_slice(&sum);
    }
}

/// x̄ += each cell's share of d.
struct SpreadBack<'a, T> {
    d: &'a [T],
    out: &'a mut [T],
    share: T,
}

impl<T: Scalar> WindowPass for SpreadBack<'_, T> {
    #[inline(always)]
    fn window<const WIDTH: usize>(&mut self, windows: &Windows, output: usize, input: usize) {
        let d: [T; WIDTH] = array(&self.d[output..]);
        for (_, offset) in windows.cells() {
            let out = &mut self.out[input + offset..][..WIDTH];
            for lane in 0..WIDTH {
                out[lane] += self.share * d[lane];
            }
        }
    }
}

/// The first numbers of a slice.
#[inline(always)]
fn array<U: Copy, const WIDTH: usize>(slice: &[U]) -> [U; WIDTH] {
    *slice.first_chunk().expect("a window lies inside its image")
}
