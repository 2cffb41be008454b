//! Σ = mean H_i² − H² on the directions of the factors, and the non-uniformity s = √λ_max(Σ).

use std::ops::ControlFlow;

use minimascope_linop::{
    LanczosParameters, LanczosProgress, ProductFailure, SpectrumEnd, SymmetricOperator,
    ZERO_ROUNDINGS, lanczos,
};

use crate::{Error, ExampleFactors, Leading};

/// Relative residual of λ_max(Σ) at which the non-uniformity of all examples is known.
const TOLERANCE: f64 = 1e-6;

/// Σ of the examples that are not left out. The blocks are those of the full factors, so that with
/// nothing left out this is, on leading directions, the compression of the full Σ: its largest
/// eigenvalue is a lower bound of the true one.
///
/// With u = Ax, w = Hx = Aᵀu/n and B_i = A_iA_iᵀ, Σx = (1/n) Aᵀ(blockdiag(B_i)u − Aw). In the basis of the
/// factors H is diagonal until an example is left out; then Aᵀu and Aw are two passes more.
#[derive(Clone, Debug)]
pub struct Variance<'a> {
    factors: &'a ExampleFactors,
    left_out: Vec<usize>,
    outputs: Vec<f64>,
    images: Vec<f64>,
    mean: Vec<f64>,
}

impl<'a> Variance<'a> {
    /// The operator on r directions. Indices in `left_out` are below n.
    pub fn new(factors: &'a ExampleFactors, left_out: &[usize]) -> Self {
        let zero = vec![0.0; factors.examples() * factors.outputs()];
        let mean = vec![0.0; factors.rank()];
        Self { factors, left_out: left_out.to_vec(), outputs: zero.clone(), images: zero, mean }
    }

    fn examples(&self) -> f64 {
        (self.factors.examples() - self.left_out.len()) as f64
    }

    /// What a product of this operator rounds to where all H_i are equal: it is the difference of
    /// mean H_i² and H², each at most (tr H)².
    fn zero(&self) -> f64 {
        let k = self.factors.outputs();
        let kept = (0..self.factors.examples()).filter(|i| !self.left_out.contains(i));
        let diagonal = kept.flat_map(|i| self.factors.block(i).iter().step_by(k + 1));
        let trace = diagonal.sum::<f64>() / self.examples();
        2.0 * ZERO_ROUNDINGS * f64::EPSILON * trace * trace
    }
}

/// Clears the outputs of the examples left out.
fn leave_out(examples: &[usize], k: usize, outputs: &mut [f64]) {
    examples.iter().for_each(|i| outputs[i * k..][..k].fill(0.0));
}

impl SymmetricOperator for Variance<'_> {
    fn dimension(&self) -> usize {
        self.factors.rank()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let (factors, n) = (self.factors, self.examples());
        factors.apply_rows(x, &mut self.outputs);
        if self.left_out.is_empty() {
            factors.apply_blocks(&self.outputs, &mut self.images);
            factors.apply_rows_transposed(&self.images, y);
            for ((y, x), h) in y.iter_mut().zip(x).zip(factors.curvatures()) {
                *y = *y / n - h * h * x;
            }
            return Ok(());
        }
        leave_out(&self.left_out, factors.outputs(), &mut self.outputs);
        factors.apply_rows_transposed(&self.outputs, &mut self.mean);
        factors.apply_blocks(&self.outputs, &mut self.images);
        self.mean.iter_mut().for_each(|w| *w /= n);
        factors.apply_rows(&self.mean, &mut self.outputs);
        for (image, mean) in self.images.iter_mut().zip(&self.outputs) {
            *image = (*image - mean) / n;
        }
        leave_out(&self.left_out, factors.outputs(), &mut self.images);
        factors.apply_rows_transposed(&self.images, y);
        Ok(())
    }
}

/// s with the pair it comes from.
#[derive(Clone, Debug)]
pub struct NonUniformity {
    /// √λ_max(Σ).
    pub value: f64,
    /// λ_max(Σ), its direction and residual.
    pub largest: Leading,
}

/// The non-uniformity of the factors.
///
/// # Errors
/// Of the eigensolver.
pub fn non_uniformity(factors: &ExampleFactors) -> Result<NonUniformity, Error> {
    non_uniformity_without(factors, &[], TOLERANCE, &mut |_| ControlFlow::Continue(()))
}

/// The non-uniformity of the examples that are not left out, λ_max(Σ) to a relative residual. Where
/// `progress` breaks, the value is that of the search so far.
///
/// # Errors
/// [`Error::NoSuchExample`], [`Error::TooFewExamples`] when fewer than two are left; those of the
/// eigensolver.
pub fn non_uniformity_without(
    factors: &ExampleFactors,
    left_out: &[usize],
    tolerance: f64,
    progress: &mut dyn FnMut(&LanczosProgress) -> ControlFlow<()>,
) -> Result<NonUniformity, Error> {
    let examples = factors.examples();
    if let Some(&index) = left_out.iter().find(|index| **index >= examples) {
        return Err(Error::NoSuchExample { index, examples });
    }
    if examples < left_out.len() + 2 {
        return Err(Error::TooFewExamples(examples.saturating_sub(left_out.len())));
    }
    let mut variance = Variance::new(factors, left_out);
    // From a random start, with a confirmation: a larger eigenvalue that stays hidden would make s too
    // small, and without an example the direction of before may be an eigenvector of a small one.
    let parameters =
        LanczosParameters { tolerance, ..LanczosParameters::new(SpectrumEnd::Largest, 1) };
    let mut spectrum = lanczos(&mut variance, &parameters, None, progress)?;
    let pair = spectrum.pairs.swap_remove(0);
    let mut largest = Leading {
        value: pair.value,
        vector: pair.vector,
        residual: pair.residual,
        converged: pair.converged,
        products: spectrum.products,
    };
    if !largest.converged && largest.value.abs().max(largest.residual) <= variance.zero() {
        (largest.value, largest.converged) = (0.0, true);
    }
    // Rounding may leave λ of a vanishing Σ just below 0.
    Ok(NonUniformity { value: largest.value.max(0.0).sqrt(), largest })
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use minimascope_linop::{as_matrix, symmetric_eigenvalues};

    use super::*;
    use crate::mean_square::theorem_one;
    use crate::problems::RandomProblem;
    use crate::{Batching, Sampling};

    /// One parameter: Σ is the variance of the curvatures. And Theorem 1's critical η puts
    /// λ_max{(I − ηH)² + η²pΣ}, formed densely, at 1.
    #[test]
    fn variance_and_the_definition_of_theorem_one() {
        let toy = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8]).unwrap();
        assert!((non_uniformity(&toy).unwrap().value - 1.8).abs() < 1e-12);
        let same = ExampleFactors::from_hessians(2, 1, &[2.0, 2.0]).unwrap();
        assert!(non_uniformity(&same).unwrap().value < 1e-7);
        for seed in 0..60 {
            let problem = RandomProblem::new(seed);
            let factors = problem.factors();
            let variance = as_matrix(&mut Variance::new(&factors, &[])).unwrap();
            let h = factors.curvatures();
            for size in 1..=problem.examples {
                let batching = Batching::new(problem.examples, size, Sampling::IndependentBatches);
                let batching = batching.unwrap();
                let p = batching.noise();
                let eta = theorem_one::critical(&factors, &batching).unwrap();
                let eta = eta.critical_learning_rate;
                let step = Mat::from_fn(h.len(), h.len(), |i, j| {
                    let mean = if i == j { (1.0 - eta * h[i]).powi(2) } else { 0.0 };
                    mean + eta * eta * p * 0.5 * (variance[(i, j)] + variance[(j, i)])
                });
                let largest = *symmetric_eigenvalues(step.as_ref()).unwrap().last().unwrap();
                // On the range some direction sits at 1 exactly, none above.
                assert!((largest - 1.0).abs() < 1e-8, "seed {seed}, B {size}: {largest}");
            }
        }
    }

    /// On independent rows Π = I: ΠMΠ is (1−p)G/n + p·blockdiag(B_i) on nK outputs, formed densely
    /// here. Truncation keeps Theorem 1 a lower bound.
    #[test]
    fn gram_form_of_theorem_one() {
        let (n, k, parameters) = (4, 2, 12);
        let rows = crate::problems::random_rows(n * k, parameters, 9);
        let factors = ExampleFactors::from_rows(n, k, parameters, &rows).unwrap();
        let row = |i: usize| &rows[i * parameters..][..parameters];
        let batching = Batching::new(n, 2, Sampling::IndependentBatches).unwrap();
        let p = batching.noise();
        let matrix = Mat::from_fn(n * k, n * k, |i, j| {
            let own = if i / k == j / k { p } else { 0.0 };
            crate::dense::dot(row(i), row(j)) * ((1.0 - p) / n as f64 + own)
        });
        let largest = *symmetric_eigenvalues(matrix.as_ref()).unwrap().last().unwrap();
        let found = theorem_one::critical(&factors, &batching).unwrap();
        let ratio = 2.0 / largest / found.critical_learning_rate;
        assert!((ratio - 1.0).abs() < 1e-8, "{ratio}");
        let less = theorem_one::critical(&factors.truncated(2), &batching).unwrap();
        assert!(less.critical_learning_rate <= found.critical_learning_rate * (1.0 + 1e-8));
    }
}
