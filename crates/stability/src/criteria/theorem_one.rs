//! The sufficient condition: one step contracts the mean square, from every start.
//!
//! λ_max{(I − ηH)² + η²pΣ} ≤ 1. Source: Wu, Ma, E, NeurIPS 2018, Theorem 1. On range(H), with
//! H ⪰ 0, it reads η²(H² + pΣ) ⪯ 2ηH, so its critical learning rate is 2 over the largest
//! eigenvalue of H² + pΣ relative to H: a generalised eigenproblem, with no scan over η.
//!
//! With factors H_i = A_iᵀA_i that problem is an ordinary one. Write x ∈ range(H), u = Ax with A the
//! nK × P stack, G = AAᵀ and B_i = A_iA_iᵀ. Then xᵀHx = |u|²/n, xᵀH²x = |Aᵀu|²/n² = uᵀGu/n² and
//! mean_i xᵀH_i²x = Σ u_iᵀB_iu_i/n, and H² + pΣ = (1−p)H² + p·mean H_i², so the quotient is
//! uᵀMu/uᵀu with
//!
//! M = (1−p)G/n + p·blockdiag(B_i), over u ∈ range(A).
//!
//! With Π the projector on range(A), η = 2/λ_max(ΠMΠ). Π = I when the nK rows are independent;
//! without Π the eigenvalue can only grow, so that 2/λ_max(M) is a rigorous lower bound.

use minimascope_linop::SymmetricOperator;

use crate::eigen::{Leading, leading};
use crate::factors::apply_blocks;
use crate::{Batching, Error, ExampleFactors, LearningRate};

/// Relative residual at which the eigenproblems of this file stop. The eigenvalue's error is of
/// the order of its square times the inverse gap.
const TOLERANCE: f64 = 1e-8;

/// The critical learning rate of the sufficient condition: SGD is stable in mean square below it.
#[derive(Clone, Debug)]
pub struct TheoremOne {
    /// 2/λ_max.
    pub critical_learning_rate: f64,
    /// λ_max with its residual and cost; its vector is the worst direction, in the coordinates of
    /// range(H) scaled by H^{1/2}, or in the nK outputs.
    pub largest: Leading,
}

/// From factors: of dimension r on the range of H; with truncated factors of dimension nK, the
/// curvatures left out replaced by their upper bound, which keeps it a lower bound of η.
///
/// # Errors
/// Of the eigensolver.
pub fn critical(factors: &ExampleFactors, batching: &Batching) -> Result<TheoremOne, Error> {
    let noise = batching.noise();
    if factors.tail().is_infinite() {
        let largest = Leading::unbounded();
        return Ok(TheoremOne { critical_learning_rate: 0.0, largest });
    }
    let mut operator = OnFactors::new(factors, noise);
    finish(leading(&mut operator, TOLERANCE, None)?)
}

/// From any operator G/n on nK outputs and the n full K × K blocks of G: matrix-free, with Π = I.
///
/// # Errors
/// Sizes that disagree; of the eigensolver.
pub fn critical_from_gram<O: SymmetricOperator>(
    gram_over_examples: O,
    outputs: usize,
    blocks: &[f64],
    batching: &Batching,
) -> Result<TheoremOne, Error> {
    let expected = batching.examples() * outputs;
    if gram_over_examples.dimension() != expected {
        let (what, found) = ("the Gram operator", gram_over_examples.dimension());
        return Err(Error::Shape { what, expected, found });
    }
    if blocks.len() != expected * outputs {
        let (what, found) = ("the blocks of the Gram matrix", blocks.len());
        return Err(Error::Shape { what, expected: expected * outputs, found });
    }
    let noise = batching.noise();
    let scratch = vec![0.0; expected];
    let mut operator = OnOutputs { gram: gram_over_examples, outputs, blocks, noise, scratch };
    finish(leading(&mut operator, TOLERANCE, None)?)
}

fn finish(largest: Leading) -> Result<TheoremOne, Error> {
    if largest.value > 0.0 {
        Ok(TheoremOne { critical_learning_rate: 2.0 / largest.value, largest })
    } else {
        Err(Error::NoCurvature)
    }
}

/// λ_max{(I − ηH)² + η²pΣ} of any pair of operators: at most 1 is the condition. Each product
/// costs two of H and one of Σ.
///
/// # Errors
/// Sizes that disagree; of the eigensolver.
pub fn contraction<H: SymmetricOperator, V: SymmetricOperator>(
    learning_rate: LearningRate,
    noise: f64,
    hessian: H,
    variance: V,
) -> Result<Leading, Error> {
    let mut operator = Contraction::new(learning_rate.value(), noise, hessian, variance)?;
    leading(&mut operator, TOLERANCE, None)
}

/// The critical learning rate from any pair (H, Σ) of operators, by Dinkelbach's iteration on the
/// quotient 2xᵀHx / xᵀ(H² + pΣ)x: x is the leading vector of (I − ηH)² + η²pΣ, its quotient the
/// next η. η falls monotonically and superlinearly; about five eigenproblems.
///
/// # Errors
/// [`Error::IndefiniteHessian`] when the quotient is not positive somewhere: with a negative end
/// of H no learning rate contracts. [`Error::NoCurvature`], and those of [`contraction`].
pub fn critical_from_operators<H: SymmetricOperator, V: SymmetricOperator>(
    noise: f64,
    mut hessian: H,
    mut variance: V,
) -> Result<TheoremOne, Error> {
    let top = leading(&mut hessian, TOLERANCE, None)?;
    if top.value <= 0.0 {
        return Err(Error::NoCurvature);
    }
    let (mut eta, mut start, mut products) = (2.0 / top.value, top.vector, top.products);
    let mut image = vec![0.0; start.len()];
    // Superlinear: the bound is only a guard, reached at worst with an unconverged eigensolver.
    for _ in 0..50 {
        let mut operator = Contraction::new(eta, noise, &mut hessian, &mut variance)?;
        let pair = leading(&mut operator, TOLERANCE, Some(&start))?;
        products += pair.products;
        hessian.apply(&pair.vector, &mut image);
        let (first, second) =
            (crate::dense::dot(&pair.vector, &image), crate::dense::dot(&image, &image));
        variance.apply(&pair.vector, &mut image);
        let denominator = second + noise * crate::dense::dot(&pair.vector, &image);
        // Null directions of H leave the value at 1: the iteration has arrived.
        let excess = eta * eta * denominator - 2.0 * eta * first;
        let next = 2.0 * first / denominator;
        if excess > TOLERANCE && first <= 0.0 {
            return Err(Error::IndefiniteHessian(first));
        }
        let done = excess <= TOLERANCE || next >= eta * (1.0 - 1e-13);
        if excess > 0.0 && next < eta && first > 0.0 {
            eta = next;
        }
        if done {
            let largest = Leading { value: 2.0 / eta, products, ..pair };
            return Ok(TheoremOne { critical_learning_rate: eta, largest });
        }
        start = pair.vector;
    }
    Err(Error::NotBracketed { learning_rate: eta, exponent: 0.0 })
}

/// ΠMΠ in the orthonormal coordinates U = AH^{-1/2}/√n of range(A), or M with a bounded tail.
struct OnFactors<'a> {
    factors: &'a ExampleFactors,
    noise: f64,
    scaled: Vec<f64>,
    outputs: Vec<f64>,
    images: Vec<f64>,
}

impl<'a> OnFactors<'a> {
    fn new(factors: &'a ExampleFactors, noise: f64) -> Self {
        let count = factors.examples() * factors.outputs();
        let scaled = vec![0.0; factors.rank()];
        Self { factors, noise, scaled, outputs: vec![0.0; count], images: vec![0.0; count] }
    }
}

impl SymmetricOperator for OnFactors<'_> {
    fn dimension(&self) -> usize {
        if self.factors.covers_range() { self.factors.rank() } else { self.outputs.len() }
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let (factors, p) = (self.factors, self.noise);
        let (h, n) = (factors.curvatures(), factors.examples() as f64);
        if factors.covers_range() {
            for ((scaled, x), h) in self.scaled.iter_mut().zip(x).zip(h) {
                *scaled = x / (n * h).sqrt();
            }
            factors.apply_rows(&self.scaled, &mut self.outputs);
            factors.apply_blocks(&self.outputs, &mut self.images);
            factors.apply_rows_transposed(&self.images, y);
            for ((y, x), h) in y.iter_mut().zip(x).zip(h) {
                *y = (1.0 - p) * h * x + p * *y / (n * h).sqrt();
            }
        } else {
            // G/n ⪯ U diag(h − t) Uᵀ + t·I with t the bound on the rest.
            let tail = factors.tail();
            factors.apply_rows_transposed(x, &mut self.scaled);
            for (scaled, h) in self.scaled.iter_mut().zip(h) {
                *scaled *= (h - tail) / (n * h);
            }
            factors.apply_rows(&self.scaled, &mut self.outputs);
            factors.apply_blocks(x, &mut self.images);
            for (((y, x), mean), each) in y.iter_mut().zip(x).zip(&self.outputs).zip(&self.images) {
                *y = (1.0 - p) * (mean + tail * x) + p * each;
            }
        }
    }
}

/// (1−p)G/n + p·blockdiag(B_i).
struct OnOutputs<'a, O> {
    gram: O,
    outputs: usize,
    blocks: &'a [f64],
    noise: f64,
    scratch: Vec<f64>,
}

impl<O: SymmetricOperator> SymmetricOperator for OnOutputs<'_, O> {
    fn dimension(&self) -> usize {
        self.scratch.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        self.gram.apply(x, y);
        apply_blocks(self.blocks, self.outputs, x, &mut self.scratch);
        for (y, each) in y.iter_mut().zip(&self.scratch) {
            *y = (1.0 - self.noise) * *y + self.noise * each;
        }
    }
}

/// (I − ηH)² + η²pΣ.
struct Contraction<H, V> {
    learning_rate: f64,
    noise: f64,
    hessian: H,
    variance: V,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl<H: SymmetricOperator, V: SymmetricOperator> Contraction<H, V> {
    fn new(learning_rate: f64, noise: f64, hessian: H, variance: V) -> Result<Self, Error> {
        let (expected, found) = (hessian.dimension(), variance.dimension());
        if expected != found {
            return Err(Error::Shape { what: "the variance operator", expected, found });
        }
        let (first, second) = (vec![0.0; expected], vec![0.0; expected]);
        Ok(Self { learning_rate, noise, hessian, variance, first, second })
    }
}

impl<H: SymmetricOperator, V: SymmetricOperator> SymmetricOperator for Contraction<H, V> {
    fn dimension(&self) -> usize {
        self.first.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let eta = self.learning_rate;
        self.hessian.apply(x, &mut self.first);
        self.hessian.apply(&self.first, &mut self.second);
        self.variance.apply(x, y);
        for (at, y) in y.iter_mut().enumerate() {
            let noise = eta * eta * self.noise * *y;
            *y = x[at] - 2.0 * eta * self.first[at] + eta * eta * self.second[at] + noise;
        }
    }
}
