//! Dense matrix products, through `gemm` on one thread.

use crate::Scalar;

/// How a slice is read as a matrix: element (i, j) is at `i·row_step + j·column_step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strides {
    pub rows: usize,
    pub columns: usize,
    pub row_step: usize,
    pub column_step: usize,
}

impl Strides {
    /// Rows one after another.
    pub(crate) fn rows(rows: usize, columns: usize) -> Self {
        Self { rows, columns, row_step: columns, column_step: 1 }
    }

    /// The transpose of this.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }

    fn fits(self, length: usize) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.row_step + (self.columns - 1) * self.column_step < length
    }
}

/// C ← A·B, or C ← C + A·B with `accumulate`.
pub(crate) fn multiply<T: Scalar>(
    (c, c_layout): (&mut [T], Strides),
    (a, a_layout): (&[T], Strides),
    (b, b_layout): (&[T], Strides),
    accumulate: bool,
) {
    assert!(
        c_layout.rows == a_layout.rows
            && c_layout.columns == b_layout.columns
            && a_layout.columns == b_layout.rows,
        "shapes {c_layout:?} = {a_layout:?} · {b_layout:?}"
    );
    assert!(c_layout.fits(c.len()) && a_layout.fits(a.len()) && b_layout.fits(b.len()));
    let step = |s: usize| isize::try_from(s).expect("a slice is shorter than isize::MAX");
    // SAFETY: every element of the three layouts lies in its slice and the shapes agree, both checked
    // above, and C is borrowed mutably, so it overlaps neither A nor B.
    unsafe {
        gemm::gemm(
            c_layout.rows,
            c_layout.columns,
            a_layout.columns,
            c.as_mut_ptr(),
            step(c_layout.column_step),
            step(c_layout.row_step),
            accumulate,
            a.as_ptr(),
            step(a_layout.column_step),
            step(a_layout.row_step),
            b.as_ptr(),
            step(b_layout.column_step),
            step(b_layout.row_step),
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        (0..count)
            .map(|i| ((i as u64 * 2_654_435_761 + seed) % 1000) as f64 / 500.0 - 1.0)
            .collect()
    }

    #[test]
    fn every_layout_agrees_with_the_triple_loop() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 2), (17, 9, 33), (4, 64, 20)] {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            for (a_layout, b_layout) in [
                (Strides::rows(m, k), Strides::rows(k, n)),
                (Strides::rows(k, m).transposed(), Strides::rows(k, n)),
                (Strides::rows(m, k), Strides::rows(n, k).transposed()),
            ] {
                for accumulate in [false, true] {
                    let start = numbers(m * n, 3);
                    let mut c = start.clone();
                    multiply(
                        (&mut c, Strides::rows(m, n)),
                        (&a, a_layout),
                        (&b, b_layout),
                        accumulate,
                    );
                    for i in 0..m {
                        for j in 0..n {
                            let mut sum = if accumulate { start[i * n + j] } else { 0.0 };
                            let mut size = sum.abs();
                            for l in 0..k {
                                let term = a[i * a_layout.row_step + l * a_layout.column_step]
                                    * b[l * b_layout.row_step + j * b_layout.column_step];
                                sum += term;
                                size += term.abs();
                            }
                            // The error of a sum of k + 1 rounded terms.
                            let bound = (k + 2) as f64 * f64::EPSILON * size;
                            assert!((c[i * n + j] - sum).abs() <= bound);
                        }
                    }
                }
            }
        }
    }
}
