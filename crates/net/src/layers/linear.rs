//! The linear layer y = W x + b on vectors, W outputs × inputs. A direction that differs for each
//! example stays factored here, as pairs of vectors.

use minimascope_record::architecture::Shape;

use crate::kernels::{
    Strides, Team, add_scaled_rows, backward_and_step, forward_rows, is_small, multiply, row_dots,
};
use crate::tensor::{InitialValues, TensorOrder};
use crate::workspace::{Workspace, room};
use crate::{Error, Scalar};

use super::affine::{Affine, GramRows, OwnDirection, WeightPlaces, Work};
use super::layout::{Described, LayerName, Reserved};

/// A linear layer.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    inputs: usize,
    outputs: usize,
    places: WeightPlaces,
}

impl Linear {
    pub(super) fn lay_out(
        layer: LayerName<'_>,
        reserved: &mut Reserved,
        input: Shape,
        (outputs, bias): (usize, bool),
    ) -> Result<(Self, Described), Error> {
        layer.check_sizes(&[("outputs", outputs, 1)])?;
        let inputs = input.size();
        layer.check_count("weights", &[inputs, outputs])?;
        let bound = 1.0 / (inputs as f64).sqrt();
        let initial = (TensorOrder::Torch, InitialValues::ScaledUniform { bound });
        let weight = reserved.tensor(layer, "weight", &[outputs, inputs], initial);
        let initial = (TensorOrder::Torch, InitialValues::Uniform { bound });
        let bias = bias.then(|| reserved.tensor(layer, "bias", &[outputs], initial));
        let places = WeightPlaces { weight, bias, flipped: 0..0 };
        let described = Described {
            output: Shape { channels: outputs, height: 1, width: 1 },
            kind: format!("linear {inputs} → {outputs}"),
            multiply_adds: inputs * outputs,
        };
        Ok((Self { inputs, outputs, places }, described))
    }

    /// What a bias adds to the dot product of two inputs: 1, and 0 without one.
    fn bias_part<T: Scalar>(&self) -> T {
        if self.places.bias.is_some() { T::ONE } else { T::ZERO }
    }
}

impl<T: Scalar> Affine<T> for Linear {
    fn places(&self) -> &WeightPlaces {
        &self.places
    }

    fn columns(&self) -> usize {
        self.outputs
    }

    fn apply(&self, work: Work<'_, T>, weight: &[T], x: &[T], y: &mut [T]) {
        let Self { inputs, outputs, .. } = *self;
        let Work { team, rows, accumulate, .. } = work;
        if is_small(rows) && !accumulate {
            forward_rows(team, rows, (inputs, x), weight, None, (outputs, y));
            return;
        }
        multiply(
            (y, Strides::rows(rows, outputs)),
            (x, Strides::rows(rows, inputs)),
            (weight, Strides::rows(outputs, inputs).transposed()),
            accumulate,
        );
    }

    fn apply_transposed(&self, work: Work<'_, T>, weight: (&[T], &[T]), d: &[T], out: &mut [T]) {
        let Self { inputs, outputs, .. } = *self;
        let rows = work.rows;
        multiply(
            (out, Strides::rows(rows, inputs)),
            (d, Strides::rows(rows, outputs)),
            (weight.0, Strides::rows(outputs, inputs)),
            work.accumulate,
        );
    }

    fn outer(&self, work: Work<'_, T>, x: &[T], d: &[T], gradient: &mut [T]) {
        let Self { inputs, outputs, .. } = *self;
        let rows = work.rows;
        multiply(
            (gradient, Strides::rows(outputs, inputs)),
            (d, Strides::rows(rows, outputs).transposed()),
            (x, Strides::rows(rows, inputs)),
            work.accumulate,
        );
    }

    fn backward_and_step(
        &self,
        (team, rows): (&Team, usize),
        (x, d): (&[T], &[T]),
        weight: &mut [T],
        out: Option<&mut [T]>,
        step: (T, T),
    ) -> bool {
        backward_and_step(team, rows, (self.inputs, x), (self.outputs, d), weight, out, step);
        true
    }

    /// U_i x_i + u_i = Σ d_i (a_i·x_i) + d_i of the first pair, for pairs (d_i, a_i).
    fn apply_own(
        &self,
        own: OwnDirection<'_, T>,
        x: &[T],
        y: &mut [T],
        workspace: &mut Workspace<T>,
    ) {
        let Workspace { coefficients, images, .. } = workspace;
        if let Some(shared) = own.shared {
            let weight = &shared.values[self.places.weight.clone()];
            let work = Work { team: own.team, rows: own.rows, accumulate: true, images };
            self.apply(work, weight, x, y);
        }
        let pairs = (own.first, own.second);
        add_rank_two(own.rows, pairs, self.bias_part(), x, y, coefficients);
    }

    /// U_iᵀ d_i = Σ a_i (d′_i·d_i), for pairs (d′_i, a_i).
    fn apply_own_transposed(
        &self,
        own: OwnDirection<'_, T>,
        d: &[T],
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) {
        let Workspace { coefficients, images, .. } = workspace;
        if let Some(shared) = own.shared {
            let weight = &shared.values[self.places.weight.clone()];
            let work = Work { team: own.team, rows: own.rows, accumulate: true, images };
            self.apply_transposed(work, (weight, &[]), d, out);
        }
        let swapped = |(d, x)| (x, d);
        let pairs = (swapped(own.first), own.second.map(swapped));
        add_rank_two(own.rows, pairs, T::ZERO, d, out, coefficients);
    }

    /// (‖x_i‖² + 1)(d_ip·d_iq), without the 1 where there is no bias.
    fn add_blocks(
        &self,
        (_team, rows): (&Team, usize),
        x: &[T],
        d: &[&[T]],
        blocks: &mut [f64],
        _workspace: &mut Workspace<T>,
    ) {
        let k = d.len();
        let mut squares = vec![T::ZERO; rows];
        row_dots(x, x, self.inputs, &mut squares);
        let one = self.bias_part::<T>().to_f64();
        let mut dots = vec![T::ZERO; rows];
        for at in 0..k * k {
            row_dots(d[at / k], d[at % k], self.outputs, &mut dots);
            for i in 0..rows {
                blocks[i * k * k + at] += (squares[i].to_f64() + one) * dots[i].to_f64();
            }
        }
    }

    /// The factored rows: x_i once, and d_ik.
    fn add_gram_rows(
        &self,
        rows: usize,
        x: &[T],
        d: &[&[T]],
        into: &mut GramRows<T>,
        _workspace: &mut Workspace<T>,
    ) {
        into.inputs.extend_from_slice(x);
        for i in 0..rows {
            for d in d {
                into.rows.extend_from_slice(&d[i * self.outputs..][..self.outputs]);
            }
        }
    }
}

/// A pair of vectors of each example.
type Pair<'a, T> = (&'a [T], &'a [T]);

/// out_i += l_i (r_i·x_i + constant) + l′_i (r′_i·x_i) for the pairs (l, r) and (l′, r′).
fn add_rank_two<T: Scalar>(
    rows: usize,
    (pair, second): (Pair<'_, T>, Option<Pair<'_, T>>),
    constant: T,
    x: &[T],
    out: &mut [T],
    coefficients: &mut Vec<T>,
) {
    let (width, out_width) = (x.len() / rows, out.len() / rows);
    let (one, other) = room(coefficients, 2 * rows).split_at_mut(rows);
    let (left, right) = pair;
    row_dots(right, x, width, one);
    if constant != T::ZERO {
        one.iter_mut().for_each(|c| *c += constant);
    }
    match second {
        Some((_, right)) => row_dots(right, x, width, other),
        None => other.fill(T::ZERO),
    }
    let (left_of_second, _) = second.unwrap_or(pair);
    add_scaled_rows(out, out_width, (one, left), (other, left_of_second));
}
