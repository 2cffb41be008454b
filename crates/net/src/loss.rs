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
            let Softmax { top, rest } = Softmax::of(z, |_, _| ());
            let top = z[top].to_f64();
            // −log p_k = (z_top − z_k) + log(1 + rest), both at least 0.
            let terms = z.iter().zip(y).filter(|(_, y)| **y != T::ZERO);
            terms.map(|(z, y)| y.to_f64() * ((top - z.to_f64()) + rest.ln_1p())).sum()
        }
        Loss::BinaryLogistic => {
            let (z, y) = (z[0].to_f64(), y[0].to_f64());
            y * softplus(-z) + (1.0 - y) * softplus(z)
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
            // The targets may sum to something else than 1 (soft or weighted labels). With their
            // mass m the derivative m p_k − y_k is p_k (m − y_k) − y_k (1 − p_k): for the right
            // class of hard labels one term, and no difference of numbers near 1.
            let softmax = Softmax::of(z, |k, e| out[k] = T::from_f64(e));
            let (heaviest, others) = all_but_largest(y);
            let mass = y[heaviest].to_f64() + others;
            for (k, (out, y)) in out.iter_mut().zip(y).enumerate() {
                let (e, y) = (out.to_f64(), y.to_f64());
                let other_targets = if k == heaviest { others } else { mass - y };
                let (p, q) = softmax.probability(k, e);
                *out = T::from_f64(p * other_targets - y * q);
            }
        }
        Loss::BinaryLogistic => {
            let (z, y) = (z[0].to_f64(), y[0].to_f64());
            out[0] = T::from_f64((1.0 - y) * sigmoid(z) - y * sigmoid(-z));
        }
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
            let mass: f64 = y.iter().map(|y| y.to_f64()).sum();
            let softmax = Softmax::of(z, |k, e| out[k] = T::from_f64(e));
            let centred = softmax.centred(x, |k| out[k].to_f64());
            for (k, out) in out.iter_mut().enumerate() {
                let (p, _) = softmax.probability(k, out.to_f64());
                *out = T::from_f64(mass * p * centred.of(x, k));
            }
        }
        Loss::BinaryLogistic => {
            let (z, x) = (z[0].to_f64(), x[0].to_f64());
            out[0] = T::from_f64(sigmoid(z) * sigmoid(-z) * x);
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
            let softmax = Softmax::of(z, |k, e| out[k] = T::from_f64(e));
            let top = softmax.top;
            let weighted = |k: usize, e: T| softmax.probability(k, e.to_f64()).0.sqrt() * c(k);
            let others = out.iter().enumerate().filter(|(k, _)| *k != top);
            let others: f64 = others.map(|(k, e)| weighted(k, *e)).sum();
            let own = weighted(top, out[top]);
            for (k, out) in out.iter_mut().enumerate() {
                let (p, q) = softmax.probability(k, out.to_f64());
                // √p_k c_k − p_k Σ_j √p_j c_j, with √p − p√p = √p q for the top's own part.
                let column = if k == top {
                    p.sqrt() * q * c(k) - p * others
                } else {
                    p.sqrt() * c(k) - p * (own + others)
                };
                *out = T::from_f64(mass * column);
            }
        }
        Loss::BinaryLogistic => {
            let z = z[0].to_f64();
            out[0] = T::from_f64((sigmoid(z) * sigmoid(-z)).sqrt() * c(0));
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
            let softmax = Softmax::of(z, |k, e| out[k] = e);
            let centred = softmax.centred(x, |k| out[k]);
            for (k, out) in out.iter_mut().enumerate() {
                let (p, _) = softmax.probability(k, *out);
                *out = mass * p.sqrt() * centred.of(x, k);
            }
        }
        Loss::BinaryLogistic => {
            let z = z[0].to_f64();
            out[0] = (sigmoid(z) * sigmoid(-z)).sqrt() * x[0].to_f64();
        }
    }
}

/// A softmax in a form in which nothing cancels: with e_k = exp(z_k − z_top), which is 1 at the top,
/// p_k = e_k/(1 + rest) and 1 − p_top = rest/(1 + rest).
#[derive(Clone, Copy)]
struct Softmax {
    /// The first of the largest outputs.
    top: usize,
    /// Σ e_k of all the others.
    rest: f64,
}

impl Softmax {
    /// Of z; `keep` takes every e_k.
    fn of<T: Scalar>(z: &[T], mut keep: impl FnMut(usize, f64)) -> Self {
        let top = largest(z);
        let mut rest = 0.0;
        for (k, at) in z.iter().enumerate() {
            let e = if k == top { 1.0 } else { exp_of_difference(at.to_f64(), z[top].to_f64()) };
            rest += if k == top { 0.0 } else { e };
            keep(k, e);
        }
        Self { top, rest }
    }

    /// p_k and 1 − p_k, from e_k.
    fn probability(&self, k: usize, e: f64) -> (f64, f64) {
        let total = 1.0 + self.rest;
        let others = if k == self.top { self.rest } else { total - e };
        (e / total, others / total)
    }

    /// x less its mean under p, from the e_k.
    fn centred<T: Scalar>(&self, x: &[T], e: impl Fn(usize) -> f64) -> Centred {
        let origin = x[self.top].to_f64();
        let others = x.iter().enumerate().filter(|(k, _)| *k != self.top);
        let shifted = others.map(|(k, x)| self.probability(k, e(k)).0 * (x.to_f64() - origin));
        Centred { origin, mean: shifted.sum() }
    }
}

/// The mean of x under p, as its distance from the top's x: small where the top has nearly all.
struct Centred {
    origin: f64,
    mean: f64,
}

impl Centred {
    /// x_k − Σ_j p_j x_j.
    fn of<T: Scalar>(&self, x: &[T], k: usize) -> f64 {
        (x[k].to_f64() - self.origin) - self.mean
    }
}

/// exp(a − b), the rounding of the difference made good: it would be multiplied by |a − b|.
fn exp_of_difference(a: f64, b: f64) -> f64 {
    let difference = a - b;
    let negative = difference - a;
    let lost = (a - (difference - negative)) - (b + negative);
    let exponential = difference.exp();
    if lost.is_finite() { exponential + exponential * lost } else { exponential }
}

/// The first of the largest values, and the sum of all the others.
fn all_but_largest<T: Scalar>(values: &[T]) -> (usize, f64) {
    let place = largest(values);
    let others = values.iter().enumerate().filter(|(k, _)| *k != place);
    (place, others.map(|(_, value)| value.to_f64()).sum())
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

fn quadratic<T>(loss: Loss, z: &[T]) -> f64 {
    if loss == Loss::MeanSquaredError { 2.0 / count(z) } else { 1.0 }
}

fn count<T>(z: &[T]) -> f64 {
    z.len() as f64
}

#[cfg(test)]
mod tests {
    use minimascope_record::training::Loss;
    use serde::Deserialize;

    use super::*;

    /// One example of `tests/fixtures/losses.py`, to 20 digits.
    #[derive(Deserialize)]
    struct Exact {
        loss: Loss,
        z: Vec<f64>,
        y: Vec<f64>,
        x: Vec<f64>,
        value: String,
        derivative: Vec<String>,
        curvature: Vec<String>,
        root: Vec<String>,
        root_transposed: Vec<String>,
    }

    /// Whether numbers are the exact ones to `ulps` of their own precision, where they are normal.
    fn agree<T: Scalar>(found: &[T], exact: &[String], ulps: f64, case: &str) {
        let (epsilon, smallest) = match size_of::<T>() {
            4 => (f64::from(f32::EPSILON), 1e-36),
            _ => (f64::EPSILON, 1e-300),
        };
        for (found, exact) in found.iter().zip(exact) {
            let (found, exact): (f64, f64) = (found.to_f64(), exact.parse().unwrap());
            let error = (found - exact).abs();
            assert!(
                error <= ulps * epsilon * exact.abs() + smallest,
                "{case}: {found:e}, exactly {exact:e}, {:.1} ulp",
                error / exact.abs() / epsilon
            );
        }
    }

    /// In an exponential, a sum of at most seven, two quotients, two products and two roundings to
    /// T lie ten roundings of half an ulp, and one ulp of the exponential each. Where no output
    /// leads, a result may be the difference of terms eight times its size.
    fn ulps<T: Scalar>(z: &[T]) -> f64 {
        let mut falling: Vec<f64> = z.iter().map(|z| z.to_f64()).collect();
        falling.sort_by(|a, b| b.total_cmp(a));
        let leads = falling.get(1).is_none_or(|second| falling[0] - second > 5.0);
        if leads { 8.0 } else { 64.0 }
    }

    fn close_to_exact<T: Scalar>() {
        let text = include_str!("../tests/fixtures/losses.json");
        let cases: Vec<Exact> = serde_json::from_str(text).unwrap();
        assert!(cases.len() > 150);
        for Exact { loss, z, y, x, value, derivative, curvature, root, root_transposed } in cases {
            let case = format!("{loss:?}, z {z:?}, y {y:?}, {} bytes", size_of::<T>());
            let of = |numbers: &[f64]| numbers.iter().map(|v| T::from_f64(*v)).collect::<Vec<T>>();
            let (z, y, t) = (of(&z), of(&y), of(&x));
            let ulps = ulps(&z);
            agree(&[super::value(loss, &z, &y)], &[value], ulps, &format!("{case}: value"));
            let mut out = vec![T::ZERO; z.len()];
            super::derivative(loss, &z, &y, &mut out);
            agree(&out, &derivative, ulps, &format!("{case}: derivative"));
            super::curvature(loss, &z, &y, &t, &mut out);
            agree(&out, &curvature, ulps, &format!("{case}: curvature"));
            super::root(loss, &z, &y, |k| x[k], &mut out);
            agree(&out, &root, ulps, &format!("{case}: root"));
            let mut wide = vec![0.0; z.len()];
            super::root_transposed(loss, &z, &y, &t, &mut wide);
            agree(&wide, &root_transposed, ulps, &format!("{case}: root transposed"));
        }
    }

    #[test]
    fn every_loss_is_exact_to_a_few_ulp_in_double_precision() {
        close_to_exact::<f64>();
    }

    #[test]
    fn every_loss_is_exact_to_a_few_ulp_in_single_precision() {
        close_to_exact::<f32>();
    }

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
