//! Σ = mean H_i² − H² on the directions of the factors, and the non-uniformity s = √λ_max(Σ).

use minimascope_linop::{ProductFailure, SymmetricOperator};

use crate::eigen::leading;
use crate::{Error, ExampleFactors, Leading};

/// Σx = (1/n) Aᵀ blockdiag(A_iA_iᵀ) Ax − H²x. The blocks are those of the full factors, so that on
/// leading directions this is the compression of the full Σ: its largest eigenvalue is a lower
/// bound of the true one.
#[derive(Clone, Debug)]
pub struct Variance<'a> {
    factors: &'a ExampleFactors,
    outputs: Vec<f64>,
    images: Vec<f64>,
}

impl<'a> Variance<'a> {
    /// The operator on r directions.
    pub fn new(factors: &'a ExampleFactors) -> Self {
        let zero = vec![0.0; factors.examples() * factors.outputs()];
        Self { factors, outputs: zero.clone(), images: zero }
    }
}

impl SymmetricOperator for Variance<'_> {
    fn dimension(&self) -> usize {
        self.factors.rank()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.factors.apply_rows(x, &mut self.outputs);
        self.factors.apply_blocks(&self.outputs, &mut self.images);
        self.factors.apply_rows_transposed(&self.images, y);
        let n = self.factors.examples() as f64;
        for ((y, x), h) in y.iter_mut().zip(x).zip(self.factors.curvatures()) {
            *y = *y / n - h * h * x;
        }
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
    let largest = leading(&mut Variance::new(factors), 1e-6, None)?;
    // All H_i equal: λ is rounding of either sign.
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
            let variance = as_matrix(&mut Variance::new(&factors)).unwrap();
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
