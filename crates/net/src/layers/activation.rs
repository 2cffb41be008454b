//! Elementwise functions with two derivatives.

use minimascope_record::architecture::{Activation, Shape};

use crate::Scalar;
use crate::kernels::vectorized;

use super::layout::Described;
use super::map::{LayerValues, Map};

pub(super) fn describe(function: Activation, input: Shape) -> Described {
    let kind = format!("{function:?}").to_lowercase();
    Described { output: input, kind, multiply_adds: 0 }
}

impl<T: Scalar> Map<T> for Activation {
    fn forward(&self, _rows: usize, x: &[T], y: &mut [T], _winners: &mut [u8]) {
        forward(*self, x, y);
    }

    fn tangent(&self, at: LayerValues<'_, T>, x_tangent: &[T], y_tangent: &mut [T]) {
        backward(*self, (at.x, at.y), x_tangent, y_tangent, false);
    }

    fn backward(&self, at: LayerValues<'_, T>, d: &[T], out: &mut [T], accumulate: bool) {
        backward(*self, (at.x, at.y), d, out, accumulate);
    }

    fn tangent_backward(
        &self,
        at: LayerValues<'_, T>,
        (d, x_tangent): (&[T], &[T]),
        d_tangent: &[T],
        out: &mut [T],
        accumulate: bool,
    ) {
        tangent_backward(*self, (at.x, at.y), (d, x_tangent), d_tangent, out, accumulate);
    }
}

/// a = φ(z).
fn forward<T: Scalar>(function: Activation, z: &[T], a: &mut [T]) {
    vectorized(
        #[inline(always)]
        || match function {
            Activation::Relu => map(z, a, |z| if z < T::ZERO { T::ZERO } else { z }),
            Activation::Tanh => map(z, a, T::tanh),
            Activation::Sigmoid => map(z, a, sigmoid),
            Activation::Gelu => map(z, a, |z| z * normal_distribution(z)),
            Activation::Silu => map(z, a, |z| z * sigmoid(z)),
            Activation::Softplus => map(z, a, softplus),
        },
    );
}

/// ReLU that writes over its own input.
pub(crate) fn clip<T: Scalar>(a: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            for a in a {
                *a = if *a < T::ZERO { T::ZERO } else { *a }; // NaN stays NaN
            }
        },
    );
}

/// ReLU's derivative in place: x ← x where a > 0, else 0.
pub(crate) fn mask<T: Scalar>(a: &[T], x: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            for (a, x) in a.iter().zip(x) {
                *x = if *a > T::ZERO { *x } else { T::ZERO };
            }
        },
    );
}

/// out (+)= φ′(z)·δ.
fn backward<T: Scalar>(
    function: Activation,
    (z, a): (&[T], &[T]),
    delta: &[T],
    out: &mut [T],
    accumulate: bool,
) {
    let values = z.iter().zip(a).zip(delta);
    vectorized(
        #[inline(always)]
        || match (function, accumulate) {
            (Activation::Relu, false) => {
                for ((a, x), out) in a.iter().zip(delta).zip(out) {
                    *out = if *a > T::ZERO { *x } else { T::ZERO };
                }
            }
            (_, false) => {
                for (((z, a), x), out) in values.zip(out) {
                    *out = first(function, *z, *a) * *x;
                }
            }
            (_, true) => {
                for (((z, a), x), out) in values.zip(out) {
                    *out += first(function, *z, *a) * *x;
                }
            }
        },
    );
}

/// out (+)= φ′(z)·Rδ + φ″(z)·Rz·δ.
fn tangent_backward<T: Scalar>(
    function: Activation,
    (z, a): (&[T], &[T]),
    (delta, z_tangent): (&[T], &[T]),
    delta_tangent: &[T],
    out: &mut [T],
    accumulate: bool,
) {
    if function == Activation::Relu {
        return backward(function, (z, a), delta_tangent, out, accumulate);
    }
    let values = z.iter().zip(a).zip(delta).zip(z_tangent).zip(delta_tangent).zip(out);
    vectorized(
        #[inline(always)]
        || {
            for (((((z, a), delta), z_tangent), delta_tangent), out) in values {
                let value = first(function, *z, *a) * *delta_tangent
                    + second(function, *z, *a) * *z_tangent * *delta;
                *out = if accumulate { *out + value } else { value };
            }
        },
    );
}

#[inline(always)]
fn map<T: Scalar>(z: &[T], a: &mut [T], function: impl Fn(T) -> T) {
    for (a, z) in a.iter_mut().zip(z) {
        *a = function(*z);
    }
}

#[inline(always)]
fn first<T: Scalar>(function: Activation, z: T, a: T) -> T {
    match function {
        Activation::Relu => {
            if a > T::ZERO {
                T::ONE
            } else {
                T::ZERO
            }
        }
        Activation::Tanh => T::ONE - a * a,
        Activation::Sigmoid => a * (T::ONE - a),
        Activation::Gelu => normal_distribution(z) + z * normal_density(z),
        Activation::Silu => {
            let s = sigmoid(z);
            s + z * s * (T::ONE - s)
        }
        Activation::Softplus => sigmoid(z),
    }
}

#[inline(always)]
fn second<T: Scalar>(function: Activation, z: T, a: T) -> T {
    let two = T::from_f64(2.0);
    match function {
        Activation::Relu => T::ZERO,
        Activation::Tanh => -(two * a * (T::ONE - a * a)),
        Activation::Sigmoid => a * (T::ONE - a) * (T::ONE - two * a),
        Activation::Gelu => normal_density(z) * (two - z * z),
        Activation::Silu => {
            let s = sigmoid(z);
            s * (T::ONE - s) * (two + z * (T::ONE - two * s))
        }
        Activation::Softplus => {
            let s = sigmoid(z);
            s * (T::ONE - s)
        }
    }
}

/// 1/(1 + e⁻ᶻ), without overflow on either side.
#[inline(always)]
pub(crate) fn sigmoid<T: Scalar>(z: T) -> T {
    let e = (-z.abs()).exp();
    let small = e / (T::ONE + e);
    if z > T::ZERO { T::ONE - small } else { small }
}

/// log(1 + eᶻ) = max(z, 0) + log(1 + e^{−|z|}).
#[inline(always)]
pub(crate) fn softplus<T: Scalar>(z: T) -> T {
    let tail = (-z.abs()).exp().ln_1p();
    if z > T::ZERO { z + tail } else { tail }
}

#[inline(always)]
fn normal_distribution<T: Scalar>(z: T) -> T {
    let half = T::from_f64(0.5);
    half + half * (z * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf()
}

#[inline(always)]
fn normal_density<T: Scalar>(z: T) -> T {
    let scale = T::from_f64(0.398_942_280_401_432_7); // 1/√(2π)
    scale * (-(T::from_f64(0.5) * z * z)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences of φ and φ′: the error is h²/6 times a third derivative (below 3 for
    /// all of them) plus rounding ε·|φ|/h.
    #[test]
    fn derivatives_are_those_of_the_function() {
        let h = 1e-4;
        let bound = 0.5 * h * h * 3.0 + 8.0 * f64::EPSILON / h;
        for function in [
            Activation::Relu,
            Activation::Tanh,
            Activation::Sigmoid,
            Activation::Gelu,
            Activation::Silu,
            Activation::Softplus,
        ] {
            for z in [-3.1, -1.0, -0.2, 0.3, 1.7, 4.0] {
                let value = |z: f64| {
                    let mut a = [0.0];
                    forward(function, &[z], &mut a);
                    a[0]
                };
                let slope = |z: f64| first(function, z, value(z));
                let difference = (value(z + h) - value(z - h)) / (2.0 * h);
                assert!((difference - slope(z)).abs() < bound, "{function:?} first at {z}");
                let difference = (slope(z + h) - slope(z - h)) / (2.0 * h);
                let curvature = second(function, z, value(z));
                assert!((difference - curvature).abs() < bound, "{function:?} second at {z}");
            }
        }
    }

    #[test]
    fn nothing_overflows() {
        for z in [-1e4_f32, -100.0, 100.0, 1e4] {
            assert!(sigmoid(z).is_finite() && softplus(z).is_finite());
        }
    }
}
