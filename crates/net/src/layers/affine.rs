//! What the passes ask of a layer with weights.
//!
//! Such a layer is an affine map y = W x + b whose derivatives are three bilinear products of
//! weights, inputs x and output derivatives d. A layer gives these three; everything else here
//! follows from them by materialising one example's weight-sized matrix at a time. A layer that
//! has a faster way overrides it.

use std::ops::Range;

use crate::Scalar;
use crate::kernels::{Team, add_column_sums, row_dots, vectorized};
use crate::workspace::{Workspace, room};

/// A vector in parameter space, and beside it the weights that layers keep flipped for their
/// backward passes.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a, T> {
    /// P numbers.
    pub values: &'a [T],
    /// The flipped weights of all layers, one after another.
    pub flipped: &'a [T],
}

/// Where the numbers of a layer with weights lie.
#[derive(Clone, Debug)]
pub(crate) struct WeightPlaces {
    /// W in θ.
    pub weight: Range<usize>,
    /// b in θ.
    pub bias: Option<Range<usize>>,
    /// The flipped W among all flipped weights, and the materialised U_i among all of an example.
    /// Empty if the layer needs neither.
    pub flipped: Range<usize>,
}

/// A direction that differs for each example, at one layer: U_i = Σ d_i x_iᵀ over one or two pairs
/// (and over positions), with the bias part d_i of the first pair; and V, shared by all examples.
#[derive(Clone, Copy)]
pub(crate) struct OwnDirection<'a, T> {
    pub rows: usize,
    pub team: &'a Team,
    pub shared: Option<Weights<'a, T>>,
    /// d and x of all examples.
    pub first: (&'a [T], &'a [T]),
    pub second: Option<(&'a [T], &'a [T])>,
    /// Numbers of the materialised weights of one example in the whole network.
    pub materialised: usize,
}

impl<'a, T> OwnDirection<'a, T> {
    fn pairs(&self) -> impl Iterator<Item = (&'a [T], &'a [T])> + use<'a, T> {
        std::iter::once(self.first).chain(self.second)
    }
}

/// What one layer contributes to the rows of a Gram matrix.
#[derive(Debug, Default)]
pub(crate) struct GramRows<T> {
    /// Its inputs, where its part of row i·K + k is d_ik x_iᵀ in factored form; else nothing.
    pub inputs: Vec<T>,
    /// d_ik, or the whole materialised row.
    pub rows: Vec<T>,
}

/// How a layer does one of its products.
pub(crate) struct Work<'a, T> {
    /// The threads that share it.
    pub team: &'a Team,
    /// Examples.
    pub rows: usize,
    /// Whether the result is added to what is there.
    pub accumulate: bool,
    /// Room for framed images.
    pub images: &'a mut Vec<T>,
}

/// A layer with weights.
pub(crate) trait Affine<T: Scalar>: Sync {
    fn places(&self) -> &WeightPlaces;

    /// Columns of the output as a matrix, which are the numbers of b: outputs, or output channels.
    fn columns(&self) -> usize;

    /// y (+)= W x.
    fn apply(&self, work: Work<'_, T>, weight: &[T], x: &[T], y: &mut [T]);

    /// x̄ (+)= Wᵀ d, with W as it is and as [`Affine::flip`] turns it: a layer takes one of them.
    fn apply_transposed(&self, work: Work<'_, T>, weight: (&[T], &[T]), d: &[T], out: &mut [T]);

    /// gradient (+)= Σ_i d_i ⊗ x_i, in the layout of W.
    fn outer(&self, work: Work<'_, T>, x: &[T], d: &[T], gradient: &mut [T]);

    /// W as the backward pass takes it, for a layer that reserves flipped weights.
    fn flip(&self, weight: &[T], flipped: &mut [T]) {
        flipped.copy_from_slice(weight);
    }

    /// Both ends of a step of SGD in one pass over W, for a layer that has a kernel for it:
    /// x̄ ← Wᵀ d where asked for, and then W ← keep·W − rate Σ_i d_i ⊗ x_i. Returns whether it was
    /// done.
    fn backward_and_step(
        &self,
        _by: (&Team, usize),
        (_x, _d): (&[T], &[T]),
        _weight: &mut [T],
        _out: Option<&mut [T]>,
        (_rate, _keep): (T, T),
    ) -> bool {
        false
    }

    /// y_i += U_i x_i + u_i, and V x_i where there is a shared direction, whose bias is in y
    /// already.
    fn apply_own(
        &self,
        own: OwnDirection<'_, T>,
        x: &[T],
        y: &mut [T],
        workspace: &mut Workspace<T>,
    ) {
        let places = self.places();
        let team = own.team;
        let (x_size, y_size) = (x.len() / own.rows, y.len() / own.rows);
        let Workspace { own_weights, images, flipped, .. } = workspace;
        let examples = x.chunks_exact(x_size).zip(y.chunks_exact_mut(y_size));
        for (i, (x, y)) in examples.enumerate() {
            let weight = &mut own_weights[i * own.materialised..][places.flipped.clone()];
            if let Some(shared) = own.shared {
                weight.copy_from_slice(&shared.values[places.weight.clone()]);
            }
            let mut accumulate = own.shared.is_some();
            for (d, x) in own.pairs() {
                let (d, x) = (&d[i * y_size..][..y_size], &x[i * x_size..][..x_size]);
                self.outer(Work { team, rows: 1, accumulate, images }, x, d, weight);
                accumulate = true;
            }
            self.apply(Work { team, rows: 1, accumulate: true, images }, weight, x, y);
        }
        if places.bias.is_some() {
            add_own_biases(own.first.0, y, y_size, room(flipped, self.columns()));
        }
    }

    /// out_i += U_iᵀ d_i, and Vᵀ d_i where there is a shared direction. Comes after
    /// [`Affine::apply_own`] of the same direction, and may use what that materialised.
    fn apply_own_transposed(
        &self,
        own: OwnDirection<'_, T>,
        d: &[T],
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) {
        let places = self.places();
        let (d_size, out_size) = (d.len() / own.rows, out.len() / own.rows);
        let Workspace { own_weights, images, flipped, .. } = workspace;
        let flipped = room(flipped, places.flipped.len());
        let examples = d.chunks_exact(d_size).zip(out.chunks_exact_mut(out_size));
        for (i, (d, out)) in examples.enumerate() {
            let weight = &own_weights[i * own.materialised..][places.flipped.clone()];
            self.flip(weight, flipped);
            let work = Work { team: own.team, rows: 1, accumulate: true, images };
            self.apply_transposed(work, (weight, flipped), d, out);
        }
    }

    /// blocks_i += A_i A_iᵀ of this layer, K × K for each example; d holds the K output
    /// derivatives of all examples.
    fn add_blocks(
        &self,
        (team, rows): (&Team, usize),
        x: &[T],
        d: &[&[T]],
        blocks: &mut [f64],
        workspace: &mut Workspace<T>,
    ) {
        let k = d.len();
        let width = row_width(self.places());
        let Workspace { own_weights, images, .. } = workspace;
        let gradients = room(own_weights, k * width);
        for (i, block) in blocks.chunks_exact_mut(k * k).enumerate() {
            for (row, d) in gradients.chunks_exact_mut(width).zip(d) {
                self.row((team, rows), i, (x, d), row, images);
            }
            for (at, entry) in block.iter_mut().enumerate() {
                let (left, right) = (&gradients[at / k * width..], &gradients[at % k * width..]);
                let mut dot = [T::ZERO];
                row_dots(&left[..width], &right[..width], width, &mut dot);
                *entry += dot[0].to_f64();
            }
        }
    }

    /// Appends this layer's part of the rows of A of these examples.
    fn add_gram_rows(
        &self,
        rows: usize,
        x: &[T],
        d: &[&[T]],
        into: &mut GramRows<T>,
        workspace: &mut Workspace<T>,
    ) {
        let width = row_width(self.places());
        for i in 0..rows {
            for d in d {
                let start = into.rows.len();
                into.rows.resize(start + width, T::ZERO);
                let row = &mut into.rows[start..];
                self.row((Team::alone(), rows), i, (x, d), row, &mut workspace.images);
            }
        }
    }

    /// Example i's d ⊗ x with its bias part: one row of A in this layer.
    fn row(
        &self,
        (team, rows): (&Team, usize),
        i: usize,
        (x, d): (&[T], &[T]),
        row: &mut [T],
        images: &mut Vec<T>,
    ) {
        let (x_size, d_size) = (x.len() / rows, d.len() / rows);
        let (x, d) = (&x[i * x_size..][..x_size], &d[i * d_size..][..d_size]);
        let (weight, bias) = row.split_at_mut(self.places().weight.len());
        self.outer(Work { team, rows: 1, accumulate: false, images }, x, d, weight);
        if !bias.is_empty() {
            add_column_sums(d, bias, false);
        }
    }
}

/// Numbers of one row of A in a layer.
fn row_width(places: &WeightPlaces) -> usize {
    places.weight.len() + places.bias.as_ref().map_or(0, ExactSizeIterator::len)
}

/// Every row of y (one example, or one position of one) ← b, or 0 without one.
pub(crate) fn start_with_bias<T: Scalar>(bias: Option<&[T]>, y: &mut [T]) {
    match bias {
        Some(bias) => y.chunks_exact_mut(bias.len()).for_each(|y| y.copy_from_slice(bias)),
        None => y.fill(T::ZERO),
    }
}

/// Every row of y += b.
pub(crate) fn add_bias<T: Scalar>(bias: &[T], y: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            for y in y.chunks_exact_mut(bias.len()) {
                for (y, b) in y.iter_mut().zip(bias) {
                    *y += *b;
                }
            }
        },
    );
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
