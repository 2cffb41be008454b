//! Σ = mean H_i² − H² on the coordinates of the factors, and the non-uniformity s = √λ_max(Σ).

use minimascope_linop::SymmetricOperator;

use crate::eigen::leading;
use crate::{Error, ExampleFactors, Leading};

/// Σx = (1/n) Aᵀ blockdiag(A_iA_iᵀ) Ax − H²x. The blocks are those of the full factors, so that on
/// truncated coordinates this is the compression of the full Σ: its largest eigenvalue is a lower
/// bound of the true one.
#[derive(Clone, Debug)]
pub struct Variance<'a> {
    factors: &'a ExampleFactors,
    outputs: Vec<f64>,
    images: Vec<f64>,
}

impl<'a> Variance<'a> {
    /// The operator on r coordinates.
    pub fn new(factors: &'a ExampleFactors) -> Self {
        let zero = vec![0.0; factors.examples() * factors.outputs()];
        Self { factors, outputs: zero.clone(), images: zero }
    }
}

impl SymmetricOperator for Variance<'_> {
    fn dimension(&self) -> usize {
        self.factors.rank()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        self.factors.apply_rows(x, &mut self.outputs);
        self.factors.apply_blocks(&self.outputs, &mut self.images);
        self.factors.apply_rows_transposed(&self.images, y);
        let n = self.factors.examples() as f64;
        for ((y, x), h) in y.iter_mut().zip(x).zip(self.factors.curvatures()) {
            *y = *y / n - h * h * x;
        }
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
    let largest = leading(&mut Variance::new(factors), 1e-6, None)?;
    // All H_i equal: λ is rounding of either sign.
    Ok(NonUniformity { value: largest.value.max(0.0).sqrt(), largest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::theorem_one;
    use crate::problems::RandomProblem;
    use crate::{Batching, LearningRate, Sampling};

    /// One parameter: Σ is the variance of the curvatures. And Theorem 1's critical η puts
    /// λ_max{(I − ηH)² + η²pΣ} at 1, found from the operators too.
    #[test]
    fn variance_and_the_operator_form_of_theorem_one() {
        let toy = ExampleFactors::from_hessians(2, 1, &[0.2, 3.8]).unwrap();
        assert!((non_uniformity(&toy).unwrap().value - 1.8).abs() < 1e-12);
        let same = ExampleFactors::from_hessians(2, 1, &[2.0, 2.0]).unwrap();
        assert!(non_uniformity(&same).unwrap().value < 1e-7);
        for seed in 0..60 {
            let problem = RandomProblem::new(seed);
            let factors = problem.factors();
            let hessian = minimascope_linop::DenseSymmetric::diagonal(factors.curvatures());
            for size in 1..=problem.examples {
                let law = Sampling::IndependentWithoutReplacement;
                let batching = Batching::new(problem.examples, size, law).unwrap();
                let p = batching.noise();
                let eta = theorem_one::critical(&factors, &batching).unwrap();
                let eta = eta.critical_learning_rate;
                let rate = LearningRate::new(eta).unwrap();
                let variance = Variance::new(&factors);
                let value = theorem_one::contraction(rate, p, hessian.clone(), variance.clone());
                let value = value.unwrap().value;
                // On the range some direction sits at 1 exactly, none above.
                assert!((value - 1.0).abs() < 1e-8, "seed {seed}, B {size}: {value}");
                let found = theorem_one::critical_from_operators(p, hessian.clone(), variance);
                let ratio = found.unwrap().critical_learning_rate / eta;
                assert!((ratio - 1.0).abs() < 1e-6, "seed {seed}, B {size}: ratio {ratio}");
            }
        }
    }

    /// The matrix-free form on nK outputs with Π = I is a lower bound, exact for independent rows.
    #[test]
    fn gram_form_of_theorem_one() {
        for (parameters, exact) in [(12, true), (3, false)] {
            let (n, k) = (4, 2);
            let rows = crate::problems::random_rows(n * k, parameters, 9);
            let factors = ExampleFactors::from_rows(n, k, parameters, &rows).unwrap();
            let dot = |i: usize, j: usize| {
                crate::dense::dot(
                    &rows[i * parameters..][..parameters],
                    &rows[j * parameters..][..parameters],
                )
            };
            let gram = faer::Mat::from_fn(n * k, n * k, |i, j| dot(i, j) / n as f64);
            let gram = minimascope_linop::DenseSymmetric::new(gram.as_ref()).unwrap();
            let blocks: Vec<f64> = (0..n).flat_map(|i| factors.block(i).to_vec()).collect();
            let batching = Batching::new(n, 2, Sampling::IndependentWithoutReplacement).unwrap();
            let free = theorem_one::critical_from_gram(gram, k, &blocks, &batching).unwrap();
            let dense = theorem_one::critical(&factors, &batching).unwrap();
            let ratio = free.critical_learning_rate / dense.critical_learning_rate;
            assert!(ratio <= 1.0 + 1e-8, "not a lower bound: {ratio}");
            assert!(!exact || (ratio - 1.0).abs() < 1e-8, "independent rows: {ratio}");
            // Truncation keeps it a lower bound.
            let less = theorem_one::critical(&factors.truncated(2), &batching).unwrap();
            assert!(less.critical_learning_rate <= dense.critical_learning_rate * (1.0 + 1e-8));
        }
    }
}
