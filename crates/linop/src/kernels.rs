//! The two loops that touch a basis, over one chunk, as wide as the processor allows.
//!
//! The lanes (8 with AVX-512, 4 with AVX2, 2 otherwise) are part of the order of a sum, so bits
//! may differ between kinds of processor; they never depend on threads. Products and sums are
//! separate instructions: the loops wait for memory, and without fused hardware a fused product is
//! emulated at a hundred times the cost.

use pulp::{Arch, Simd, WithSimd};

/// [wᵀv_0, …, wᵀv_{N−1}].
///
/// # Panics
/// When a v is shorter than w.
pub(crate) fn dots<const N: usize>(w: &[f64], with: [&[f64]; N]) -> [f64; N] {
    Arch::new().dispatch(Dots { w, with })
}

struct Dots<'a, const N: usize> {
    w: &'a [f64],
    with: [&'a [f64]; N],
}

impl<const N: usize> WithSimd for Dots<'_, N> {
    type Output = [f64; N];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f64; N] {
        let length = self.w.len();
        let (w, w_tail) = S::as_simd_f64s(self.w);
        let rows = self.with.map(|v| S::as_simd_f64s(&v[..length]));
        let heads = rows.map(|(head, _)| &head[..w.len()]);
        let mut sums = [simd.splat_f64s(0.0); N];
        for i in 0..w.len() {
            for n in 0..N {
                sums[n] = simd.add_f64s(sums[n], simd.mul_f64s(w[i], heads[n][i]));
            }
        }
        std::array::from_fn(|n| {
            let tail = w_tail.iter().zip(rows[n].1);
            tail.fold(simd.reduce_sum_f64s(sums[n]), |sum, (x, y)| sum + x * y)
        })
    }
}

/// w ← w − Σ_n factors_n v_n.
///
/// # Panics
/// When a v is shorter than w.
pub(crate) fn subtract<const N: usize>(w: &mut [f64], factors: [f64; N], columns: [&[f64]; N]) {
    Arch::new().dispatch(Subtract { w, factors, columns });
}

struct Subtract<'a, const N: usize> {
    w: &'a mut [f64],
    factors: [f64; N],
    columns: [&'a [f64]; N],
}

impl<const N: usize> WithSimd for Subtract<'_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let length = self.w.len();
        let rows = self.columns.map(|v| S::as_simd_f64s(&v[..length]));
        let (w, w_tail) = S::as_mut_simd_f64s(self.w);
        let heads = rows.map(|(head, _)| &head[..w.len()]);
        let factors = self.factors.map(|factor| simd.splat_f64s(factor));
        for i in 0..w.len() {
            let mut rest = w[i];
            for n in 0..N {
                rest = simd.sub_f64s(rest, simd.mul_f64s(factors[n], heads[n][i]));
            }
            w[i] = rest;
        }
        for (i, entry) in w_tail.iter_mut().enumerate() {
            for (factor, (_, tail)) in self.factors.iter().zip(&rows) {
                *entry -= factor * tail[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, so that every order of summation gives the same exact result.
    #[test]
    fn every_length_agrees_with_the_plain_loop_exactly() {
        let mut levels = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        levels.extend(pulp::x86::V3::try_new().map(Arch::V3));
        for (level, length) in levels.iter().flat_map(|level| (0..70).map(move |n| (level, n))) {
            let vector = |k: usize| -> Vec<f64> {
                (0..length).map(|i| ((i * i + k * i + k) % 11) as f64 - 5.0).collect()
            };
            let (w, a, b, c) = (vector(1), vector(2), vector(3), vector(4));
            let plain = |x: &[f64]| w.iter().zip(x).map(|(x, y)| x * y).sum::<f64>();
            let columns: [&[f64]; 3] = [&a, &b, &c];
            let dots = level.dispatch(Dots { w: &w, with: columns });
            assert_eq!(dots, [plain(&a), plain(&b), plain(&c)], "{level:?}");
            let mut got = w.clone();
            level.dispatch(Subtract { w: &mut got, factors: [2.0, -1.0, 3.0], columns });
            for i in 0..length {
                assert_eq!(got[i], w[i] - 2.0 * a[i] + b[i] - 3.0 * c[i]);
            }
        }
    }
}
