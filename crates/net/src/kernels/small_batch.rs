//! Linear layers on a few rows, bound by the reading of the weights: each pass reads W once.

use pulp::{Simd, WithSimd};

use crate::Scalar;

use super::level::dispatch;

/// The most rows for which one pass over the weights beats the packed product.
const SMALL: usize = 16;
/// Examples whose running sums stay in registers together.
const GROUP: usize = 4;

/// Whether a batch of `rows` takes the kernels of this file.
pub(crate) fn is_small(rows: usize) -> bool {
    rows <= SMALL
}

/// z_bo = Σ_i a_bi W_oi + bias_o, for W outputs × inputs and `rows` rows of a and z.
pub(crate) fn forward_rows<T: Scalar>(
    rows: usize,
    (inputs, a): (usize, &[T]),
    weights: &[T],
    bias: Option<&[T]>,
    (outputs, z): (usize, &mut [T]),
) {
    assert!(a.len() >= rows * inputs && z.len() >= rows * outputs);
    assert!(weights.len() == inputs * outputs && bias.is_none_or(|b| b.len() == outputs));
    dispatch(Forward { rows, inputs, a, weights, bias, outputs, z });
}

struct Forward<'a, T> {
    rows: usize,
    inputs: usize,
    a: &'a [T],
    weights: &'a [T],
    bias: Option<&'a [T]>,
    outputs: usize,
    z: &'a mut [T],
}

impl<T: Scalar> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut row = 0;
        while row < self.rows {
            match self.rows - row {
                1 => self.group::<S, 1, 4>(simd, row),
                2 => self.group::<S, 2, 4>(simd, row),
                3 => self.group::<S, 3, 4>(simd, row),
                _ => self.group::<S, GROUP, 4>(simd, row),
            }
            row += GROUP;
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// `ROWS` examples against `OUT` rows of W at a time.
    #[inline(always)]
    fn group<S: Simd, const ROWS: usize, const OUT: usize>(&mut self, simd: S, row: usize) {
        let mut output = 0;
        while output + OUT <= self.outputs {
            self.tile::<S, ROWS, OUT>(simd, row, output);
            output += OUT;
        }
        while output < self.outputs {
            self.tile::<S, ROWS, 1>(simd, row, output);
            output += 1;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const OUT: usize>(
        &mut self,
        simd: S,
        row: usize,
        output: usize,
    ) {
        let lanes = T::lanes::<S>();
        let inputs = self.inputs;
        let mut sums = [[T::splat(simd, T::ZERO); ROWS]; OUT];
        let whole = inputs - inputs % lanes;
        for at in (0..whole).step_by(lanes) {
            // SAFETY: whole registers of rows of a and W end before `inputs`, inside both by the
            // asserts of `forward_rows`.
            unsafe {
                let load = |from: *const T| T::load_all::<S>(from);
                self.accumulate(simd, (row, output, at), load, &mut sums);
            }
        }
        if whole < inputs {
            let mask = T::first_lanes(simd, inputs - whole);
            // SAFETY: the masked lanes end at `inputs`.
            unsafe {
                let load = |from: *const T| T::load(simd, mask, from);
                self.accumulate(simd, (row, output, whole), load, &mut sums);
            }
        }
        for (o, sums) in sums.iter().enumerate() {
            let bias = self.bias.map_or(T::ZERO, |b| b[output + o]);
            for (b, sum) in sums.iter().enumerate() {
                self.z[(row + b) * self.outputs + output + o] = T::sum_lanes(simd, *sum) + bias;
            }
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// sums[o][b] += W[output + o][at..] · a[row + b][at..], one register of each.
    ///
    /// # Safety
    /// `load` must be able to read at column `at` of these rows.
    #[inline(always)]
    unsafe fn accumulate<S: Simd, const ROWS: usize, const OUT: usize>(
        &self,
        simd: S,
        (row, output, at): (usize, usize, usize),
        load: impl Fn(*const T) -> T::Register<S>,
        sums: &mut [[T::Register<S>; ROWS]; OUT],
    ) {
        let inputs = self.inputs;
        let a: [T::Register<S>; ROWS] =
            std::array::from_fn(|b| load(self.a.as_ptr().wrapping_add((row + b) * inputs + at)));
        for (o, sums) in sums.iter_mut().enumerate() {
            let w = load(self.weights.as_ptr().wrapping_add((output + o) * inputs + at));
            for (sum, a) in sums.iter_mut().zip(a) {
                *sum = T::multiply_add(simd, w, a, *sum);
            }
        }
    }
}

/// One pass over W that does both ends of a step: input derivatives with the old weights
/// (d_bi = Σ_o δ_bo W_oi, if asked for) and W_oi ← decay·W_oi − rate Σ_b δ_bo a_bi.
pub(crate) fn backward_and_step<T: Scalar>(
    rows: usize,
    (inputs, a): (usize, &[T]),
    (outputs, delta): (usize, &[T]),
    weights: &mut [T],
    input_delta: Option<&mut [T]>,
    step: (T, T),
) {
    assert!(rows <= SMALL && a.len() >= rows * inputs && delta.len() >= rows * outputs);
    assert!(weights.len() == inputs * outputs);
    assert!(input_delta.as_ref().is_none_or(|d| d.len() >= rows * inputs));
    let (rate, decay) = step;
    let pass = Backward { rows, inputs, a, outputs, delta, weights, input_delta, rate, decay };
    dispatch(pass);
}

struct Backward<'a, T> {
    rows: usize,
    inputs: usize,
    a: &'a [T],
    outputs: usize,
    delta: &'a [T],
    weights: &'a mut [T],
    input_delta: Option<&'a mut [T]>,
    rate: T,
    decay: T,
}

impl<T: Scalar> WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match self.rows {
            0 => {}
            1 => self.columns::<S, 1>(simd),
            2 => self.columns::<S, 2>(simd),
            3 => self.columns::<S, 3>(simd),
            4 => self.columns::<S, 4>(simd),
            5 => self.columns::<S, 5>(simd),
            6 => self.columns::<S, 6>(simd),
            7 => self.columns::<S, 7>(simd),
            8 => self.columns::<S, 8>(simd),
            9 => self.columns::<S, 9>(simd),
            10 => self.columns::<S, 10>(simd),
            11 => self.columns::<S, 11>(simd),
            12 => self.columns::<S, 12>(simd),
            13 => self.columns::<S, 13>(simd),
            14 => self.columns::<S, 14>(simd),
            15 => self.columns::<S, 15>(simd),
            _ => self.columns::<S, 16>(simd),
        }
    }
}

impl<T: Scalar> Backward<'_, T> {
    /// One register of columns at a time, all outputs: a and the sums of d stay in registers.
    #[inline(always)]
    fn columns<S: Simd, const ROWS: usize>(&mut self, simd: S) {
        let lanes = T::lanes::<S>();
        let inputs = self.inputs;
        let whole = inputs - inputs % lanes;
        for at in (0..whole).step_by(lanes) {
            // SAFETY: whole registers of rows of a, W and d end before `inputs`, inside all of
            // them by the asserts of `backward_and_step`.
            unsafe {
                let load = |from: *const T| T::load_all::<S>(from);
                let store = |to: *mut T, value| T::store_all::<S>(to, value);
                self.column::<S, ROWS>(simd, at, load, store);
            }
        }
        if whole < inputs {
            let mask = T::first_lanes(simd, inputs - whole);
            // SAFETY: the masked lanes end at `inputs`.
            unsafe {
                let load = |from: *const T| T::load(simd, mask, from);
                let store = |to: *mut T, value| T::store(simd, mask, to, value);
                self.column::<S, ROWS>(simd, whole, load, store);
            }
        }
    }

    /// # Safety
    /// `load` and `store` must be able to access column `at` of every row.
    #[inline(always)]
    unsafe fn column<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        at: usize,
        load: impl Fn(*const T) -> T::Register<S>,
        store: impl Fn(*mut T, T::Register<S>),
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let decay = T::splat(simd, self.decay);
        let a: [T::Register<S>; ROWS] =
            std::array::from_fn(|b| load(self.a.as_ptr().wrapping_add(b * inputs + at)));
        let mut sums = [T::splat(simd, T::ZERO); ROWS];
        for o in 0..outputs {
            let at_weight = self.weights.as_mut_ptr().wrapping_add(o * inputs + at);
            let w = load(at_weight);
            let mut new = T::multiply_add(simd, w, decay, T::splat(simd, T::ZERO));
            for b in 0..ROWS {
                let delta = self.delta[b * outputs + o];
                sums[b] = T::multiply_add(simd, T::splat(simd, delta), w, sums[b]);
                let step = T::splat(simd, -(self.rate * delta));
                new = T::multiply_add(simd, step, a[b], new);
            }
            store(at_weight, new);
        }
        if let Some(d) = &mut self.input_delta {
            for (b, sum) in sums.iter().enumerate() {
                store(d.as_mut_ptr().wrapping_add(b * inputs + at), *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::at_every_level;

    fn compare<T: Scalar>(epsilon: f64) {
        let number = |i: usize| T::from_f64(((i * 7919) % 997) as f64 / 500.0 - 1.0);
        let at = |x: &[T], i: usize| x[i].to_f64();
        for (inputs, outputs) in [(1, 1), (7, 3), (16, 4), (37, 9), (64, 5)] {
            for rows in 1..=SMALL {
                let a: Vec<T> = (0..rows * inputs).map(number).collect();
                let delta: Vec<T> = (0..rows * outputs).map(|i| number(i + 5)).collect();
                let bias: Vec<T> = (0..outputs).map(|i| number(i + 9)).collect();
                let start: Vec<T> = (0..inputs * outputs).map(|i| number(i + 2)).collect();

                let mut z = vec![T::ZERO; rows * outputs];
                forward_rows(rows, (inputs, &a), &start, Some(&bias), (outputs, &mut z));
                let mut weights = start.clone();
                let mut d = vec![T::ZERO; rows * inputs];
                let step = (T::from_f64(0.25), T::from_f64(0.5));
                let (a_in, d_out) = ((inputs, &a[..]), (outputs, &delta[..]));
                backward_and_step(rows, a_in, d_out, &mut weights, Some(&mut d), step);

                // Each result is a sum of at most `terms` rounded products of numbers up to 1.
                let terms = (inputs.max(outputs).max(rows) + 3) as f64;
                let check = |ours: f64, plain: f64| {
                    assert!((ours - plain).abs() <= terms * terms * epsilon, "{ours} {plain}");
                };
                for b in 0..rows {
                    for o in 0..outputs {
                        let sum = (0..inputs)
                            .map(|i| at(&a, b * inputs + i) * at(&start, o * inputs + i))
                            .sum::<f64>();
                        check(at(&z, b * outputs + o), sum + at(&bias, o));
                    }
                    for i in 0..inputs {
                        let sum = (0..outputs)
                            .map(|o| at(&delta, b * outputs + o) * at(&start, o * inputs + i))
                            .sum();
                        check(at(&d, b * inputs + i), sum);
                    }
                }
                for o in 0..outputs {
                    for i in 0..inputs {
                        let gradient: f64 = (0..rows)
                            .map(|b| at(&delta, b * outputs + o) * at(&a, b * inputs + i))
                            .sum();
                        let plain = 0.5 * at(&start, o * inputs + i) - 0.25 * gradient;
                        check(at(&weights, o * inputs + i), plain);
                    }
                }
            }
        }
    }

    #[test]
    fn agree_with_the_plain_loops_on_ragged_sizes() {
        at_every_level(|| {
            compare::<f32>(f64::from(f32::EPSILON));
            compare::<f64>(f64::EPSILON);
        });
    }
}
