//! Power iteration against Lanczos, and why it does not stop on a small change.

mod planted;

use std::ops::ControlFlow;

use minimascope_linop::{
    DenseSymmetric, Error, LanczosProgress, PowerParameters, SolverStop, largest_pair,
    power_iteration, silent,
};
use planted::Planted;

const PARAMETERS: PowerParameters =
    PowerParameters { tolerance: 1e-6, max_products: 5000, seed: 1 };

#[test]
fn agrees_with_lanczos_for_many_more_products() {
    let values: Vec<f64> = (0..200).map(|i| f64::from(i) / 220.0).chain([1.0]).collect();
    let mut operator = Planted::new(&values);
    let plain = power_iteration(&mut operator, &PARAMETERS, &mut silent).unwrap();
    assert!(plain.converged() && plain.products == operator.products);
    let krylov = largest_pair(&mut operator, 1e-6, None).unwrap();
    // Both errors are at most the square of the residual over the gap, 0.095 here.
    let bound = (1e-6f64).powi(2) / 0.095 * 2.0 + 1e-13;
    assert!((plain.pairs[0].value - krylov.value).abs() <= bound);
    assert!(plain.products > 3 * (operator.products - plain.products), "{}", plain.products);
}

#[test]
fn a_negative_giant_is_the_value_of_largest_magnitude() {
    let mut operator = Planted::new(&[-50.0, 20.0, 3.0, 1.0]);
    let found = power_iteration(&mut operator, &PARAMETERS, &mut silent).unwrap();
    assert!(found.converged() && (found.pairs[0].value + 50.0).abs() < 1e-9);
}

#[test]
fn stopping_on_a_small_change_ends_low_and_the_residual_says_so() {
    // A spectrum like a trained network's: a bulk that reaches up to a top value close by.
    let values: Vec<f64> =
        (0..400).map(|i| 20.0 * (f64::from(i) / 400.0).powi(6)).chain([20.0]).collect();
    let mut operator = Planted::new(&values);
    let mut previous = f64::NAN;
    let mut habit: Option<LanczosProgress> = None;
    let exact = power_iteration(&mut operator, &PARAMETERS, &mut |at| {
        let change = (at.value - previous).abs() / at.value.abs();
        previous = at.value;
        if change < 1e-3 && habit.is_none() {
            habit = Some(*at);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    let habit = habit.unwrap();
    assert!(exact.pairs[0].value > 19.99);
    assert!(
        habit.value < 0.995 * exact.pairs[0].value,
        "at least half a per cent low: {}",
        habit.value
    );
    assert!(
        habit.relative_residual > 1e-2,
        "and its residual is honest: {}",
        habit.relative_residual
    );
}

#[test]
fn small_and_degenerate_operators() {
    let run = |values: &[f64]| {
        power_iteration(&mut DenseSymmetric::diagonal(values), &PARAMETERS, &mut silent).unwrap()
    };
    for (values, expected) in [(&[-3.0][..], -3.0), (&[0.0; 5], 0.0), (&[2.0, 2.0], 2.0)] {
        let found = run(values);
        assert!(found.converged() && (found.pairs[0].value - expected).abs() < 1e-14);
        assert_eq!(found.products, 1);
    }
    // ±2: no largest magnitude, so it never settles and says so.
    let found = run(&[2.0, -2.0]);
    assert!(
        found.stop == SolverStop::Budget && found.products == 5000 && !found.pairs[0].converged
    );
    let error = power_iteration(&mut DenseSymmetric::diagonal(&[]), &PARAMETERS, &mut silent);
    assert_eq!(error.unwrap_err(), Error::Empty);
    for wrong in [
        PowerParameters { tolerance: f64::NAN, ..PARAMETERS },
        PowerParameters { max_products: 0, ..PARAMETERS },
    ] {
        let error = power_iteration(&mut DenseSymmetric::diagonal(&[1.0]), &wrong, &mut silent);
        assert!(matches!(error, Err(Error::Parameter { .. })));
    }
}
