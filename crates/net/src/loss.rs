//! Losses of one example: value, derivative and second derivative in the outputs z. To add one, give
//! it a word in `minimascope_record::training` and its lines here.

use minimascope_record::training::Loss;

use crate::layers::{sigmoid, softplus};
use crate::{Error, Scalar};

/// Checks that a loss can take `outputs` outputs.
pub(crate) fn check_outputs(loss: Loss, outputs: usize) -> Result<(), Error> {
    match loss {
        Loss::BinaryLogistic if outputs != 1 => {
            Err(Error::Outputs { loss: "binary-logistic", needs: "one output", outputs })
        }
        Loss::SoftmaxCrossEntropy if outputs < 2 => {
            Err(Error::Outputs { loss: "softmax-cross-entropy", needs: "at least two", outputs })
        }
        _ => Ok(()),
    }
}

/// ℓ(z, y), in double precision.
pub(crate) fn value<T: Scalar>(loss: Loss, z: &[T], y: &[T]) -> f64 {
    let squares =
        || -> f64 { z.iter().zip(y).map(|(z, y)| (z.to_f64() - y.to_f64()).powi(2)).sum::<f64>() };
    match loss {
        Loss::MeanSquaredError => squares() / count(z),
        Loss::HalfSumOfSquares => 0.5 * squares(),
        Loss::SoftmaxCrossEntropy => {
            let top = z.iter().map(|z| z.to_f64()).fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = z.iter().map(|z| (z.to_f64() - top).exp()).sum();
            let log_total = top + total.ln();
            z.iter().zip(y).map(|(z, y)| y.to_f64() * (log_total - z.to_f64())).sum()
        }
        Loss::BinaryLogistic => {
            let (z, y) = (z[0].to_f64(), y[0].to_f64());
            softplus(z) - y * z
        }
    }
}

/// out ← ∂ℓ/∂z.
pub(crate) fn derivative<T: Scalar>(loss: Loss, z: &[T], y: &[T], out: &mut [T]) {
    match loss {
        Loss::MeanSquaredError | Loss::HalfSumOfSquares => {
            let scale = T::from_f64(quadratic(loss, z));
            for ((out, z), y) in out.iter_mut().zip(z).zip(y) {
                *out = scale * (*z - *y);
            }
        }
        Loss::SoftmaxCrossEntropy => {
            // The targets may sum to something else than 1 (soft or weighted labels).
            let mass = y.iter().fold(T::ZERO, |sum, y| sum + *y);
            softmax(z, out);
            for (out, y) in out.iter_mut().zip(y) {
                *out = mass * *out - *y;
            }
        }
        Loss::BinaryLogistic => out[0] = sigmoid(z[0]) - y[0],
    }
}

/// out ← (∂²ℓ/∂z²) x, positive semidefinite for every loss here.
pub(crate) fn curvature<T: Scalar>(loss: Loss, z: &[T], y: &[T], x: &[T], out: &mut [T]) {
    match loss {
        Loss::MeanSquaredError | Loss::HalfSumOfSquares => {
            let scale = T::from_f64(quadratic(loss, z));
            for (out, x) in out.iter_mut().zip(x) {
                *out = scale * *x;
            }
        }
        Loss::SoftmaxCrossEntropy => {
            let mass = y.iter().fold(T::ZERO, |sum, y| sum + *y);
            softmax(z, out);
            let mean = out.iter().zip(x).fold(T::ZERO, |sum, (p, x)| sum + *p * *x);
            for (out, x) in out.iter_mut().zip(x) {
                *out = mass * *out * (*x - mean);
            }
        }
        Loss::BinaryLogistic => {
            let p = sigmoid(z[0]);
            out[0] = p * (T::ONE - p) * x[0];
        }
    }
}

/// out ← Σ_k c_k B[·, k] with B Bᵀ = ∂²ℓ/∂z². B is the root of a multiple of the identity, or
/// √m (diag(√p) − p √pᵀ) for the softmax with targets of mass m: its square telescopes to
/// m (diag(p) − p pᵀ) because √p is a unit vector.
pub(crate) fn root<T: Scalar>(
    loss: Loss,
    z: &[T],
    y: &[T],
    c: impl Fn(usize) -> f64,
    out: &mut [T],
) {
    match loss {
        Loss::MeanSquaredError | Loss::HalfSumOfSquares => {
            let scale = quadratic(loss, z).sqrt();
            for (k, out) in out.iter_mut().enumerate() {
                *out = T::from_f64(scale * c(k));
            }
        }
        Loss::SoftmaxCrossEntropy => {
            let mass = y.iter().map(|y| y.to_f64()).sum::<f64>().sqrt();
            softmax(z, out);
            let roots = |(k, p): (usize, &T)| p.to_f64().sqrt() * c(k);
            let mean: f64 = out.iter().enumerate().map(roots).sum();
            for (k, out) in out.iter_mut().enumerate() {
                let p = out.to_f64();
                *out = T::from_f64(mass * (p.sqrt() * c(k) - p * mean));
            }
        }
        Loss::BinaryLogistic => {
            let p = sigmoid(z[0].to_f64());
            out[0] = T::from_f64((p * (1.0 - p)).sqrt() * c(0));
        }
    }
}

/// out ← Bᵀ x with the B of [`root`].
pub(crate) fn root_transposed<T: Scalar>(loss: Loss, z: &[T], y: &[T], x: &[T], out: &mut [f64]) {
    match loss {
        Loss::MeanSquaredError | Loss::HalfSumOfSquares => {
            let scale = quadratic(loss, z).sqrt();
            out.iter_mut().zip(x).for_each(|(out, x)| *out = scale * x.to_f64());
        }
        Loss::SoftmaxCrossEntropy => {
            let mass = y.iter().map(|y| y.to_f64()).sum::<f64>().sqrt();
            let top = z.iter().map(|z| z.to_f64()).fold(f64::NEG_INFINITY, f64::max);
            out.iter_mut().zip(z).for_each(|(out, z)| *out = (z.to_f64() - top).exp());
            let total: f64 = out.iter().sum();
            let weighted = out.iter().zip(x).map(|(e, x)| e / total * x.to_f64());
            let mean: f64 = weighted.sum();
            for (out, x) in out.iter_mut().zip(x) {
                *out = mass * (*out / total).sqrt() * (x.to_f64() - mean);
            }
        }
        Loss::BinaryLogistic => {
            let p = sigmoid(z[0].to_f64());
            out[0] = (p * (1.0 - p)).sqrt() * x[0].to_f64();
        }
    }
}

/// The loss of the best output that does not depend on the input, which is the classes' frequencies
/// π. With one-hot targets Σ_k π_k(1 − π_k), over K or halved as the loss says,
/// and −Σ_k π_k log π_k for logarithmic losses; one output with targets 0 and 1 is the same with
/// one term of the squares.
pub fn constant_output_loss(loss: Loss, labels: &[u32], outputs: usize) -> f64 {
    let classes = if outputs == 1 { 2 } else { outputs };
    let mut counts = vec![0_u64; classes];
    labels.iter().for_each(|label| counts[*label as usize] += 1);
    let frequencies = || counts.iter().map(|count| *count as f64 / labels.len() as f64);
    // One output carries the second class alone: Σ over both classes counts its variance twice.
    let squares = || {
        let sum: f64 = frequencies().map(|share| share * (1.0 - share)).sum();
        if outputs == 1 { sum / 2.0 } else { sum }
    };
    match loss {
        Loss::MeanSquaredError => squares() / outputs as f64,
        Loss::HalfSumOfSquares => squares() / 2.0,
        Loss::SoftmaxCrossEntropy | Loss::BinaryLogistic => {
            frequencies().filter(|share| *share > 0.0).map(|share| -share * share.ln()).sum()
        }
    }
}

/// Whether the outputs name the class of the targets.
pub(crate) fn is_correct<T: Scalar>(loss: Loss, z: &[T], y: &[T]) -> bool {
    if loss == Loss::BinaryLogistic {
        return (z[0] > T::ZERO) == (y[0].to_f64() > 0.5);
    }
    if z.len() == 1 {
        return (z[0].to_f64() > 0.5) == (y[0].to_f64() > 0.5);
    }
    largest(z) == largest(y)
}

fn largest<T: Scalar>(values: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

fn softmax<T: Scalar>(z: &[T], out: &mut [T]) {
    let top = z.iter().fold(z[0], |top, z| if *z > top { *z } else { top });
    let mut total = T::ZERO;
    for (out, z) in out.iter_mut().zip(z) {
        *out = (*z - top).exp();
        total += *out;
    }
    for out in out {
        *out /= total;
    }
}

fn quadratic<T>(loss: Loss, z: &[T]) -> f64 {
    if loss == Loss::MeanSquaredError { 2.0 / count(z) } else { 1.0 }
}

fn count<T>(z: &[T]) -> f64 {
    z.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean squared error of ten balanced classes is (1/10)·10·0.1·0.9; of two 0.25; an uneven
    /// coin has π(1 − π), whether one output carries it or two.
    #[test]
    fn the_best_constant_output() {
        let balanced: Vec<u32> = (0..1000).map(|i| i % 10).collect();
        let mean_squared =
            |labels: &[u32], outputs| constant_output_loss(Loss::MeanSquaredError, labels, outputs);
        assert!((mean_squared(&balanced, 10) - 0.09).abs() < 1e-12);
        assert!((mean_squared(&[0, 1, 1, 0], 2) - 0.25).abs() < 1e-12);
        let uneven = [0, 1, 1, 1];
        assert!((mean_squared(&uneven, 2) - 0.1875).abs() < 1e-12);
        assert!((mean_squared(&uneven, 1) - 0.1875).abs() < 1e-12);
        let halved = constant_output_loss(Loss::HalfSumOfSquares, &uneven, 2);
        assert!((halved - 0.1875).abs() < 1e-12);
        let entropy = constant_output_loss(Loss::SoftmaxCrossEntropy, &balanced, 10);
        assert!((entropy - 10.0_f64.ln()).abs() < 1e-12);
        let coin = constant_output_loss(Loss::BinaryLogistic, &[1, 1], 1);
        assert_eq!(coin, 0.0);
    }
}
