//! Square-root factors of the Gauss–Newton matrices: G_i = A_iᵀA_i with A_i = B_iᵀ J_i, K × P, where
//! B_i B_iᵀ = L_i = ∂²ℓ_i/∂z². The nK rows of all A_i span everything that the linearised dynamics
//! of a network can reach; row i·K + k belongs to example i. Weight decay
//! does not enter.

use rayon::prelude::*;

use crate::kernels::{Strides, multiply};
use crate::layers::Affine;
use crate::network::Node;
use crate::passes::{self, ParameterDirection};
use crate::tape::Tape;
use crate::workspace::Workspace;
use crate::{Error, Scalar, loss};

use super::products::recompute;
use super::{Evaluator, EvaluatorSlot, FirstOrder, PassContext};

/// Rows of the Gram matrix that one thread computes at a time.
const GRAM_ROWS: usize = 128;

fn check_numbers(what: &'static str, numbers: &[f64], expected: usize) -> Result<(), Error> {
    match numbers.len() {
        found if found == expected => Ok(()),
        found => Err(Error::Length { what, found, expected }),
    }
}

impl<T: Scalar> PassContext<'_, T> {
    /// J_iᵀ B_i c_i backwards: the output derivative Σ_k c_ik B_i[·, k] of every example, then the
    /// backward pass.
    fn root_backward(
        &self,
        range: &std::ops::Range<usize>,
        first: &FirstOrder<T>,
        coefficients: impl Fn(usize, usize) -> f64,
        delta: &mut Tape<T>,
        workspace: &mut Workspace<T>,
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
        passes::backward(self.chunk(range), values, delta, workspace);
    }

    /// One tape of backward derivatives for each column of B_i.
    fn root_tapes(
        &self,
        range: &std::ops::Range<usize>,
        first: &FirstOrder<T>,
        workspace: &mut Workspace<T>,
    ) -> Vec<Tape<T>> {
        (0..self.network.outputs())
            .map(|k| {
                let mut delta = Tape::default();
                let unit = |_: usize, column: usize| f64::from(u8::from(column == k));
                self.root_backward(range, first, unit, &mut delta, workspace);
                delta
            })
            .collect()
    }
}

impl<T: Scalar> Evaluator<'_, T> {
    /// nK, the rows of A.
    pub fn factor_rows(&self) -> usize {
        self.examples.len() * self.network.outputs()
    }

    /// out ← A v, nK numbers. Costs a tangent pass.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_product<V: Scalar>(&mut self, v: &[V], out: &mut [f64]) -> Result<(), Error> {
        check_numbers("the product with the factors", out, self.factor_rows())?;
        self.set_direction(v, v.len())?;
        let direction = std::mem::take(&mut self.direction);
        let keep = self.keep_first;
        self.for_slots(|context, slot| {
            let along = ParameterDirection { shared: Some(direction.weights()), own: None };
            let EvaluatorSlot { chunks, numbers, work, .. } = slot;
            let rows: usize = chunks.iter().map(|kept| kept.range.len()).sum();
            numbers.clear();
            numbers.reserve_exact(rows * context.network.outputs());
            for kept in chunks {
                let stored = (&kept.range, &kept.first);
                let first = recompute(context, keep, stored, &mut work.first, &mut work.workspace);
                let values = (&first.a, &first.winners[..]);
                let chunk = context.chunk(&kept.range);
                let tangent = &mut work.tangent.a;
                passes::tangent(chunk, along, values, tangent, &mut work.workspace);
                let (network, rows) = (context.network, kept.range.len());
                let (output, k) = (network.output_buffer(), network.outputs());
                let z = first.a.read(network, rows, output).chunks_exact(k);
                let y = context.examples.target(kept.range.clone()).chunks_exact(k);
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

    /// out ← Aᵀ u for nK numbers u. Costs a backward pass and its gradient.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_transposed<V: Scalar>(&mut self, u: &[f64], out: &mut [V]) -> Result<(), Error> {
        check_numbers("the coefficients of the factors", u, self.factor_rows())?;
        self.check_product(self.network.parameters(), out.len())?;
        let keep = self.keep_first;
        let k = self.network.outputs();
        self.for_slots(|context, slot| {
            let EvaluatorSlot { chunks, sum, work, .. } = slot;
            for (index, kept) in chunks.iter_mut().enumerate() {
                let stored = (&kept.range, &kept.first);
                let first = recompute(context, keep, stored, &mut work.first, &mut work.workspace);
                let (delta, workspace) = (&mut work.tangent.delta, &mut work.workspace);
                let coefficients = |i: usize, column: usize| u[i * k + column];
                context.root_backward(&kept.range, first, coefficients, delta, workspace);
                let chunk = context.chunk(&kept.range);
                passes::gradient(chunk, &first.a, delta, sum, index > 0, workspace);
            }
        });
        self.reduce(out, 1.0, &[]);
        Ok(())
    }

    /// blocks ← A_i A_iᵀ of every example, n × K × K. λ_max of a block is λ_max(G_i). Costs K backward
    /// passes; a convolution's rows are materialised for one example at a time.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_blocks(&mut self, blocks: &mut [f64]) -> Result<(), Error> {
        self.check_point()?;
        let keep = self.keep_first;
        let k = self.network.outputs();
        check_numbers("the factors' blocks", blocks, self.factor_rows() * k)?;
        self.for_slots(|context, slot| {
            let EvaluatorSlot { chunks, numbers, work, .. } = slot;
            numbers.clear();
            for kept in chunks {
                let stored = (&kept.range, &kept.first);
                let first = recompute(context, keep, stored, &mut work.first, &mut work.workspace);
                let deltas = context.root_tapes(&kept.range, first, &mut work.workspace);
                let (chunk, rows) = (context.chunk(&kept.range), kept.range.len());
                let start = numbers.len();
                numbers.resize(start + rows * k * k, 0.0);
                for node in context.network.nodes() {
                    let Some(affine) = node.operation.affine() else { continue };
                    let x = chunk.values(&first.a, node.input);
                    let d: Vec<&[T]> =
                        deltas.iter().map(|delta| chunk.values(delta, node.output)).collect();
                    let blocks = &mut numbers[start..];
                    affine.add_blocks((chunk.team, rows), x, &d, blocks, &mut work.workspace);
                }
            }
        });
        let mut rest = blocks;
        for slot in &self.slots {
            let (here, after) = rest.split_at_mut(slot.numbers.len());
            here.copy_from_slice(&slot.numbers);
            rest = after;
        }
        Ok(())
    }

    /// gram ← A Aᵀ, nK × nK. A linear layer adds (x_i·x_j + 1)(δ_ik·δ_jl); a convolution's rows are
    /// materialised, nK × (its parameters). For n·K of a few thousand.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NoPoint`].
    pub fn factor_gram(&mut self, gram: &mut [f64]) -> Result<(), Error> {
        self.check_point()?;
        let count = self.factor_rows();
        check_numbers("the factors' Gram matrix", gram, count * count)?;
        let mut sum = vec![T::ZERO; count * count];
        for node in self.network.nodes() {
            if let Some(affine) = node.operation.affine() {
                self.add_gram(node, affine, &mut sum);
            }
        }
        gram.iter_mut().zip(&sum).for_each(|(to, from)| *to = from.to_f64());
        Ok(())
    }

    /// gram += one layer's part of A Aᵀ.
    fn add_gram(&mut self, node: &Node, affine: &dyn Affine<T>, gram: &mut [T]) {
        let keep = self.keep_first;
        let (n, k) = (self.examples.len(), self.network.outputs());
        self.for_slots(|context, slot| {
            let EvaluatorSlot { chunks, work, layer, .. } = slot;
            for kept in chunks {
                let stored = (&kept.range, &kept.first);
                let first = recompute(context, keep, stored, &mut work.first, &mut work.workspace);
                let deltas = context.root_tapes(&kept.range, first, &mut work.workspace);
                let chunk = context.chunk(&kept.range);
                let x = chunk.values(&first.a, node.input);
                let d: Vec<&[T]> =
                    deltas.iter().map(|delta| chunk.values(delta, node.output)).collect();
                affine.add_gram_rows(chunk.rows, x, &d, layer, &mut work.workspace);
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
        let one = if affine.places().bias.is_some() { T::ONE } else { T::ZERO };
        self.execution.run(|| {
            gram.par_chunks_mut(GRAM_ROWS * count).enumerate().for_each(|(block, gram)| {
                let first = block * GRAM_ROWS;
                let some = gram.len() / count;
                let mine = (&rows[first * width..], Strides::rows(some, width));
                let all = (&rows[..], Strides::rows(count, width).transposed());
                if inputs.is_empty() {
                    multiply((gram, Strides::rows(some, count)), mine, all, true);
                    return;
                }
                let mut deltas = vec![T::ZERO; some * count];
                multiply((&mut deltas, Strides::rows(some, count)), mine, all, false);
                let (from, to) = (first / k, (first + some).div_ceil(k));
                let mut dots = vec![T::ZERO; (to - from) * n];
                let mine = (&inputs[from * x_width..], Strides::rows(to - from, x_width));
                let all = (&inputs[..], Strides::rows(n, x_width).transposed());
                multiply((&mut dots, Strides::rows(to - from, n)), mine, all, false);
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
