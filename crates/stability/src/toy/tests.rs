//! The numbers of the paper's example.

use std::ops::ControlFlow;

use minimascope_record::stability::Verdict;
use minimascope_record::threshold::{self, CriterionName, Threshold};

use super::*;
use crate::criteria::almost_sure::{AlmostSureParameters, SearchStart, critical};
use crate::criterion::{Curvatures, Effort};
use crate::simulation::{Dynamics, Ensemble, lyapunov_exponent, mean_square};
use crate::thresholds::thresholds;
use crate::verdict::judge;
use crate::{Batching, LearningRate, Momentum, Sampling};

const INDEPENDENT: Sampling = Sampling::IndependentBatches;

fn rate(eta: f64) -> LearningRate {
    LearningRate::new(eta).unwrap()
}

fn all(minimum: ToyPosition, size: usize) -> Vec<Threshold> {
    let factors = ToyProblem::PAPER.factors(minimum).unwrap();
    let batching = Batching::new(2, size, INDEPENDENT).unwrap();
    let (curvatures, effort) = (Curvatures::of(&factors).unwrap(), Effort::default());
    let silent = &mut |_: &_| ControlFlow::Continue(());
    thresholds(&factors, &curvatures, &batching, &effort, silent).unwrap().unwrap()
}

#[test]
fn thresholds_of_both_minima() {
    let one = all(ToyPosition::One, 1);
    let exact = threshold::mean_square(&one).unwrap();
    let closed = 2.0 * 2.0 / (4.0 + 1.8 * 1.8);
    let ends = exact.ends();
    let sufficient = threshold::by(&one, &CriterionName::THEOREM_ONE).unwrap();
    for value in [ends.lower, exact.learning_rate, ends.upper, sufficient.learning_rate] {
        assert!((value - closed).abs() < 1e-9, "{value} against {closed}");
    }
    assert_eq!(format!("{:.6}", exact.learning_rate), "0.552486");
    let rectangle = threshold::by(&one, &CriterionName::RECTANGLE).unwrap().learning_rate;
    assert_eq!(format!("{rectangle:.6}"), "0.555556");
    let descent = threshold::by(&one, &CriterionName::GRADIENT_DESCENT).unwrap().learning_rate;
    assert!((descent - 1.0).abs() < 1e-12);
    assert_eq!(judge(exact, rate(0.7), &[]).verdict, Verdict::Leaves);
    // Gradient descent at x = 1, and everything at x = 0, is stable up to 2/2.
    for (minimum, size) in [(ToyPosition::One, 2), (ToyPosition::Zero, 1)] {
        let list = all(minimum, size);
        let exact = threshold::mean_square(&list).unwrap();
        let lower = exact.ends().lower;
        assert!((exact.learning_rate - 1.0).abs() < 1e-9 && (lower - 1.0).abs() < 1e-8);
        assert_eq!(judge(exact, rate(0.7), &[]).verdict, Verdict::Stays);
    }
}

/// Four million steps: a standard error of 0.1187/√4e6/1.574 = 4e-5.
#[test]
fn the_almost_sure_threshold_has_its_closed_form() {
    let ensemble = Ensemble { trajectories: 40, steps: 100_000, seed: 7 };
    let long = AlmostSureParameters { ensemble, warm_up: 0, momentum: Momentum::NONE };
    let factors = ToyProblem::PAPER.factors(ToyPosition::One).unwrap();
    let batching = Batching::new(2, 1, INDEPENDENT).unwrap();
    let start = SearchStart { learning_rate: rate(0.552_486), direction: vec![1.0] };
    let silent = &mut |_: &_| ControlFlow::Continue(());
    let almost = critical(&factors, &batching, &start, &long, silent).unwrap().unwrap();
    assert!((almost.value - 0.5595).abs() < 2e-4, "{almost:?}");
    assert!(almost.standard_error < 1e-4, "{almost:?}");
    assert!((almost_sure_threshold([0.2, 3.8]) - almost.value).abs() < 4.0 * almost.standard_error);
}

#[test]
fn one_step_at_the_paper_s_learning_rate() {
    // (1 − ηa)² + η²s² = 1.7476 at η = 0.7.
    let factors = ToyProblem::PAPER.factors(ToyPosition::One).unwrap();
    let batching = Batching::new(2, 1, INDEPENDENT).unwrap();
    let growth = crate::mean_square::growth(&factors, &batching, rate(0.7), 1e-10).unwrap();
    assert!((growth.factor - 1.7476).abs() < 1e-12, "{}", growth.factor);
}

#[test]
fn sgd_leaves_one_for_zero_in_every_seed_and_gradient_descent_stays() {
    let start = 1.0 + 1e-5;
    for seed in 0..1000 {
        let path = ToyProblem::PAPER.sgd(rate(0.7), start, 500, (INDEPENDENT, seed)).unwrap();
        assert_eq!(path.rest(1e-6), ToyRest::At(ToyPosition::Zero), "seed {seed}");
        assert!(path.departure(ToyPosition::One, 0.1).is_some());
    }
    let path = ToyProblem::PAPER.gradient_descent(rate(0.7), start, 500);
    assert_eq!(path.rest(1e-6), ToyRest::At(ToyPosition::One));
    assert_eq!(path.departure(ToyPosition::One, 1e-4), None);
    assert!(ToyProblem::PAPER.objective(1.0) == 0.0 && ToyProblem::PAPER.objective(0.0) == 0.0);
    assert_eq!(ToyProblem::PAPER.gradients(1.5), [0.2 * 0.5, 3.8 * 0.5]);
    assert_eq!(ToyProblem::PAPER.gradients(-0.1), [-0.2, -0.2]);
}

/// Independent against reshuffled, B = 1: between 0.552486 and 0.559472 the mean square explodes
/// under independent batches and vanishes under reshuffled epochs, where one epoch multiplies by
/// (1 − 0.2η)(1 − 3.8η) whatever the order.
#[test]
fn reshuffling_moves_the_mean_square_threshold_to_the_almost_sure_one() {
    let factors = ToyProblem::PAPER.factors(ToyPosition::One).unwrap();
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
    assert!(ToyProblem::new([0.0, 1.0]).is_err() && ToyProblem::new([f64::NAN, 1.0]).is_err());
}
