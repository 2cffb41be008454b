//! Products of matching rows, for directions that differ for each example; column sums for biases.

use crate::Scalar;

use super::vectorized;

/// out_i = x_i · y_i for rows of `width` numbers.
pub(crate) fn row_dots<T: Scalar>(x: &[T], y: &[T], width: usize, out: &mut [T]) {
    assert!(x.len() == out.len() * width && y.len() == x.len());
    vectorized(
        #[inline(always)]
        || {
            for (out, (x, y)) in
                out.iter_mut().zip(x.chunks_exact(width).zip(y.chunks_exact(width)))
            {
                *out = dot(x, y);
            }
        },
    );
}

/// Sixty-four running sums: enough independent chains for two units of the widest registers.
#[inline(always)]
fn dot<T: Scalar>(x: &[T], y: &[T]) -> T {
    const LANES: usize = 64;
    let mut sums = [T::ZERO; LANES];
    let (x_body, x_tail) = x.as_chunks::<LANES>();
    let (y_body, y_tail) = y.as_chunks::<LANES>();
    for (x, y) in x_body.iter().zip(y_body) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    for (lane, (x, y)) in x_tail.iter().zip(y_tail).enumerate() {
        sums[lane] += *x * *y;
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            let upper = sums[lane + half];
            sums[lane] += upper;
        }
        half /= 2;
    }
    sums[0]
}

/// out_i += c_i x_i + d_i y_i for rows of `width` numbers.
pub(crate) fn add_scaled_rows<T: Scalar>(
    out: &mut [T],
    width: usize,
    (c, x): (&[T], &[T]),
    (d, y): (&[T], &[T]),
) {
    assert!(out.len() == c.len() * width && x.len() == out.len() && y.len() == out.len());
    assert!(d.len() == c.len());
    vectorized(
        #[inline(always)]
        || {
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                let (c, d) = (c[i], d[i]);
                let (x, y) = (&x[i * width..][..width], &y[i * width..][..width]);
                for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
                    *out += c * *x + d * *y;
                }
            }
        },
    );
}

/// sums_j (+)= Σ_i x_ij.
pub(crate) fn add_column_sums<T: Scalar>(x: &[T], sums: &mut [T], accumulate: bool) {
    vectorized(
        #[inline(always)]
        || {
            if !accumulate {
                sums.fill(T::ZERO);
            }
            let columns = sums.len();
            let (wide, rest) = sums.as_chunks_mut::<64>();
            for (block, sums) in wide.iter_mut().enumerate() {
                add_columns(x, columns, 64 * block, sums);
            }
            let done = columns - rest.len();
            let (narrow, rest) = rest.as_chunks_mut::<16>();
            for (block, sums) in narrow.iter_mut().enumerate() {
                add_columns(x, columns, done + 16 * block, sums);
            }
            let done = columns - rest.len();
            for row in x.chunks_exact(columns) {
                for (sum, x) in rest.iter_mut().zip(&row[done..]) {
                    *sum += *x;
                }
            }
        },
    );
}

/// `WIDTH` columns from `first` on, their sums in registers.
#[inline(always)]
fn add_columns<T: Scalar, const WIDTH: usize>(
    x: &[T],
    columns: usize,
    first: usize,
    sums: &mut [T; WIDTH],
) {
    let mut running = *sums;
    for row in x.chunks_exact(columns) {
        for (sum, x) in running.iter_mut().zip(&row[first..first + WIDTH]) {
            *sum += *x;
        }
    }
    *sums = running;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::at_every_level;

    #[test]
    fn agree_with_the_plain_loops_on_ragged_sizes() {
        at_every_level(compare);
    }

    /// Small integers: every sum is exact, whatever its order.
    fn compare() {
        let number = |i: usize| (i * 7919 % 17) as f64 - 8.0;
        for (rows, width) in [(1, 1), (3, 15), (2, 64), (4, 83), (1, 147)] {
            let x: Vec<f64> = (0..rows * width).map(number).collect();
            let y: Vec<f64> = (0..rows * width).map(|i| number(i + 3)).collect();
            let mut dots = vec![0.0; rows];
            row_dots(&x, &y, width, &mut dots);
            let mut sums: Vec<f64> = (0..width).map(number).collect();
            add_column_sums(&x, &mut sums, true);
            let mut out = y.clone();
            add_scaled_rows(&mut out, width, (&dots, &x), (&dots, &y));
            for (i, dot) in dots.iter().enumerate() {
                let row = i * width..(i + 1) * width;
                let plain: f64 =
                    x[row.clone()].iter().zip(&y[row.clone()]).map(|(x, y)| x * y).sum();
                assert_eq!(*dot, plain);
                for at in row {
                    assert_eq!(out[at], y[at] + dot * x[at] + dot * y[at]);
                }
            }
            for j in 0..width {
                let column: f64 = (0..rows).map(|i| x[i * width + j]).sum();
                assert_eq!(sums[j], number(j) + column);
            }
        }
    }
}
