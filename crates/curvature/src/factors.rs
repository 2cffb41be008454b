//! The Gram side of a trained point: with G_i = A_iᵀA_i and A_i = L_i^{1/2} J_i (K × P), the nK
//! rows of A span what the linearised dynamics can reach, and G/n with G = AAᵀ has the nonzero
//! spectrum of the Gauss–Newton matrix.

use minimascope_linop::SymmetricOperator;
use minimascope_net::{Evaluator, Scalar};

/// G/n, nK × nK, matrix-free: a product is a backward pass with its gradient (Aᵀc) and a tangent
/// pass (A·). Its nonzero eigenvalues are those of mean J_iᵀ L_i J_i; a unit eigenvector u of
/// eigenvalue h > 0 belongs to the unit vector Aᵀu/√(nh) in parameter space.
#[derive(Debug)]
pub struct GramOperator<'e, 'a, T> {
    evaluator: &'e mut Evaluator<'a, T>,
    parameters: Vec<T>,
}

impl<'e, 'a, T: Scalar> GramOperator<'e, 'a, T> {
    /// At the point that the evaluator has been set to.
    #[must_use]
    pub fn new(evaluator: &'e mut Evaluator<'a, T>) -> Self {
        let parameters = vec![T::ZERO; evaluator.network().parameters()];
        Self { evaluator, parameters }
    }
}

impl<T: Scalar> SymmetricOperator for GramOperator<'_, '_, T> {
    fn dimension(&self) -> usize {
        self.evaluator.factor_rows()
    }

    #[allow(clippy::cast_precision_loss)]
    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let fits = "the lengths are those of the evaluator";
        self.evaluator.factor_transposed(x, &mut self.parameters).expect(fits);
        self.evaluator.factor_product(&self.parameters, y).expect(fits);
        let scale = 1.0 / self.evaluator.examples().len() as f64;
        y.iter_mut().for_each(|y| *y *= scale);
    }
}

/// G = AAᵀ, nK × nK. Memory grows with (nK)² and, for convolutions, nK × their parameters.
#[must_use]
pub fn gram_matrix<T: Scalar>(evaluator: &mut Evaluator<'_, T>) -> Vec<f64> {
    evaluator.factor_gram().expect("set_point comes first")
}

/// The K × K blocks A_iA_iᵀ of G, n of them: λ_max of a block is λ_max(J_iᵀ L_i J_i).
#[must_use]
pub fn factor_blocks<T: Scalar>(evaluator: &mut Evaluator<'_, T>) -> Vec<f64> {
    evaluator.factor_blocks().expect("set_point comes first")
}
