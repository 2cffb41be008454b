//! The matrices of a trained point, as operators.

use minimascope_linop::SymmetricOperator;
use minimascope_net::{Curvature, Evaluator, Scalar};

macro_rules! operator {
    ($(#[$doc:meta])* $name:ident, |$evaluator:ident, $x:ident, $y:ident| $product:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'e, 'a, T> {
            evaluator: &'e mut Evaluator<'a, T>,
        }

        impl<'e, 'a, T: Scalar> $name<'e, 'a, T> {
            /// At the point that the evaluator has been set to.
            #[must_use]
            pub fn new(evaluator: &'e mut Evaluator<'a, T>) -> Self {
                Self { evaluator }
            }
        }

        impl<T: Scalar> SymmetricOperator for $name<'_, '_, T> {
            fn dimension(&self) -> usize {
                self.evaluator.network().parameters()
            }

            fn apply(&mut self, x: &[f64], y: &mut [f64]) {
                let ($evaluator, $x, $y) = (&mut *self.evaluator, x, y);
                $product.expect("both vectors have the length of the network's parameters");
            }
        }
    };
}

operator! {
    /// H = mean (H_i + λI), P × P. λ_max(H) is the sharpness. A product costs a tangent pass and its
    /// backward.
    Hessian, |evaluator, x, y| evaluator.product_f64(Curvature::Hessian, x, y)
}
operator! {
    /// G = mean (J_iᵀ L_i J_i + λI), P × P, positive semidefinite; L_i = ∂²ℓ_i/∂z², K × K.
    /// A product costs a tangent pass and a backward pass.
    GaussNewton, |evaluator, x, y| evaluator.product_f64(Curvature::GaussNewton, x, y)
}
operator! {
    /// mean (H_i + λI)², P × P, by directions that differ for each example.
    SecondMoment, |evaluator, x, y| evaluator.second_moment_f64(Curvature::Hessian, x, y)
}
operator! {
    /// Σ = mean (H_i − H)², P × P: √λ_max(Σ) is the non-uniformity of Wu, Ma and E 2018. One fused
    /// operator, without cancellation.
    Variance, |evaluator, x, y| evaluator.variance_f64(x, y)
}
