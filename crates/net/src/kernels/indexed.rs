//! The product behind every convolution: a matrix whose left factor is gathered by two index
//! tables, so that patches are never copied.

use pulp::{Simd, WithSimd};

use crate::Scalar;

use super::level::dispatch;

/// Rows of a register tile. Eight accumulators hide the latency of fused multiply–adds even when
/// a row is one register wide, and eight row addresses fit the general registers.
pub(crate) const TILE: usize = 8;

/// C[i][j] (+)= Σ_t A[rows[i] + steps[t]] · B[t][j], with B steps × columns and C rows × columns,
/// both row by row.
///
/// A convolution is three of these: forward (rows are positions, steps are kernel cells), the
/// gradient of the filter (rows are kernel cells, steps are positions), and the derivative of the
/// input (the forward form with the flipped filter).
pub(crate) fn indexed_product<T: Scalar>(
    a: &[T],
    rows: &[u32],
    steps: &[u32],
    b: &[T],
    columns: usize,
    c: &mut [T],
    accumulate: bool,
) {
    let last = |table: &[u32]| table.iter().copied().max().map_or(0, |x| x as usize);
    assert!(b.len() >= steps.len() * columns && c.len() >= rows.len() * columns);
    if rows.is_empty() || columns == 0 {
        return;
    }
    assert!(steps.is_empty() || last(rows) + last(steps) < a.len(), "index outside the image");
    let product = Product { a, rows, steps, b, columns, c, accumulate };
    dispatch(product);
}

struct Product<'a, T> {
    a: &'a [T],
    rows: &'a [u32],
    steps: &'a [u32],
    b: &'a [T],
    columns: usize,
    c: &'a mut [T],
    accumulate: bool,
}

impl<T: Scalar> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = T::lanes::<S>();
        let mut column = 0;
        while column < self.columns {
            let left = self.columns - column;
            if left > lanes {
                let mask = T::first_lanes(simd, left - lanes);
                if left >= 2 * lanes {
                    self.panel::<S, 2, false>(simd, column, mask);
                } else {
                    self.panel::<S, 2, true>(simd, column, mask);
                }
                column += 2 * lanes;
            } else {
                let mask = T::first_lanes(simd, left);
                if left == lanes {
                    self.panel::<S, 1, false>(simd, column, mask);
                } else {
                    self.panel::<S, 1, true>(simd, column, mask);
                }
                column += lanes;
            }
        }
    }
}

impl<T: Scalar> Product<'_, T> {
    /// All rows of one panel of `WIDTH` registers from `column` on. Only the last register can be
    /// partial (`RAGGED`), with `mask`.
    #[inline(always)]
    fn panel<S: Simd, const WIDTH: usize, const RAGGED: bool>(
        &mut self,
        simd: S,
        column: usize,
        mask: T::Mask<S>,
    ) {
        let lanes = T::lanes::<S>();
        let ragged = |w: usize| RAGGED && w + 1 == WIDTH;
        let mut first = 0;
        while first < self.rows.len() {
            let count = TILE.min(self.rows.len() - first);
            // Rows past the end repeat the first one of the tile and are not stored.
            let starts: [*const T; TILE] = std::array::from_fn(|i| {
                let row = self.rows[first + if i < count { i } else { 0 }] as usize;
                // SAFETY: rows[i] ≤ rows[i] + steps[t] < a.len(), checked by the caller; with no
                // steps the pointer is not read and `wrapping_add` makes no promise.
                self.a.as_ptr().wrapping_add(row)
            });
            let mut sums = [[T::splat(simd, T::ZERO); WIDTH]; TILE];
            let mut b = self.b.as_ptr().wrapping_add(column);
            for &step in self.steps {
                let step = step as usize;
                // SAFETY: these lanes of row t of B lie before (t + 1)·columns ≤ b.len().
                let right: [T::Register<S>; WIDTH] = std::array::from_fn(|w| unsafe {
                    let from = b.wrapping_add(w * lanes);
                    if ragged(w) { T::load(simd, mask, from) } else { T::load_all::<S>(from) }
                });
                for i in 0..TILE {
                    // SAFETY: rows[i] + steps[t] < a.len(), checked by the caller.
                    let left = T::splat(simd, unsafe { *starts[i].add(step) });
                    for w in 0..WIDTH {
                        sums[i][w] = T::multiply_add(simd, left, right[w], sums[i][w]);
                    }
                }
                b = b.wrapping_add(self.columns);
            }
            for (i, sums) in sums.iter().enumerate().take(count) {
                let c = &mut self.c[(first + i) * self.columns..][..self.columns];
                for (w, sum) in sums.iter().enumerate() {
                    let to = c.as_mut_ptr().wrapping_add(column + w * lanes);
                    // SAFETY: all lanes, or the masked ones of the last, lie inside this row of C.
                    unsafe {
                        let mut value = *sum;
                        if ragged(w) {
                            if self.accumulate {
                                value = T::plus(simd, value, T::load(simd, mask, to));
                            }
                            T::store(simd, mask, to, value);
                        } else {
                            if self.accumulate {
                                value = T::plus(simd, value, T::load_all::<S>(to));
                            }
                            T::store_all::<S>(to, value);
                        }
                    }
                }
            }
            first += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::at_every_level;

    fn compare<T: Scalar>(epsilon: f64) {
        let number = |i: usize| T::from_f64(((i * 7919) % 997) as f64 / 500.0 - 1.0);
        for (rows, steps, columns) in
            [(1, 1, 1), (8, 9, 16), (9, 5, 3), (23, 40, 17), (7, 0, 4), (30, 11, 33), (5, 3, 70)]
        {
            let row_table: Vec<u32> = (0..rows as u32).map(|i| (i * 13) % 40).collect();
            let step_table: Vec<u32> = (0..steps as u32).map(|t| (t * 5) % 50).collect();
            let a: Vec<T> = (0..100).map(number).collect();
            let b: Vec<T> = (0..steps * columns).map(number).collect();
            for accumulate in [false, true] {
                let start: Vec<T> = (0..rows * columns).map(|i| number(i + 3)).collect();
                let mut c = start.clone();
                indexed_product(&a, &row_table, &step_table, &b, columns, &mut c, accumulate);
                for i in 0..rows {
                    for j in 0..columns {
                        let mut sum =
                            if accumulate { start[i * columns + j].to_f64() } else { 0.0 };
                        let mut size = sum.abs();
                        for t in 0..steps {
                            let term = a[(row_table[i] + step_table[t]) as usize].to_f64()
                                * b[t * columns + j].to_f64();
                            sum += term;
                            size += term.abs();
                        }
                        let bound = (steps + 2) as f64 * epsilon * size;
                        let error = (c[i * columns + j].to_f64() - sum).abs();
                        assert!(error <= bound, "{rows} {steps} {columns}: {error} > {bound}");
                    }
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_plain_loop_on_ragged_sizes() {
        at_every_level(|| {
            compare::<f32>(f64::from(f32::EPSILON));
            compare::<f64>(f64::EPSILON);
        });
    }
}
