//! Square roots of the Gauss–Newton matrices: G_i = A_iᵀA_i with A_i = B_iᵀ J_i, K × P, where
//! B_i B_iᵀ = L_i = ∂²ℓ_i/∂z². The nK rows of all A_i span everything that the linearised dynamics
//! of a network can reach; row i·K + k belongs to example i. Neither example weights nor weight
//! decay enter.

use rayon::prelude::*;

use crate::kernels::{Layout, Team, multiply, row_dots};
use crate::layers::Affine;
use crate::passes::{self, Chunk, Direction, Scratch};
use crate::tape::{Tape, room};
use crate::{Error, Scalar, loss};

use super::products::recompute;
use super::{Context, Evaluator, First, Gathered, Slot};

/// Rows of the Gram matrix that one thread computes at a time.
const GRAM_ROWS: usize = 128;

impl<T: Scalar> Context<'_, T> {
    /// J_iᵀ B_i c_i backwards: the output derivative Σ_k c_ik B_i[·, k] of every example, then the
    /// backward pass.
    fn root_backward(
        &self,
        range: &std::ops::Range<usize>,
        first: &First<T>,
        coefficients: impl Fn(usize, usize) -> f64,
        delta: &mut Tape<T>,
        scratch: &mut Scratch<T>,
    ) {
        let (network, rows) = (self.network, range.len());
        let (output, k) = (network.output_buffer(), network.outputs());
        delta.fit(network, rows);
        let z = first.a.read(network, rows, output).chunks_exact(k);
        let y = self.examples.target(range.clone()).chunks_exact(k);
        let r = delta.write(network, rows, output).chunks_exact_mut(k);
        for (i, ((z, y), r)) in z.zip(y).zip(r).enumerate() {
            loss::root(self.loss, z, y, |column| coefficients(range.start + i, column), r);
        }
        let values = (&first.a, &first.winners[..]);
        passes::backward(self.chunk(range), values, delta, scratch);
    }

    /// One tape of backward derivatives for each column of B_i.
    fn root_tapes(
        &self,
        range: &std::ops::Range<usize>,
        first: &First<T>,
        scratch: &mut Scratch<T>,
    ) -> Vec<Tape<T>> {
        (0..self.network.outputs())
            .map(|k| {
                let mut delta = Tape::new();
                let unit = |_: usize, column: usize| f64::from(u8::from(column == k));
                self.root_backward(range, first, unit, &mut delta, scratch);
                delta
            })
            .collect()
    }
}

impl<T: Scalar> Evaluator<'_, T> {
    /// nK, the rows of A.
    #[must_use]
    pub fn factor_rows(&self) -> usize {
        self.examples.len() * self.network.outputs()
    }

    /// out ← A v, nK numbers. Costs a tangent pass.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_product(&mut self, v: &[T], out: &mut [f64]) -> Result<(), Error> {
        check("the product with the factors", out.len(), self.factor_rows())?;
        self.set_direction(v, v)?;
        let direction = std::mem::take(&mut self.direction);
        let keep = self.keep_first;
        self.for_slots(|context, slot| {
            let along = Direction { shared: Some(direction.weights()), factors: None };
            let Slot { chunks, numbers, work, .. } = slot;
            numbers.clear();
            for piece in chunks {
                let kept = (&piece.range, &piece.first);
                let first = recompute(context, keep, kept, &mut work.first, &mut work.scratch);
                let values = (&first.a, &first.winners[..]);
                let chunk = context.chunk(&piece.range);
                let tangent = &mut work.tangent.a;
                passes::tangent(chunk, along, values, tangent, &mut work.scratch);
                let (network, rows) = (context.network, piece.range.len());
                let (output, k) = (network.output_buffer(), network.outputs());
                let z = first.a.read(network, rows, output).chunks_exact(k);
                let y = context.examples.target(piece.range.clone()).chunks_exact(k);
                let x = tangent.read(network, rows, output).chunks_exact(k);
                for ((z, y), x) in z.zip(y).zip(x) {
                    let start = numbers.len();
                    numbers.resize(start + k, 0.0);
                    loss::root_transposed(context.loss, z, y, x, &mut numbers[start..]);
                }
            }
        });
        self.direction = direction;
        let values = self.slots.iter().flat_map(|slot| &slot.numbers);
        out.iter_mut().zip(values).for_each(|(out, value)| *out = *value);
        Ok(())
    }

    /// out ← Aᵀ c for nK numbers c. Costs a backward pass and its gradient.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_transposed(&mut self, c: &[f64], out: &mut [T]) -> Result<(), Error> {
        check("the coefficients of the factors", c.len(), self.factor_rows())?;
        check("product", out.len(), self.network.parameters())?;
        self.check_point()?;
        let keep = self.keep_first;
        let k = self.network.outputs();
        self.for_slots(|context, slot| {
            let Slot { chunks, sum, work, .. } = slot;
            for (index, piece) in chunks.iter_mut().enumerate() {
                let kept = (&piece.range, &piece.first);
                let first = recompute(context, keep, kept, &mut work.first, &mut work.scratch);
                let (delta, scratch) = (&mut work.tangent.delta, &mut work.scratch);
                let coefficients = |i: usize, column: usize| c[i * k + column];
                context.root_backward(&piece.range, first, coefficients, delta, scratch);
                let chunk = context.chunk(&piece.range);
                passes::gradient(chunk, &first.a, delta, sum, index > 0, scratch);
            }
        });
        self.reduce(out, 1.0, &[]);
        Ok(())
    }

    /// A_i A_iᵀ of every example, n × K × K. λ_max of a block is λ_max(G_i). Costs K backward
    /// passes; a convolution's rows are materialised for one example at a time.
    ///
    /// # Panics
    /// Before [`Evaluator::set_point`].
    #[must_use]
    pub fn factor_blocks(&mut self) -> Vec<f64> {
        self.check_point().expect("set_point comes first");
        let keep = self.keep_first;
        let k = self.network.outputs();
        self.for_slots(|context, slot| {
            let Slot { chunks, numbers, work, .. } = slot;
            numbers.clear();
            for piece in chunks {
                let kept = (&piece.range, &piece.first);
                let first = recompute(context, keep, kept, &mut work.first, &mut work.scratch);
                let chunk = context.chunk(&piece.range);
                let deltas = context.root_tapes(&piece.range, first, &mut work.scratch);
                let start = numbers.len();
                numbers.resize(start + piece.range.len() * k * k, 0.0);
                add_blocks(chunk, first, &deltas, &mut numbers[start..], &mut work.scratch);
            }
        });
        self.slots.iter().flat_map(|slot| slot.numbers.iter().copied()).collect()
    }

    /// A Aᵀ, nK × nK. A linear layer adds (x_i·x_j + 1)(δ_ik·δ_jl); a convolution's rows are
    /// materialised, nK × (its parameters). For n·K of a few thousand.
    ///
    /// # Panics
    /// Before [`Evaluator::set_point`].
    #[must_use]
    pub fn factor_gram(&mut self) -> Vec<f64> {
        self.check_point().expect("set_point comes first");
        let count = self.factor_rows();
        let mut gram = vec![T::ZERO; count * count];
        for index in 0..self.network.nodes().len() {
            if Affine::of(&self.network.nodes()[index]).is_some() {
                self.add_gram(index, &mut gram);
            }
        }
        gram.iter().map(|x| x.to_f64()).collect()
    }

    /// One layer's part of the Gram matrix.
    fn add_gram(&mut self, index: usize, gram: &mut [T]) {
        let keep = self.keep_first;
        let (n, k) = (self.examples.len(), self.network.outputs());
        let network = self.network;
        let node = &network.nodes()[index];
        let Some((affine, weight, bias)) = Affine::of(node) else { return };
        self.for_slots(|context, slot| {
            let Slot { chunks, work, layer: Gathered { inputs, rows }, .. } = slot;
            for piece in chunks {
                let kept = (&piece.range, &piece.first);
                let first = recompute(context, keep, kept, &mut work.first, &mut work.scratch);
                let deltas = context.root_tapes(&piece.range, first, &mut work.scratch);
                let chunk = context.chunk(&piece.range);
                let x = input_of(chunk, first, node.input);
                let count = piece.range.len();
                if let Affine::Linear { .. } = affine {
                    inputs.extend_from_slice(x);
                }
                let x_size = x.len() / count;
                for i in 0..count {
                    for delta in &deltas {
                        let d = delta.read(network, count, node.output);
                        let d_size = d.len() / count;
                        let d = &d[i * d_size..][..d_size];
                        if let Affine::Linear { .. } = affine {
                            rows.extend_from_slice(d);
                            continue;
                        }
                        let start = rows.len();
                        let bias = bias.as_ref().map_or(0, ExactSizeIterator::len);
                        rows.resize(start + weight.len() + bias, T::ZERO);
                        let (filter, sums) = rows[start..].split_at_mut(weight.len());
                        let x = &x[i * x_size..][..x_size];
                        affine.outer(
                            (Team::alone(), 1),
                            x,
                            d,
                            filter,
                            false,
                            &mut work.scratch.images,
                        );
                        if bias > 0 {
                            affine.bias_sum(d, sums, false);
                        }
                    }
                }
            }
        });
        let (mut inputs, mut rows) = (Vec::new(), Vec::new());
        for slot in &mut self.slots {
            let part = std::mem::take(&mut slot.layer);
            inputs.extend(part.inputs);
            rows.extend(part.rows);
        }
        let count = n * k;
        let width = rows.len() / count;
        let x_width = inputs.len() / n;
        let one = if bias.is_some() { T::ONE } else { T::ZERO };
        self.execution.run(|| {
            gram.par_chunks_mut(GRAM_ROWS * count).enumerate().for_each(|(block, gram)| {
                let first = block * GRAM_ROWS;
                let some = gram.len() / count;
                let mine = (&rows[first * width..], Layout::rows(some, width));
                let all = (&rows[..], Layout::rows(count, width).transposed());
                if inputs.is_empty() {
                    multiply((gram, Layout::rows(some, count)), mine, all, true);
                    return;
                }
                let mut deltas = vec![T::ZERO; some * count];
                multiply((&mut deltas, Layout::rows(some, count)), mine, all, false);
                let (from, to) = (first / k, (first + some).div_ceil(k));
                let mut dots = vec![T::ZERO; (to - from) * n];
                let mine = (&inputs[from * x_width..], Layout::rows(to - from, x_width));
                let all = (&inputs[..], Layout::rows(n, x_width).transposed());
                multiply((&mut dots, Layout::rows(to - from, n)), mine, all, false);
                for (row, (gram, deltas)) in
                    gram.chunks_exact_mut(count).zip(deltas.chunks_exact(count)).enumerate()
                {
                    let dots = &dots[((first + row) / k - from) * n..][..n];
                    for (j, (gram, delta)) in gram.iter_mut().zip(deltas).enumerate() {
                        *gram += (dots[j / k] + one) * *delta;
                    }
                }
            });
        });
    }
}

fn check(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what, found, expected }) }
}

fn input_of<'a, T: Scalar>(chunk: Chunk<'a, T>, first: &'a First<T>, buffer: usize) -> &'a [T] {
    if buffer == 0 { chunk.inputs } else { first.a.read(chunk.network, chunk.rows, buffer) }
}

/// blocks += A_i A_iᵀ of a chunk's examples, layer by layer.
fn add_blocks<T: Scalar>(
    chunk: Chunk<'_, T>,
    first: &First<T>,
    deltas: &[Tape<T>],
    blocks: &mut [f64],
    scratch: &mut Scratch<T>,
) {
    let Chunk { network, rows, .. } = chunk;
    let k = deltas.len();
    for node in network.nodes() {
        let Some((affine, weight, bias)) = Affine::of(node) else { continue };
        let x = input_of(chunk, first, node.input);
        let d: Vec<&[T]> = deltas.iter().map(|d| d.read(network, rows, node.output)).collect();
        let (x_size, d_size) = (x.len() / rows, d[0].len() / rows);
        if let Affine::Linear { .. } = affine {
            let mut squares = vec![T::ZERO; rows];
            row_dots(x, x, x_size, &mut squares);
            let one = if bias.is_some() { 1.0 } else { 0.0 };
            let mut dots = vec![T::ZERO; rows];
            for at in 0..k * k {
                let (p, q) = (at / k, at % k);
                row_dots(d[p], d[q], d_size, &mut dots);
                for i in 0..rows {
                    blocks[i * k * k + at] += (squares[i].to_f64() + one) * dots[i].to_f64();
                }
            }
            continue;
        }
        let width = weight.len() + bias.as_ref().map_or(0, ExactSizeIterator::len);
        let gradients = room(&mut scratch.filters, k * width);
        for i in 0..rows {
            for (gradient, d) in gradients.chunks_exact_mut(width).zip(&d) {
                let (filter, sums) = gradient.split_at_mut(weight.len());
                let (x, d) = (&x[i * x_size..][..x_size], &d[i * d_size..][..d_size]);
                affine.outer((chunk.team, 1), x, d, filter, false, &mut scratch.images);
                if !sums.is_empty() {
                    affine.bias_sum(d, sums, false);
                }
            }
            let mut dot = [T::ZERO];
            for at in 0..k * k {
                let (p, q) = (at / k, at % k);
                let (left, right) = (&gradients[p * width..], &gradients[q * width..]);
                row_dots(&left[..width], &right[..width], width, &mut dot);
                blocks[i * k * k + at] += dot[0].to_f64();
            }
        }
    }
}
