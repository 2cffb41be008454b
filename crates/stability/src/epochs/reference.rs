//! The plain form of the threshold: all orders, dense matrices, and a root by bisection.

use faer::Mat;

use super::period::Period;
use crate::{ExampleFactors, Momentum};

/// The spectral radius of S ↦ mean A_πSA_πᵀ over periods, from the mean of the Kronecker squares.
pub(crate) fn growth(
    factors: &ExampleFactors,
    periods: &[Period],
    learning_rate: f64,
    momentum: Momentum,
) -> f64 {
    let r = factors.rank();
    let state = if momentum == Momentum::NONE { r } else { 2 * r };
    let mut mean = Mat::<f64>::zeros(state * state, state * state);
    for period in periods {
        let mut product = Mat::<f64>::identity(state, state);
        for step in 0..period.steps() {
            let batch = period.batch(step);
            let force = Mat::from_fn(r, r, |a, b| {
                let rows = batch.iter().flat_map(|i| (0..factors.outputs()).map(|k| (*i, k)));
                let terms = rows.map(|(i, k)| factors.row(i, k)[a] * factors.row(i, k)[b]);
                learning_rate / batch.len() as f64 * terms.sum::<f64>()
            });
            let beta = momentum.value();
            let delta = |a: usize, b: usize| f64::from(u8::from(a == b));
            // (x, v): v' = βv − Fx, x' = x + v'.
            let step = Mat::from_fn(state, state, |a, b| match (a < r, b < r) {
                (true, true) => delta(a, b) - force[(a, b)],
                (true, false) => beta * delta(a, b - r),
                (false, true) => -force[(a - r, b)],
                (false, false) => beta * delta(a, b),
            });
            product = step * product;
        }
        let split = |at: usize| (at / state, at % state);
        for column in 0..state * state {
            for row in 0..state * state {
                let ((a, b), (c, d)) = (split(row), split(column));
                mean[(row, column)] += product[(a, c)] * product[(b, d)] / periods.len() as f64;
            }
        }
    }
    let values = mean.eigenvalues().expect("finite");
    values.iter().map(|value| value.norm()).fold(0.0, f64::max)
}

/// The η between two learning rates at which the growth passes 1.
pub(crate) fn critical(
    factors: &ExampleFactors,
    periods: &[Period],
    momentum: Momentum,
    [mut low, mut high]: [f64; 2],
) -> f64 {
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        // A flat direction shrinks by less than the eigensolver knows.
        if growth(factors, periods, middle, momentum) > 1.0 + 1e-9 {
            high = middle;
        } else {
            low = middle;
        }
    }
    (low * high).sqrt()
}
