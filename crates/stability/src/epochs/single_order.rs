//! One order for all epochs: the growth of a period is an eigenvalue, and nothing is random.

use std::ops::ControlFlow;

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::critical::EpochProgress;
use super::period::Period;
use super::product::{PeriodProduct, StepOrder};
use crate::dense::{axpy, dot, identity};
use crate::simulation::on_sphere;
use crate::{Error, ExampleFactors, LearningRate, Momentum};

/// Up to this many numbers of a state A_π is formed, and all its eigenvalues are computed.
const DENSE: usize = 64;
/// Most vectors of an Arnoldi basis.
const MOST_VECTORS: usize = 200;
/// Vectors between two looks at the largest eigenvalue.
const LOOK: usize = 20;
/// Relative residual at which the largest eigenvalue is known well enough.
const RESIDUAL: f64 = 1e-6;
/// |λ| is above 1 where it is so by more than the rounding of a product of all steps.
const ROUNDING: f64 = 1e-9;
/// Relative distance of the two ends at which the search stops.
const WIDTH: f64 = 1e-5;
/// Factor between the learning rates tried while no end is known.
const STEP: f64 = 1.05;
/// At most this many of them.
const MOST_TRIED: usize = 200;

/// The threshold of SGD with one order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SingleOrderCritical {
    /// The critical η, to 1e-5.
    pub learning_rate: f64,
    /// Whether every eigenvalue met its residual.
    pub converged: bool,
}

/// The first η from `start` on, or next below it, at which ρ(A_π) passes 1 for this period; `None` when
/// `progress`, called after each eigenvalue, breaks. The distance from the minimum grows or shrinks by
/// ρ(A_π) a period, whatever the start.
///
/// # Errors
/// [`Error::NotBracketed`] where ρ does not pass 1 at the learning rates tried.
pub fn critical(
    factors: &ExampleFactors,
    period: &Period,
    (start, momentum): (LearningRate, Momentum),
    progress: &mut dyn FnMut(&EpochProgress) -> ControlFlow<()>,
) -> Result<Option<SingleOrderCritical>, Error> {
    let (mut products, mut converged) = (0, true);
    let mut grows = |rate: f64| -> Result<Option<bool>, Error> {
        let product = PeriodProduct::new(factors, LearningRate::new(rate)?, momentum);
        let largest = largest_modulus(&product, period)?;
        products += largest.products;
        converged &= largest.converged;
        let now = EpochProgress { products, learning_rate: rate };
        Ok((progress)(&now).is_continue().then_some(largest.modulus > 1.0 + ROUNDING))
    };
    let mut rate = start.value();
    let Some(first) = grows(rate)? else { return Ok(None) };
    let mut other = rate;
    for _ in 0..MOST_TRIED {
        other = if first { rate / STEP } else { rate * STEP };
        let Some(now) = grows(other)? else { return Ok(None) };
        if now != first {
            break;
        }
        rate = other;
    }
    if other == rate {
        return Err(Error::NotBracketed { learning_rate: rate, exponent: 0.0 });
    }
    let (mut low, mut high) = if first { (other, rate) } else { (rate, other) };
    while high / low > 1.0 + WIDTH {
        let middle = (low * high).sqrt();
        let Some(now) = grows(middle)? else { return Ok(None) };
        *(if now { &mut high } else { &mut low }) = middle;
    }
    Ok(Some(SingleOrderCritical { learning_rate: (low * high).sqrt(), converged }))
}

/// The modulus of an eigenvalue of largest modulus.
#[derive(Clone, Copy, Debug)]
struct Largest {
    modulus: f64,
    converged: bool,
    products: usize,
}

fn largest_modulus(product: &PeriodProduct<'_>, period: &Period) -> Result<Largest, Error> {
    let state = product.state_len();
    if state > DENSE {
        return arnoldi(product, period);
    }
    let mut matrix = identity(state);
    product.apply(period, StepOrder::Forward, &mut matrix);
    let (modulus, _) = dominant(MatRef::from_column_major_slice(&matrix, state, state))?;
    Ok(Largest { modulus, converged: true, products: state })
}

/// The largest modulus of a small matrix's eigenvalues, and the last entry of its unit eigenvector.
fn dominant(matrix: MatRef<'_, f64>) -> Result<(f64, f64), Error> {
    if (0..matrix.ncols()).any(|j| (0..matrix.nrows()).any(|i| !matrix[(i, j)].is_finite())) {
        return Err(Error::NotFinite("the product of the steps of an epoch"));
    }
    let solved = matrix.eigen().map_err(|_| Error::NotFinite("an eigenvalue of an epoch"))?;
    let values = solved.S().column_vector();
    let at = (0..matrix.ncols())
        .max_by(|a, b| values[*a].norm().total_cmp(&values[*b].norm()))
        .ok_or(Error::NoCurvature)?;
    let vector = solved.U().col(at);
    let norm = vector.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
    Ok((values[at].norm(), vector[matrix.ncols() - 1].norm() / norm))
}

/// By Arnoldi's iteration: the residual of a Ritz pair is h_{m+1,m} times the last entry of its vector.
fn arnoldi(product: &PeriodProduct<'_>, period: &Period) -> Result<Largest, Error> {
    let state = product.state_len();
    let most = MOST_VECTORS.min(state);
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut basis = vec![on_sphere(state, &mut random)];
    let mut upper = Mat::<f64>::zeros(most, most);
    for size in 1..=most {
        let mut next = basis[size - 1].clone();
        product.apply(period, StepOrder::Forward, &mut next);
        let scale = dot(&next, &next).sqrt();
        // Twice: once leaves a part of the order of rounding times the condition of the basis.
        for _ in 0..2 {
            for (row, vector) in basis.iter().enumerate() {
                let part = dot(vector, &next);
                upper[(row, size - 1)] += part;
                axpy(-part, vector, &mut next);
            }
        }
        let norm = dot(&next, &next).sqrt();
        let ended = norm <= scale * f64::EPSILON * size as f64;
        if ended || size == most || size.is_multiple_of(LOOK) {
            let (modulus, last) = dominant(upper.submatrix(0, 0, size, size))?;
            let converged = ended || size == state || norm * last < RESIDUAL * modulus;
            if converged || size == most {
                return Ok(Largest { modulus, converged, products: size });
            }
        }
        upper[(size, size - 1)] = norm;
        next.iter_mut().for_each(|value| *value /= norm);
        basis.push(next);
    }
    unreachable!("the last size returns")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epochs::reference;
    use crate::problems::random_rows;
    use crate::{Batching, Sampling};

    /// Against the spectral radius of the dense Kronecker square, whose root it is: formed whole, and
    /// by Arnoldi in more directions than are formed.
    #[test]
    fn one_order_against_dense_eigenvalues() {
        let (n, p) = (12, 4);
        let go = &mut |_: &_| ControlFlow::Continue(());
        for (seed, beta, size) in [(1, 0.0, 1), (2, 0.0, 5), (3, 0.8, 3)] {
            let rows = random_rows(n, p, seed);
            let factors = ExampleFactors::from_rows(n, 1, p, &rows).unwrap();
            let batching = Batching::new(n, size, Sampling::FileOrder).unwrap();
            let order: Vec<usize> = (0..n).collect();
            let period = Period::new(&batching, &order);
            let momentum = Momentum::new(beta).unwrap();
            let start = LearningRate::new(0.3 / factors.sharpness()).unwrap();
            let found = critical(&factors, &period, (start, momentum), go).unwrap().unwrap();
            let at =
                |rate| reference::growth(&factors, std::slice::from_ref(&period), rate, momentum);
            let (below, above) = (0.9999 * found.learning_rate, 1.0001 * found.learning_rate);
            assert!(at(below) < 1.0 && at(above) > 1.0 && found.converged, "{found:?}");
        }
        let (n, p) = (100, 80);
        let rows = random_rows(n, p, 7);
        let factors = ExampleFactors::from_rows(n, 1, p, &rows).unwrap();
        let batching = Batching::new(n, 10, Sampling::FileOrder).unwrap();
        let period = Period::new(&batching, &(0..n).collect::<Vec<_>>());
        let rate = LearningRate::new(2.2 / factors.sharpness()).unwrap();
        let product = PeriodProduct::new(&factors, rate, Momentum::NONE);
        let mut matrix = identity(p);
        product.apply(&period, StepOrder::Forward, &mut matrix);
        let (expected, _) = dominant(MatRef::from_column_major_slice(&matrix, p, p)).unwrap();
        let found = arnoldi(&product, &period).unwrap();
        assert!(found.converged && (found.modulus / expected - 1.0).abs() < 1e-5, "{found:?}");
    }
}
