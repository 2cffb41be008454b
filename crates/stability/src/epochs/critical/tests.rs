//! The threshold of epochs against closed forms and against dense matrices over all orders.

use super::*;
use crate::Sampling;
use crate::epochs::reference;
use crate::mean_square;
use crate::problems::{RandomProblem, random_rows};
use crate::toy::{ToyPosition, ToyProblem, almost_sure_threshold};

fn go(_: &EpochProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Of independent batches, and of these.
fn thresholds(factors: &ExampleFactors, batching: &Batching, momentum: Momentum) -> (f64, f64) {
    let start = independent(factors, batching, momentum);
    let rate = LearningRate::new(start).unwrap();
    let parameters = EpochParameters { momentum, ..EpochParameters::default() };
    let found = critical(factors, batching, rate, &parameters, &mut go).unwrap().unwrap();
    assert!(found.enumerated && found.standard_error == 0.0);
    (start, found.learning_rate)
}

fn independent(factors: &ExampleFactors, batching: &Batching, momentum: Momentum) -> f64 {
    let parameters = mean_square::CriticalParameters { momentum, ..Default::default() };
    let go = &mut |_: &_| ControlFlow::Continue(());
    mean_square::critical(factors, &batching.independent(), &parameters, go).unwrap().estimate
}

/// The toy: (1 − 0.2η)(1 − 3.8η) = −1 in either order.
#[test]
fn the_toy_in_closed_form() {
    let factors = ToyProblem::PAPER.factors(ToyPosition::One).unwrap();
    let batching = Batching::new(2, 1, Sampling::ReshuffledEpochs).unwrap();
    let (_, found) = thresholds(&factors, &batching, Momentum::NONE);
    let closed = almost_sure_threshold([0.2, 3.8]);
    assert!((found / closed - 1.0).abs() < 1e-9, "{found} {closed}");
}

/// All orders of small problems by the moments of full rank, against dense Kronecker squares:
/// with a short last batch, with momentum, and with reversed epochs.
#[test]
fn all_orders_of_small_problems() {
    let mut checked = 0;
    for seed in 0..40 {
        let factors = RandomProblem::new(seed).factors();
        let n = factors.examples();
        if n > 5 || factors.rank() > 4 {
            continue;
        }
        for (size, beta, sampling) in [
            (1, 0.0, Sampling::ReshuffledEpochs),
            (2, 0.0, Sampling::ReshuffledEpochs),
            (1, 0.0, Sampling::ReshuffledAndReversed),
            (2, 0.5, Sampling::ReshuffledEpochs),
        ] {
            let momentum = Momentum::new(beta).unwrap();
            let batching = Batching::new(n, size, sampling).unwrap();
            let (start, found) = thresholds(&factors, &batching, momentum);
            let periods = Periods::all(&batching, 720).unwrap();
            let ends = [0.3 * start, 2.0 * found];
            let expected = reference::critical(&factors, &periods, momentum, ends);
            // Near the root a flat direction shrinks hardly faster than the sharp ones, so that power
            // steps end before the last digits.
            let ratio = found / expected;
            assert!((ratio - 1.0).abs() < 3e-6, "{seed} {size} {beta} {sampling}: {ratio}");
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

/// Where the H_i commute the order does not matter at B = 1: the first η at which Π_i|1 − ηh_ia|
/// is 1 in some direction a. By the inequality of the means it is at least that of independent
/// batches.
#[test]
fn commuting_examples_in_closed_form() {
    // Curvatures (h_i1, h_i2) of three examples.
    let examples = [[4.0, 1.0], [0.5, 3.0], [1.0, 0.2]];
    let hessians: Vec<f64> = examples.iter().flat_map(|[a, b]| [*a, 0.0, 0.0, *b]).collect();
    let factors = ExampleFactors::from_hessians(3, 2, &hessians).unwrap();
    let batching = Batching::new(3, 1, Sampling::ReshuffledEpochs).unwrap();
    let (start, found) = thresholds(&factors, &batching, Momentum::NONE);
    let largest = |eta: f64| {
        let product = |a: usize| examples.iter().map(|h| (1.0 - eta * h[a]).abs()).product::<f64>();
        f64::max(product(0), product(1))
    };
    let closed = (1..).map(|step| 1e-5 * f64::from(step)).find(|eta| largest(*eta) > 1.0);
    assert!((found - closed.unwrap()).abs() < 1e-5 && found > start, "{found} {closed:?}");
}

/// Reshuffling can stay less: curvatures 2, 2, 0, 0 in batches of two. Independent batches stay up
/// to η = 3/2. An epoch of reshuffled ones holds (1 − 2η)² with probability 1/3 and (1 − η)⁴ with
/// 2/3, which is 1 on average at η = 1.361.
#[test]
fn reshuffling_can_stay_less() {
    let factors = ExampleFactors::from_hessians(4, 1, &[2.0, 2.0, 0.0, 0.0]).unwrap();
    let batching = Batching::new(4, 2, Sampling::ReshuffledEpochs).unwrap();
    let (independent, found) = thresholds(&factors, &batching, Momentum::NONE);
    assert!((independent - 1.5).abs() < 1e-6, "{independent}");
    let mean = (1.0 - 2.0 * found).powi(2) / 3.0 + 2.0 * (1.0 - found).powi(4) / 3.0;
    assert!((mean - 1.0).abs() < 1e-6 && (found - 1.361).abs() < 1e-3, "{found}");
}

/// To order η² the growth a step differs from that of independent batches by
/// −p[mean (eᵀH_ie)² − h² + eᵀΣe]η², e the flattest direction and h its curvature: noise adds
/// nothing, and contracts instead.
#[test]
fn small_learning_rates() {
    for (seed, size) in [(3, 1), (4, 2)] {
        let (n, p) = (4, 2);
        let rows = random_rows(n, p, seed);
        let factors = ExampleFactors::from_rows(n, 1, p, &rows).unwrap();
        let batching = Batching::new(n, size, Sampling::ReshuffledEpochs).unwrap();
        let periods = Periods::all(&batching, 720).unwrap();
        let steps = periods[0].steps() as f64;
        let noise = batching.noise();
        let difference = |eta: f64| {
            let epochs = reference::growth(&factors, &periods, eta, Momentum::NONE).ln() / steps;
            let rate = LearningRate::new(eta).unwrap();
            let one = mean_square::growth(&factors, &batching, rate, 1e-12).unwrap().factor;
            (epochs - one.ln()) / (eta * eta)
        };
        // e is the last direction: H_ie = a_i·a_ie.
        let of = |i: usize| (factors.row(i, 0)[0], factors.row(i, 0)[1]);
        let mean = |f: &dyn Fn((f64, f64)) -> f64| (0..n).map(|i| f(of(i))).sum::<f64>() / n as f64;
        let h = factors.curvatures()[1];
        let fourth = mean(&|(_, e)| e.powi(4)) - h * h;
        let variance = mean(&|(a, e)| e * e * (a * a + e * e)) - h * h;
        let expected = -noise * (fourth + variance);
        // The rest is of order η: halving η halves it.
        let eta = 1e-3 / factors.sharpness();
        let (coarse, fine) = (difference(eta), difference(eta / 2.0));
        let limit = 2.0 * fine - coarse;
        assert!((limit / expected - 1.0).abs() < 1e-3, "{coarse} {fine} {expected}");
    }
}

/// Sampled orders against all orders, with the error that they claim. In a few problems the power
/// steps stay with a direction that grows more slowly than another, so that the threshold comes out
/// too high: until that is mended an estimate from some orders decides no verdict.
#[test]
fn sampled_orders_are_within_their_error() {
    let mut scores = Vec::new();
    for seed in 100..180 {
        let factors = RandomProblem::new(seed).factors();
        let n = factors.examples();
        if n > 6 {
            continue;
        }
        let size = 1 + seed as usize % 2;
        let batching = Batching::new(n, size.min(n), Sampling::ReshuffledEpochs).unwrap();
        let start = independent(&factors, &batching, Momentum::NONE);
        let all = EpochParameters::default();
        let some = EpochParameters {
            most_enumerated: 0,
            most_orders: 1024,
            tolerance: 0.01,
            ..all.clone()
        };
        let [all, some] = [all, some].map(|parameters| {
            let rate = LearningRate::new(start).unwrap();
            critical(&factors, &batching, rate, &parameters, &mut go).unwrap().unwrap()
        });
        scores.push((some.learning_rate - all.learning_rate) / some.standard_error);
    }
    let outside = scores.iter().filter(|score| score.abs() > 3.0).count();
    // Three are known in 214 problems.
    assert!(scores.len() >= 50 && outside <= 3, "{outside} of {}: {scores:?}", scores.len());
}
