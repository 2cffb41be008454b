//! Directions that differ for each example, in factored form.
//!
//! With pairs (d, x) of output-sized and input-sized vectors, example i's direction in a linear
//! layer is U_i = Σ d_i x_iᵀ with bias part the first pair's d_i. Then
//! U_i a_i = Σ d_i (x_i·a_i) and U_iᵀ δ_i = Σ x_i (d_i·δ_i).
//! In a convolution both sums also run over positions; U_i is materialised there, one filter for
//! each example, which costs less than products of patches unless there are few positions.

use std::ops::Range;

use crate::Scalar;
use crate::kernels::{add_scaled_rows, row_dots, vectorized};
use crate::layers::{Affine, Node, Weights};
use crate::tape::{Tape, room};

use super::{Chunk, Scratch};

/// H_i v in factored form: pairs (Rδ_i, a_i) and (δ_i, Ra_i); or, with one pair, the Gauss–Newton
/// product J_iᵀ L_i J_i v as (δ′_i, a_i).
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a, T> {
    /// d of the first pair; its x is a.
    pub delta: &'a Tape<T>,
    /// a, the activations.
    pub a: &'a Tape<T>,
    /// The second pair: δ and Ra.
    pub second: Option<(&'a Tape<T>, &'a Tape<T>)>,
}

/// The affine node at which a direction acts.
#[derive(Clone, Copy)]
pub(super) struct Site<'a, T> {
    pub chunk: Chunk<'a, T>,
    pub node: &'a Node,
    pub affine: Affine<'a>,
    pub weight: &'a Range<usize>,
    pub bias: &'a Option<Range<usize>>,
}

impl<T: Scalar> Site<'_, T> {
    /// The pairs of this node: outputs' d and inputs' x, all examples. The second pair is zero
    /// where the input does not depend on θ.
    fn pairs<'b>(&self, factors: Factors<'b, T>) -> [Option<(&'b [T], &'b [T])>; 2]
    where
        Self: 'b,
    {
        let Chunk { network, rows, inputs, .. } = self.chunk;
        let (input, output) = (self.node.input, self.node.output);
        let x = if input == 0 { inputs } else { factors.a.read(network, rows, input) };
        let first = (factors.delta.read(network, rows, output), x);
        let second = factors.second.filter(|_| self.node.input_trained).map(|(delta, tangent)| {
            (delta.read(network, rows, output), tangent.read(network, rows, input))
        });
        [Some(first), second]
    }
}

/// y_i += U_i x_i + u_i (and + V x_i with a shared direction; its bias is in y already).
pub(super) fn apply<T: Scalar>(
    site: Site<'_, T>,
    shared: Option<Weights<'_, T>>,
    factors: Factors<'_, T>,
    x: &[T],
    y: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let rows = site.chunk.rows;
    let pairs = site.pairs(factors);
    match site.affine {
        Affine::Linear { inputs, outputs } => {
            if let Some(shared) = shared {
                let weight = &shared.values[site.weight.clone()];
                let team = site.chunk.team;
                site.affine.apply((team, rows), weight, x, y, true, &mut scratch.images);
            }
            let (first, second) = room(&mut scratch.coefficients, 2 * rows).split_at_mut(rows);
            let [Some((d, a)), other] = pairs else { unreachable!("there is a first pair") };
            row_dots(a, x, inputs, first);
            if site.bias.is_some() {
                first.iter_mut().for_each(|c| *c += T::ONE);
            }
            let (d2, x2) = other.unwrap_or((d, a));
            match other {
                Some(_) => row_dots(x2, x, inputs, second),
                None => second.fill(T::ZERO),
            }
            add_scaled_rows(y, outputs, (first, d), (second, d2));
        }
        Affine::Convolution(convolution) => {
            let total = site.chunk.network.filters();
            let (x_size, y_size) = (x.len() / rows, y.len() / rows);
            let Scratch { filters, images, .. } = &mut *scratch;
            for i in 0..rows {
                let filter = &mut filters[i * total..][convolution.filter.clone()];
                let mut started = false;
                if let Some(shared) = shared {
                    filter.copy_from_slice(&shared.values[site.weight.clone()]);
                    started = true;
                }
                for (d, x) in pairs.into_iter().flatten() {
                    let (d, x) = (&d[i * y_size..][..y_size], &x[i * x_size..][..x_size]);
                    site.affine.outer((site.chunk.team, 1), x, d, filter, started, images);
                    started = true;
                }
                let (x, y) = (&x[i * x_size..][..x_size], &mut y[i * y_size..][..y_size]);
                site.affine.apply((site.chunk.team, 1), filter, x, y, true, images);
            }
            if let (Some(_), Some((d, _))) = (site.bias, pairs[0]) {
                let columns = site.affine.columns();
                add_own_biases(d, y, y_size, room(&mut scratch.flipped, columns));
            }
        }
    }
}

/// out_i += U_iᵀ d_i (and + Vᵀ d_i with a shared direction).
pub(super) fn apply_transposed<T: Scalar>(
    site: Site<'_, T>,
    shared: Option<Weights<'_, T>>,
    factors: Factors<'_, T>,
    d: &[T],
    out: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let rows = site.chunk.rows;
    let pairs = site.pairs(factors);
    match site.affine {
        Affine::Linear { inputs, outputs } => {
            if let Some(shared) = shared {
                let weight = (&shared.values[site.weight.clone()], &[][..]);
                site.affine.apply_transposed(
                    (site.chunk.team, rows),
                    weight,
                    d,
                    out,
                    true,
                    &mut scratch.images,
                );
            }
            let (first, second) = room(&mut scratch.coefficients, 2 * rows).split_at_mut(rows);
            let [Some((d1, x1)), other] = pairs else { unreachable!("there is a first pair") };
            row_dots(d1, d, outputs, first);
            let (d2, x2) = other.unwrap_or((d1, x1));
            match other {
                Some(_) => row_dots(d2, d, outputs, second),
                None => second.fill(T::ZERO),
            }
            add_scaled_rows(out, inputs, (first, x1), (second, x2));
        }
        Affine::Convolution(convolution) => {
            let total = site.chunk.network.filters();
            let (d_size, out_size) = (d.len() / rows, out.len() / rows);
            let Scratch { filters, flipped, images, .. } = scratch;
            let flipped = room(flipped, convolution.filter.len());
            for i in 0..rows {
                convolution.flip(&filters[i * total..][convolution.filter.clone()], flipped);
                let (d, out) = (&d[i * d_size..][..d_size], &mut out[i * out_size..][..out_size]);
                site.affine.apply_transposed(
                    (site.chunk.team, 1),
                    (&[], flipped),
                    d,
                    out,
                    true,
                    images,
                );
            }
        }
    }
}

/// Every position of example i: y += Σ over positions of d_i.
fn add_own_biases<T: Scalar>(d: &[T], y: &mut [T], size: usize, sums: &mut [T]) {
    let columns = sums.len();
    vectorized(
        #[inline(always)]
        || {
            for (d, y) in d.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
                sums.fill(T::ZERO);
                for d in d.chunks_exact(columns) {
                    sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += *d);
                }
                for y in y.chunks_exact_mut(columns) {
                    y.iter_mut().zip(&*sums).for_each(|(y, sum)| *y += *sum);
                }
            }
        },
    );
}

/// ‖∂ℓ_i/∂θ‖² of every example of a chunk, in double precision: (‖a_i‖² + 1)‖δ_i‖² in a linear
/// layer with bias; a convolution's filter gradient is materialised for one example at a time.
pub(crate) fn squared_gradient_norms<T: Scalar>(
    chunk: Chunk<'_, T>,
    a: &Tape<T>,
    delta: &Tape<T>,
    norms: &mut [f64],
    scratch: &mut Scratch<T>,
) {
    let rows = chunk.rows;
    norms.fill(0.0);
    for node in chunk.network.nodes() {
        let Some((affine, weight, bias)) = Affine::of(node) else { continue };
        let (x, d) = (chunk.values(a, node.input), chunk.values(delta, node.output));
        let (x_size, d_size) = (x.len() / rows, d.len() / rows);
        for (i, norm) in norms.iter_mut().enumerate() {
            let (x, d) = (&x[i * x_size..][..x_size], &d[i * d_size..][..d_size]);
            if let Affine::Linear { .. } = affine {
                let bias = if bias.is_some() { 1.0 } else { 0.0 };
                *norm += squared_norm(d) * (squared_norm(x) + bias);
            } else {
                let filter = room(&mut scratch.filters, weight.len());
                affine.outer((chunk.team, 1), x, d, filter, false, &mut scratch.images);
                *norm += squared_norm(filter);
                if let Some(bias) = &bias {
                    let sums = room(&mut scratch.flipped, bias.len());
                    affine.bias_sum(d, sums, false);
                    *norm += squared_norm(sums);
                }
            }
        }
    }
}

fn squared_norm<T: Scalar>(x: &[T]) -> f64 {
    x.iter().map(|x| x.to_f64() * x.to_f64()).sum()
}
