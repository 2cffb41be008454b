//! Two-dimensional cross-correlation: three indexed products on a zero-padded copy of the image.
//!
//! With positions (y, x), cells (i, j) of the k × k kernel, stride s and padding p:
//! z[y, x, o] = Σ_{i,j,c} a[y s + i − p, x s + j − p, c] · W[i, j, c, o]. The derivative of the
//! input is the same product with stride 1 on the output derivative, spread s apart and padded by
//! k − 1 − p, with the filter flipped.

use std::ops::Range;

use minimascope_record::architecture::Shape;

use crate::kernels::{LEAST, TILE, cut_rows, indexed_product};
use crate::tensor::{InitialValues, TensorOrder};
use crate::workspace::room;
use crate::{Error, Scalar};

use super::affine::{Affine, WeightPlaces, Work};
use super::layout::{Described, LayerName, Reserved};

/// Positions of one product of a filter's gradient: their output derivatives (64 channels in f32)
/// stay in a first-level cache while all kernel cells pass over them.
const BLOCK: usize = 128;
/// The least positions of one product: smaller images are taken together, to fill register tiles.
const POSITIONS: usize = 32;

/// The settings of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvolutionSettings {
    /// Output channels.
    pub channels: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step between positions.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Whether each output channel has a bias.
    pub bias: bool,
}

/// A convolution's geometry, its index tables for one example, and the places of its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    places: WeightPlaces,
    input: Shape,
    output: Shape,
    /// From positions of the output to the padded input.
    forward: Correlation,
    /// From positions of the input to the padded, spread output derivative.
    backward: Correlation,
    kernel: usize,
    stride: usize,
    padding: usize,
}

/// Index tables of a correlation over a group of images: which padded pixel a position starts at,
/// and how far from there each cell and channel lies.
#[derive(Clone, Debug)]
struct Correlation {
    padded: Shape,
    /// Images that the tables cover.
    group: usize,
    /// Positions of one image.
    positions: usize,
    rows: Vec<u32>,
    steps: Vec<u32>,
}

impl Correlation {
    fn new(padded: Shape, positions: (usize, usize), stride: usize, kernel: usize) -> Self {
        let at = |y: usize, x: usize, c: usize| {
            let index = (y * padded.width + x) * padded.channels + c;
            u32::try_from(index).expect("an image of under 2³² numbers")
        };
        let count = positions.0 * positions.1;
        let group = (POSITIONS / count).max(1);
        let rows = (0..group)
            .flat_map(|image| {
                (0..positions.0).flat_map(move |y| {
                    (0..positions.1)
                        .map(move |x| at(image * padded.height + y * stride, x * stride, 0))
                })
            })
            .collect();
        let steps = (0..kernel)
            .flat_map(|i| {
                (0..kernel).flat_map(move |j| (0..padded.channels).map(move |c| at(i, j, c)))
            })
            .collect();
        Self { padded, group, positions: count, rows, steps }
    }

    /// Images, each framed by `frame`, one after another in `framed`.
    fn frame<'s, T: Scalar>(
        &self,
        (images, size): (&[T], usize),
        frame: impl Fn(&[T], &mut [T]),
        framed: &'s mut [T],
    ) -> &'s [T] {
        let padded = self.padded.size();
        let framed = &mut framed[..images.len() / size * padded];
        for (image, to) in images.chunks_exact(size).zip(framed.chunks_exact_mut(padded)) {
            frame(image, to);
        }
        framed
    }

    /// The product for all images, shared by their positions.
    fn correlate<T: Scalar>(
        &self,
        work: Work<'_, T>,
        (images, size): (&[T], usize),
        frame: impl Fn(&[T], &mut [T]) + Copy + Sync,
        weight: &[T],
        (out, columns): (&mut [T], usize),
    ) {
        let Work { team, accumulate, images: scratch, .. } = work;
        let parts = team.parts(out.len() * self.steps.len(), LEAST);
        let framed = self.group * self.padded.size();
        let framed = room(scratch, parts * framed).chunks_exact_mut(framed);
        let group = self.group * self.positions;
        let pieces = cut_rows(out, columns, TILE, parts).zip(framed);
        team.share_each(pieces, |((Range { mut start, end }, mut out), framed)| {
            while start < end {
                // What of this part lies in one group.
                let first = start / group;
                let rows = start - first * group..(end - first * group).min(group);
                let images = images.chunks(self.group * size).nth(first).expect("an image");
                let images = self.frame((images, size), frame, framed);
                let (now, rest) = out.split_at_mut(rows.len() * columns);
                start += rows.len();
                let rows = &self.rows[rows];
                indexed_product(images, rows, &self.steps, weight, columns, now, accumulate);
                out = rest;
            }
        });
    }
}

impl Convolution {
    pub(crate) fn lay_out(
        layer: LayerName<'_>,
        reserved: &mut Reserved,
        input: Shape,
        settings: ConvolutionSettings,
    ) -> Result<(Self, Described), Error> {
        let ConvolutionSettings { channels, kernel, stride, padding, bias } = settings;
        layer.check_sizes(&[
            ("channels", channels, 1),
            ("kernel", kernel, 1),
            ("stride", stride, 1),
            ("padding", padding, 0),
        ])?;
        let (height, width) = (input.height + 2 * padding, input.width + 2 * padding);
        layer.check(kernel <= height && kernel <= width, || {
            format!("a kernel of {kernel} is larger than its padded input {height}×{width}")
        })?;
        let shape = [channels, input.channels, kernel, kernel];
        layer.check_count("weights", &shape)?;
        // The frames of the backward pass are as large as kernel and padding make them.
        let widest = channels.max(input.channels);
        let framed = [height + kernel, width + kernel, widest];
        layer.check_count("numbers in its framed image", &framed)?;
        layer.check_table("positions", &[height, width])?;
        layer.check_table("weights for an output", &[kernel, kernel, widest])?;
        let deviation = (2.0 / (channels * kernel * kernel) as f64).sqrt();
        let initial = (TensorOrder::Filter, InitialValues::ScaledNormal { deviation });
        let weight = reserved.tensor(layer, "weight", &shape, initial);
        let initial = (TensorOrder::Torch, InitialValues::Constant(0.0));
        let bias = bias.then(|| reserved.tensor(layer, "bias", &[channels], initial));
        let flipped = reserved.flipped(weight.len());
        let multiply_adds = weight.len();
        let convolution = Self::new(input, settings, WeightPlaces { weight, bias, flipped });
        reserved.framed = reserved.framed.max(convolution.framed());
        let output = convolution.output;
        let described = Described {
            output,
            kind: format!(
                "convolution {kernel}×{kernel}, {} → {channels}, stride {stride}, padding {padding}",
                input.channels
            ),
            multiply_adds: output.height * output.width * multiply_adds,
        };
        Ok((convolution, described))
    }

    fn new(input: Shape, settings: ConvolutionSettings, places: WeightPlaces) -> Self {
        let ConvolutionSettings { channels, kernel, stride, padding, .. } = settings;
        let size = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let output = Shape { channels, height: size(input.height), width: size(input.width) };
        let padded = Shape {
            channels: input.channels,
            height: input.height + 2 * padding,
            width: input.width + 2 * padding,
        };
        let spread =
            Shape { channels, height: input.height + kernel - 1, width: input.width + kernel - 1 };
        Self {
            places,
            input,
            output,
            forward: Correlation::new(padded, (output.height, output.width), stride, kernel),
            backward: Correlation::new(spread, (input.height, input.width), 1, kernel),
            kernel,
            stride,
            padding,
        }
    }

    /// Numbers of a framed group of images, or of output derivatives if those are more.
    fn framed(&self) -> usize {
        let size = |tables: &Correlation| tables.group * tables.padded.size();
        size(&self.forward).max(size(&self.backward))
    }

    /// These cells' gradient from a group of framed images.
    fn outer_of<T: Scalar>(
        &self,
        images: &[T],
        d: &[T],
        cells: &[u32],
        gradient: &mut [T],
        mut accumulate: bool,
    ) {
        let columns = self.output.channels;
        for (positions, d) in self.forward.rows.chunks(BLOCK).zip(d.chunks(BLOCK * columns)) {
            let positions = &positions[..d.len() / columns];
            indexed_product(images, cells, positions, d, columns, gradient, accumulate);
            accumulate = true;
        }
    }

    /// The image with a frame of zeros.
    fn pad<T: Scalar>(&self, x: &[T], padded: &mut [T]) {
        let shape = self.forward.padded;
        padded.fill(T::ZERO);
        let row = self.input.width * self.input.channels;
        for (y, x) in x.chunks_exact(row).enumerate() {
            let to = ((y + self.padding) * shape.width + self.padding) * shape.channels;
            padded[to..to + row].copy_from_slice(x);
        }
    }

    /// The output derivative with its positions `stride` apart inside a frame of k − 1 − p zeros.
    /// Where p > k − 1 the outermost positions saw only padding and fall away.
    fn spread<T: Scalar>(&self, d: &[T], padded: &mut [T]) {
        let shape = self.backward.padded;
        let channels = self.output.channels;
        padded.fill(T::ZERO);
        let place = |at: usize, side: usize| {
            (at * self.stride + self.kernel - 1).checked_sub(self.padding).filter(|to| *to < side)
        };
        for y in 0..self.output.height {
            let Some(to_y) = place(y, shape.height) else { continue };
            let row = &d[y * self.output.width * channels..][..self.output.width * channels];
            if self.stride == 1 && self.padding < self.kernel {
                let to = (to_y * shape.width + self.kernel - 1 - self.padding) * channels;
                padded[to..to + row.len()].copy_from_slice(row);
                continue;
            }
            for (x, d) in row.chunks_exact(channels).enumerate() {
                let Some(to_x) = place(x, shape.width) else { continue };
                let to = (to_y * shape.width + to_x) * channels;
                padded[to..to + channels].copy_from_slice(d);
            }
        }
    }
}

impl<T: Scalar> Affine<T> for Convolution {
    fn places(&self) -> &WeightPlaces {
        &self.places
    }

    fn columns(&self) -> usize {
        self.output.channels
    }

    /// From (cell, C_in, C_out) to (last cell first, C_out, C_in).
    fn flip(&self, weight: &[T], flipped: &mut [T]) {
        let (inputs, outputs) = (self.input.channels, self.output.channels);
        let cell = inputs * outputs;
        let cells = weight.chunks_exact(cell).rev();
        for (from, to) in cells.zip(flipped.chunks_exact_mut(cell)) {
            transpose(from, (inputs, outputs), to);
        }
    }

    fn apply(&self, work: Work<'_, T>, weight: &[T], x: &[T], y: &mut [T]) {
        let rows = work.rows;
        let columns = self.output.channels;
        let (x, y) = (&x[..rows * self.input.size()], &mut y[..rows * self.output.size()]);
        let tables = &self.forward;
        let pad = |x: &[T], padded: &mut [T]| self.pad(x, padded);
        let x = (x, self.input.size());
        tables.correlate(work, x, pad, weight, (y, columns));
    }

    fn apply_transposed(&self, work: Work<'_, T>, weight: (&[T], &[T]), d: &[T], out: &mut [T]) {
        let rows = work.rows;
        let columns = self.input.channels;
        let (d, out) = (&d[..rows * self.output.size()], &mut out[..rows * self.input.size()]);
        let tables = &self.backward;
        let spread = |d: &[T], padded: &mut [T]| self.spread(d, padded);
        let d = (d, self.output.size());
        tables.correlate(work, d, spread, weight.1, (out, columns));
    }

    /// gradient (+)= Σ_i d_i ⊗ x_i, shared by the cells of the kernel: each sums the images in
    /// their order.
    fn outer(&self, work: Work<'_, T>, x: &[T], d: &[T], gradient: &mut [T]) {
        let Work { team, rows, accumulate, images } = work;
        let tables = &self.forward;
        let (columns, padded) = (self.output.channels, tables.padded.size());
        let (input, output) = (self.input.size(), self.output.size());
        let (x, d) = (&x[..rows * input], &d[..rows * output]);
        let parts = team.parts(d.len() * tables.steps.len(), LEAST);
        let pad = |x: &[T], padded: &mut [T]| self.pad(x, padded);
        if parts == 1 {
            let framed = room(images, tables.group * padded);
            let groups = x.chunks(tables.group * input).zip(d.chunks(tables.group * output));
            for (index, (x, d)) in groups.enumerate() {
                let images = tables.frame((x, input), pad, framed);
                let accumulate = accumulate || index > 0;
                self.outer_of(images, d, &tables.steps, gradient, accumulate);
            }
            return;
        }
        let framed = room(images, rows * padded);
        team.share_each(cut_rows(framed, padded, 1, parts), |(images, framed)| {
            tables.frame((&x[images.start * input..images.end * input], input), pad, framed);
        });
        let framed = &*framed;
        team.share_each(cut_rows(gradient, columns, TILE, parts), |(cells, gradient)| {
            let groups = framed.chunks(tables.group * padded).zip(d.chunks(tables.group * output));
            for (index, (images, d)) in groups.enumerate() {
                let accumulate = accumulate || index > 0;
                self.outer_of(images, d, &tables.steps[cells.clone()], gradient, accumulate);
            }
        });
    }
}

/// to[j][i] = from[i][j], in square blocks through an array of fixed size, which the compiler turns
/// into shuffles of registers.
fn transpose<T: Scalar>(from: &[T], (rows, columns): (usize, usize), to: &mut [T]) {
    const SIDE: usize = 16;
    crate::kernels::vectorized(
        #[inline(always)]
        || {
            for row in (0..rows).step_by(SIDE) {
                for column in (0..columns).step_by(SIDE) {
                    let (height, width) = (SIDE.min(rows - row), SIDE.min(columns - column));
                    if height < SIDE || width < SIDE {
                        for j in column..column + width {
                            for i in row..row + height {
                                to[j * rows + i] = from[i * columns + j];
                            }
                        }
                        continue;
                    }
                    let mut block = [[T::ZERO; SIDE]; SIDE];
                    for i in 0..SIDE {
                        let line: &[T; SIDE] = from[(row + i) * columns + column..][..SIDE]
                            .try_into()
                            .expect("a slice of SIDE numbers");
                        for j in 0..SIDE {
                            block[j][i] = line[j];
                        }
                    }
                    for (j, line) in block.iter().enumerate() {
                        to[(column + j) * rows + row..][..SIDE].copy_from_slice(line);
                    }
                }
            }
        },
    );
}
