//! The matrices of a trained point, as operators.

use minimascope_linop::SymmetricOperator;
use minimascope_net::{Curvature, Evaluator, Scalar};
use rayon::prelude::*;

/// Converts between the double precision of spectra and the precision of the passes.
#[derive(Debug)]
struct Buffers<T> {
    direction: Vec<T>,
    product: Vec<T>,
}

/// Numbers that one thread converts at a time.
const BLOCK: usize = 1 << 15;

impl<T: Scalar> Buffers<T> {
    fn new(parameters: usize) -> Self {
        Self { direction: vec![T::ZERO; parameters], product: vec![T::ZERO; parameters] }
    }

    /// y ← product(x) through the precision of the passes.
    fn through(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
        x: &[f64],
        y: &mut [f64],
        product: impl FnOnce(
            &mut Evaluator<'_, T>,
            &[T],
            &mut [T],
        ) -> Result<(), minimascope_net::Error>,
    ) {
        let execution = evaluator.execution().clone();
        let direction = &mut self.direction;
        execution.run(|| {
            let blocks = direction.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK));
            blocks.for_each(|(to, from)| {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = T::from_f64(*from));
            });
        });
        product(evaluator, &self.direction, &mut self.product)
            .expect("both vectors have the length of the network's parameters");
        let product = &self.product;
        execution.run(|| {
            let blocks = y.par_chunks_mut(BLOCK).zip(product.par_chunks(BLOCK));
            blocks.for_each(|(to, from)| {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
            });
        });
    }
}

macro_rules! operator {
    ($(#[$doc:meta])* $name:ident, |$evaluator:ident, $x:ident, $y:ident| $product:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'e, 'a, T> {
            evaluator: &'e mut Evaluator<'a, T>,
            buffers: Buffers<T>,
        }

        impl<'e, 'a, T: Scalar> $name<'e, 'a, T> {
            /// At the point and with the weights that the evaluator has been set to.
            #[must_use]
            pub fn new(evaluator: &'e mut Evaluator<'a, T>) -> Self {
                let parameters = evaluator.network().parameters();
                Self { evaluator, buffers: Buffers::new(parameters) }
            }
        }

        impl<T: Scalar> SymmetricOperator for $name<'_, '_, T> {
            fn dimension(&self) -> usize {
                self.evaluator.network().parameters()
            }

            fn apply(&mut self, x: &[f64], y: &mut [f64]) {
                self.buffers.through(self.evaluator, x, y, |$evaluator, $x, $y| $product);
            }
        }
    };
}

operator! {
    /// H = Σ_i w_i (H_i + λI), P × P, with w_i = 1/n unless weights were set. λ_max(H) is the
    /// sharpness. A product costs a tangent pass and its backward.
    Hessian, |evaluator, x, y| evaluator.product(Curvature::Hessian, x, y)
}
operator! {
    /// G = Σ_i w_i (J_iᵀ L_i J_i + λI), P × P, positive semidefinite; L_i = ∂²ℓ_i/∂z², K × K.
    /// A product costs a tangent pass and a backward pass.
    GaussNewton, |evaluator, x, y| evaluator.product(Curvature::GaussNewton, x, y)
}
operator! {
    /// Σ_i w_i (H_i + λI)², P × P, by directions that differ for each example.
    SecondMoment, |evaluator, x, y| evaluator.second_moment(Curvature::Hessian, x, y)
}
operator! {
    /// Σ = Σ_i w_i (H_i − H)², P × P, for weights that sum to one: √λ_max(Σ) is the
    /// non-uniformity of Wu, Ma and E 2018. One fused operator, without cancellation.
    Variance, |evaluator, x, y| evaluator.variance(Curvature::Hessian, x, y)
}
operator! {
    /// Σ_i w_i (G_i − G)²: the variance with Gauss–Newton matrices for Hessians.
    GaussNewtonVariance, |evaluator, x, y| evaluator.variance(Curvature::GaussNewton, x, y)
}
