//! Kernels of linear layers on at most 16 rows. Reading the weights bounds their time, so each pass
//! reads W once.
//!
//! A team can share both passes: the forward pass by outputs, the backward pass by columns of W, or
//! by rows of W where no input derivative is asked for. One thread sums each number, in an order
//! that the shapes give, so no cut changes a bit.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::Scalar;

use super::level::dispatch;
use super::team::{LEAST, Team, part_of};

/// The most rows for which one pass over the weights beats the packed product.
const SMALL: usize = 16;
/// The most examples whose running sums stay in registers together, beside `TALL` rows of W.
const GROUP: usize = 5;
/// Rows of W that are passed over together.
const TALL: usize = 4;
/// Parts begin at multiples of so many columns: the lanes of the widest register in f32.
const COLUMNS: usize = 16;

/// Whether a batch of `rows` takes the kernels of this file.
pub(crate) fn is_small(rows: usize) -> bool {
    rows <= SMALL
}

/// An array that all parts of a phase write to, each its own elements.
#[derive(Clone, Copy)]
struct SharedOutput<T>(*mut T);

// SAFETY: a pointer to plain numbers. Every write through it states why no other part writes there.
unsafe impl<T: Scalar> Sync for SharedOutput<T> {}

/// z_bo = Σ_i a_bi W_oi + bias_o, for W outputs × inputs and `rows` rows of a and z.
pub(crate) fn forward_rows<T: Scalar>(
    team: &Team,
    rows: usize,
    (inputs, a): (usize, &[T]),
    weights: &[T],
    bias: Option<&[T]>,
    (outputs, z): (usize, &mut [T]),
) {
    assert!(a.len() >= rows * inputs && z.len() >= rows * outputs);
    assert!(weights.len() == inputs * outputs && bias.is_none_or(|b| b.len() == outputs));
    let z = SharedOutput(z.as_mut_ptr());
    let parts = team.parts(rows * inputs * outputs, LEAST);
    team.share(parts, &|part| {
        let range = part_of(outputs, TALL, (part, parts));
        dispatch(Forward { rows, inputs, a, weights, bias, outputs, range, z });
    });
}

struct Forward<'a, T> {
    rows: usize,
    inputs: usize,
    a: &'a [T],
    weights: &'a [T],
    bias: Option<&'a [T]>,
    outputs: usize,
    /// The outputs of this part.
    range: Range<usize>,
    z: SharedOutput<T>,
}

impl<T: Scalar> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Range { start, end } = self.range;
        let whole = end - (end - start) % TALL;
        for output in (start..whole).step_by(TALL) {
            self.outputs::<S, TALL>(simd, output);
        }
        for output in whole..end {
            self.outputs::<S, 1>(simd, output);
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// `OUT` rows of W against all examples, in groups of nearly the same size: these rows stay in
    /// a first-level cache.
    #[inline(always)]
    fn outputs<S: Simd, const OUT: usize>(&self, simd: S, output: usize) {
        let groups = self.rows.div_ceil(GROUP);
        for group in 0..groups {
            let Range { start: row, end } = part_of(self.rows, 1, (group, groups));
            match end - row {
                1 => self.tile::<S, 1, OUT>(simd, row, output),
                2 => self.tile::<S, 2, OUT>(simd, row, output),
                3 => self.tile::<S, 3, OUT>(simd, row, output),
                4 => self.tile::<S, 4, OUT>(simd, row, output),
                _ => self.tile::<S, GROUP, OUT>(simd, row, output),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const OUT: usize>(
        &self,
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
                let at = (row + b) * self.outputs + output + o;
                // SAFETY: row + b < rows and output + o < outputs, inside z by the asserts of
                // `forward_rows`; no other part has this output.
                unsafe { *self.z.0.add(at) = T::sum_lanes(simd, *sum) + bias };
            }
        }
    }

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

/// Both ends of a step in one pass over W: input derivatives with the old weights
/// (d_bi = Σ_o δ_bo W_oi, if asked for) and W_oi ← decay·W_oi − rate Σ_b δ_bo a_bi.
pub(crate) fn backward_and_step<T: Scalar>(
    team: &Team,
    rows: usize,
    (inputs, a): (usize, &[T]),
    (outputs, delta): (usize, &[T]),
    weights: &mut [T],
    input_delta: Option<&mut [T]>,
    (rate, decay): (T, T),
) {
    assert!(rows <= SMALL && a.len() >= rows * inputs && delta.len() >= rows * outputs);
    assert!(weights.len() == inputs * outputs);
    assert!(input_delta.as_ref().is_none_or(|d| d.len() >= rows * inputs));
    let weights = SharedOutput(weights.as_mut_ptr());
    let input_delta = input_delta.map(|d| SharedOutput(d.as_mut_ptr()));
    let parts = team.parts(rows * inputs * outputs, LEAST);
    team.share(parts, &|part| {
        let (over_outputs, over_columns) = if input_delta.is_none() {
            (part_of(outputs, TALL, (part, parts)), 0..inputs)
        } else {
            (0..outputs, part_of(inputs, COLUMNS, (part, parts)))
        };
        dispatch(Backward {
            rows,
            inputs,
            a,
            outputs,
            delta,
            weights,
            input_delta,
            rate,
            decay,
            over_outputs,
            over_columns,
        });
    });
}

/// One part of the pass: some rows of W and all columns, or all rows and some columns.
struct Backward<'a, T> {
    rows: usize,
    inputs: usize,
    a: &'a [T],
    outputs: usize,
    delta: &'a [T],
    weights: SharedOutput<T>,
    input_delta: Option<SharedOutput<T>>,
    rate: T,
    decay: T,
    over_outputs: Range<usize>,
    over_columns: Range<usize>,
}

/// δ_bo and −rate·δ_bo of `OUT` outputs.
struct DeltaTile<T, const OUT: usize> {
    delta: [[T; OUT]; SMALL],
    step: [[T; OUT]; SMALL],
}

impl<T: Scalar> WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Range { start, end } = self.over_outputs;
        let whole = end - (end - start) % TALL;
        for output in (start..whole).step_by(TALL) {
            self.block::<S, TALL>(simd, output);
        }
        for output in whole..end {
            self.block::<S, 1>(simd, output);
        }
    }
}

impl<T: Scalar> Backward<'_, T> {
    /// `OUT` rows of W over all columns of this part, in strips of as many registers as leave room
    /// for the new weights: W is read and written in the order of memory.
    #[inline(always)]
    fn block<S: Simd, const OUT: usize>(&self, simd: S, output: usize) {
        let mut deltas =
            DeltaTile { delta: [[T::ZERO; OUT]; SMALL], step: [[T::ZERO; OUT]; SMALL] };
        for b in 0..self.rows {
            for o in 0..OUT {
                let delta = self.delta[b * self.outputs + output + o];
                deltas.delta[b][o] = delta;
                deltas.step[b][o] = -(self.rate * delta);
            }
        }
        // 32 registers where they are the widest, else 16.
        let wide = size_of::<T::Register<S>>() == 64;
        match (self.input_delta.is_some(), wide) {
            (true, true) => self.strips::<S, OUT, 2, true>(simd, output, &deltas),
            (true, false) => self.strips::<S, OUT, 1, true>(simd, output, &deltas),
            (false, true) => self.strips::<S, OUT, 4, false>(simd, output, &deltas),
            (false, false) => self.strips::<S, OUT, 2, false>(simd, output, &deltas),
        }
    }

    #[inline(always)]
    fn strips<S: Simd, const OUT: usize, const WIDTH: usize, const DERIVE: bool>(
        &self,
        simd: S,
        output: usize,
        deltas: &DeltaTile<T, OUT>,
    ) {
        let lanes = T::lanes::<S>();
        let Range { start: mut at, end } = self.over_columns;
        let mask = T::first_lanes(simd, (end - at) % lanes);
        // SAFETY: these registers, or the masked lanes of the last, lie inside `over_columns`, so
        // inside rows of a, W and d by the asserts of `backward_and_step`, and no other part has
        // these rows and columns of W, nor, with DERIVE, these columns of d.
        unsafe {
            while at + WIDTH * lanes <= end {
                self.tile::<S, OUT, WIDTH, DERIVE, false>(simd, (output, at), deltas, mask);
                at += WIDTH * lanes;
            }
            while at + lanes <= end {
                self.tile::<S, OUT, 1, DERIVE, false>(simd, (output, at), deltas, mask);
                at += lanes;
            }
            if at < end {
                self.tile::<S, OUT, 1, DERIVE, true>(simd, (output, at), deltas, mask);
            }
        }
    }

    /// # Safety
    /// `WIDTH` registers (`RAGGED`: the masked lanes of one) from column `at` on must lie inside
    /// every row of a and d, and of these of W, and no other thread may access them in W and d.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // over constants, so that the registers are known
    unsafe fn tile<
        S: Simd,
        const OUT: usize,
        const WIDTH: usize,
        const DERIVE: bool,
        const RAGGED: bool,
    >(
        &self,
        simd: S,
        (output, at): (usize, usize),
        deltas: &DeltaTile<T, OUT>,
        mask: T::Mask<S>,
    ) {
        // SAFETY: the caller vouches for every register that this is called for.
        let load = |from: *const T| unsafe {
            if RAGGED { T::load(simd, mask, from) } else { T::load_all::<S>(from) }
        };
        // SAFETY: as above.
        let store = |to: *mut T, value: T::Register<S>| unsafe {
            if RAGGED { T::store(simd, mask, to, value) } else { T::store_all::<S>(to, value) }
        };
        let (inputs, lanes) = (self.inputs, T::lanes::<S>());
        let zero = T::splat(simd, T::ZERO);
        let decay = T::splat(simd, self.decay);
        let weights = self.weights.0.wrapping_add(output * inputs + at);
        let mut old = [[zero; WIDTH]; OUT];
        let mut new = [[zero; WIDTH]; OUT];
        for o in 0..OUT {
            for w in 0..WIDTH {
                old[o][w] = load(weights.wrapping_add(o * inputs + w * lanes));
                new[o][w] = T::multiply_add(simd, old[o][w], decay, zero);
            }
        }
        for b in 0..self.rows {
            let at = b * inputs + at;
            if DERIVE && let Some(d) = self.input_delta {
                let d = d.0.wrapping_add(at);
                let mut sums = [zero; WIDTH];
                if output != self.over_outputs.start {
                    for w in 0..WIDTH {
                        sums[w] = load(d.wrapping_add(w * lanes));
                    }
                }
                for o in 0..OUT {
                    let delta = T::splat(simd, deltas.delta[b][o]);
                    for w in 0..WIDTH {
                        sums[w] = T::multiply_add(simd, delta, old[o][w], sums[w]);
                    }
                }
                for w in 0..WIDTH {
                    store(d.wrapping_add(w * lanes), sums[w]);
                }
            }
            let mut a = [zero; WIDTH];
            for w in 0..WIDTH {
                a[w] = load(self.a.as_ptr().wrapping_add(at + w * lanes));
            }
            for o in 0..OUT {
                let step = T::splat(simd, deltas.step[b][o]);
                for w in 0..WIDTH {
                    new[o][w] = T::multiply_add(simd, step, a[w], new[o][w]);
                }
            }
        }
        for o in 0..OUT {
            for w in 0..WIDTH {
                store(weights.wrapping_add(o * inputs + w * lanes), new[o][w]);
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
        let team = Team::alone();
        for (inputs, outputs) in [(1, 1), (7, 3), (16, 4), (37, 9), (64, 5)] {
            for rows in 1..=SMALL {
                let a: Vec<T> = (0..rows * inputs).map(number).collect();
                let delta: Vec<T> = (0..rows * outputs).map(|i| number(i + 5)).collect();
                let bias: Vec<T> = (0..outputs).map(|i| number(i + 9)).collect();
                let start: Vec<T> = (0..inputs * outputs).map(|i| number(i + 2)).collect();

                let mut z = vec![T::ZERO; rows * outputs];
                forward_rows(team, rows, (inputs, &a), &start, Some(&bias), (outputs, &mut z));
                let mut weights = start.clone();
                let mut d = vec![T::ZERO; rows * inputs];
                let step = (T::from_f64(0.25), T::from_f64(0.5));
                let (a_in, d_out) = ((inputs, &a[..]), (outputs, &delta[..]));
                backward_and_step(team, rows, a_in, d_out, &mut weights, Some(&mut d), step);

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

    /// The bits of z, of the new W of a first layer and of another one, and of d.
    fn bits<T: Scalar>(team: &Team, rows: usize, (inputs, outputs): (usize, usize)) -> Vec<u64> {
        let number = |i: usize| T::from_f64(((i * 7919) % 997) as f64 / 500.0 - 1.0);
        let a: Vec<T> = (0..rows * inputs).map(number).collect();
        let delta: Vec<T> = (0..rows * outputs).map(|i| number(i + 5)).collect();
        let weights: Vec<T> = (0..inputs * outputs).map(|i| number(i + 2)).collect();
        let (mut z, mut d) = (vec![T::ZERO; rows * outputs], vec![T::ZERO; rows * inputs]);
        let (mut first, mut other) = (weights.clone(), weights.clone());
        forward_rows(team, rows, (inputs, &a), &weights, None, (outputs, &mut z));
        let step = (T::from_f64(0.3), T::from_f64(0.7));
        let (a, delta) = ((inputs, &a[..]), (outputs, &delta[..]));
        backward_and_step(team, rows, a, delta, &mut first, None, step);
        backward_and_step(team, rows, a, delta, &mut other, Some(&mut d), step);
        let all = z.iter().chain(&first).chain(&other).chain(&d);
        all.map(|x| x.to_f64().to_bits()).collect()
    }

    fn compare_teams<T: Scalar>() {
        // Miri takes seconds for what takes microseconds.
        let all: (&[usize], &[usize]) =
            if cfg!(miri) { (&[3], &[2]) } else { (&[1, 2, 5, 10, 16], &[2, 3, 4]) };
        for size in [(311, 177), (177, 311)] {
            for &rows in all.0 {
                let one = bits::<T>(Team::alone(), rows, size);
                for &threads in all.1 {
                    let team = Team::new(threads);
                    assert!(team.parts(rows * size.0 * size.1, LEAST) > 1, "nothing to share");
                    let case = format!("{} rows, {size:?}, {threads} threads", T::NAME);
                    assert!(one == bits::<T>(&team, rows, size), "{case}, B = {rows}");
                }
            }
        }
    }

    #[test]
    fn a_team_changes_no_bit() {
        at_every_level(|| {
            compare_teams::<f32>();
            compare_teams::<f64>();
        });
    }

    #[test]
    fn agree_with_the_plain_loops_on_ragged_sizes() {
        at_every_level(|| {
            compare::<f32>(f64::from(f32::EPSILON));
            compare::<f64>(f64::EPSILON);
        });
    }
}
