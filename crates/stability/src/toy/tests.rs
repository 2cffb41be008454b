//! The numbers of the paper's example.

use std::ops::ControlFlow;

use super::*;
use crate::almost_sure::AlmostSureParameters;
use crate::answers::{Questions, Verdict, critical_learning_rates};
use crate::simulation::{Dynamics, Ensemble, lyapunov_exponent, mean_square};
use crate::{Batching, LearningRate, Momentum, Sampling};

const INDEPENDENT: Sampling = Sampling::IndependentWithoutReplacement;

fn rate(eta: f64) -> LearningRate {
    LearningRate::new(eta).unwrap()
}

#[test]
fn critical_learning_rates_of_both_minima() {
    let answer = |minimum, size, almost_sure| {
        let factors = Toy::PAPER.factors(minimum).unwrap();
        let batching = Batching::new(2, size, INDEPENDENT).unwrap();
        let questions = Questions { almost_sure, ..Questions::default() };
        let silent = &mut |_: &_| ControlFlow::Continue(());
        critical_learning_rates(&factors, &batching, &questions, silent).unwrap()
    };
    // Four million steps: a standard error of 0.1187/√4e6/1.574 = 4e-5.
    let ensemble = Ensemble { trajectories: 40, steps: 100_000, seed: 7 };
    let long = AlmostSureParameters { ensemble, warm_up: 0, momentum: Momentum::NONE };
    let one = answer(Minimum::One, 1, Some(long));
    let bracket = one.bracket();
    let exact = 2.0 * 2.0 / (4.0 + 1.8 * 1.8);
    for value in [bracket.lower, bracket.estimate, bracket.upper, one.exact.theorem_one] {
        assert!((value - exact).abs() < 1e-9, "{value} against {exact}");
    }
    assert_eq!(format!("{:.6}", bracket.estimate), "0.552486");
    assert_eq!(format!("{:.6}", one.rectangle.non_uniformity_edge), "0.555556");
    assert!((one.rectangle.sharpness_edge - 1.0).abs() < 1e-12);
    let almost = one.almost_sure.unwrap();
    assert!((almost.value - 0.5595).abs() < 2e-4, "{almost:?}");
    assert!(almost.standard_error < 1e-4, "{almost:?}");
    assert!((almost_sure_threshold([0.2, 3.8]) - almost.value).abs() < 4.0 * almost.standard_error);
    assert_eq!(bracket.judge(rate(0.7)).verdict, Verdict::Leaves);
    // Gradient descent at x = 1, and everything at x = 0, is stable up to 2/2.
    for (minimum, size) in [(Minimum::One, 2), (Minimum::Zero, 1)] {
        let bracket = answer(minimum, size, None).bracket();
        assert!((bracket.estimate - 1.0).abs() < 1e-9 && (bracket.lower - 1.0).abs() < 1e-8);
        assert_eq!(bracket.judge(rate(0.7)).verdict, Verdict::Stays);
    }
}

#[test]
fn one_step_at_the_paper_s_learning_rate() {
    // (1 − ηa)² + η²s² = 1.7476 at η = 0.7.
    let factors = Toy::PAPER.factors(Minimum::One).unwrap();
    let batching = Batching::new(2, 1, INDEPENDENT).unwrap();
    let growth = crate::mean_square::growth(&factors, &batching, rate(0.7), 1e-10).unwrap();
    assert!((growth.factor - 1.7476).abs() < 1e-12, "{}", growth.factor);
}

#[test]
fn sgd_leaves_one_for_zero_in_every_seed_and_gradient_descent_stays() {
    let start = 1.0 + 1e-5;
    for seed in 0..1000 {
        let path = Toy::PAPER.sgd(rate(0.7), start, 500, (INDEPENDENT, seed)).unwrap();
        assert_eq!(path.rest(1e-6), Rest::At(Minimum::Zero), "seed {seed}");
        assert!(path.departure(Minimum::One, 0.1).is_some());
    }
    let path = Toy::PAPER.gradient_descent(rate(0.7), start, 500);
    assert_eq!(path.rest(1e-6), Rest::At(Minimum::One));
    assert_eq!(path.departure(Minimum::One, 1e-4), None);
    assert!(Toy::PAPER.objective(1.0) == 0.0 && Toy::PAPER.objective(0.0) == 0.0);
    assert_eq!(Toy::PAPER.gradients(1.5), [0.2 * 0.5, 3.8 * 0.5]);
    assert_eq!(Toy::PAPER.gradients(-0.1), [-0.2, -0.2]);
}

/// Independent against reshuffled, B = 1: between 0.552486 and 0.559472 the mean square explodes
/// under independent batches and vanishes under reshuffled epochs, where one epoch multiplies by
/// (1 − 0.2η)(1 − 3.8η) whatever the order.
#[test]
fn reshuffling_moves_the_mean_square_threshold_to_the_almost_sure_one() {
    let factors = Toy::PAPER.factors(Minimum::One).unwrap();
    let threshold = almost_sure_threshold([0.2, 3.8]);
    assert_eq!(format!("{threshold:.6}"), "0.559472");
    for (eta, above) in [(0.558, false), (0.561, true)] {
        let batching = Batching::new(2, 1, Sampling::ReshuffledEpochs).unwrap();
        let dynamics = Dynamics { batching, learning_rate: rate(eta), momentum: Momentum::NONE };
        let ensemble = Ensemble { trajectories: 10, steps: 100, seed: 1 };
        let square = mean_square(&factors, &dynamics, &ensemble, None).unwrap().ratios[99];
        let epoch = ((1.0 - 0.2 * eta) * (1.0 - 3.8 * eta)).powi(100);
        assert!((square.value / epoch - 1.0).abs() < 1e-9, "{square:?} against {epoch}");
        assert_eq!(square.value > 1.0, above);
        let exponent = lyapunov_exponent(&factors, &dynamics, &ensemble, 0).unwrap();
        assert_eq!(exponent.value > 0.0, above);
        assert!(exponent.standard_error < 1e-12);
    }
    assert!(Toy::new([0.0, 1.0]).is_err() && Toy::new([f64::NAN, 1.0]).is_err());
}
