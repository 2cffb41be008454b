//! Theory against simulation, on both sides of the threshold.

use super::{Dynamics, Ensemble, mean_square};
use crate::mean_square::{MomentumMap, growth, kronecker, largest_ratio, momentum_growth};
use crate::problems::RandomProblem;
use crate::{Batching, LearningRate, Momentum, Sampling};

/// From the Perron matrix E|x_t|² = ρᵗ exactly. 60 cases (10 problems, 2 schemes, 3 learning rates)
/// of 20,000 trajectories and 4 steps: the number of cases outside their 95 % interval is at most
/// 8 with probability 99.5 % (binomial, mean 3), and none is outside six standard errors.
#[test]
fn mean_square_grows_like_the_spectral_radius_on_both_sides() {
    let (mut outside, mut cases, mut signs) = (0, 0, [0, 0]);
    for seed in 0..10 {
        let problem = RandomProblem::new(seed);
        let factors = problem.factors();
        let size = 1 + seed as usize % (problem.examples - 1);
        for scheme in [Sampling::IndependentBatches, Sampling::WithReplacement] {
            let batching = Batching::new(problem.examples, size, scheme).unwrap();
            let dense =
                kronecker::largest_ratio(problem.parameters, &problem.hessians, batching.noise());
            let threshold = 2.0 / dense.unwrap();
            for share in [0.7, 1.0, 1.3] {
                let learning_rate = LearningRate::new(share * threshold).unwrap();
                let predicted = growth(&factors, &batching, learning_rate, 1e-9).unwrap();
                let dynamics = Dynamics { batching, learning_rate, momentum: Momentum::NONE };
                let ensemble = Ensemble { trajectories: 20_000, steps: 4, seed };
                let start = Some(predicted.perron.as_slice());
                let seen = mean_square(&factors, &dynamics, &ensemble, start).unwrap();
                let (ratio, interval) = (seen.ratios[3], seen.growth(4).unwrap());
                let expected = predicted.factor.powi(4);
                let case = format!("seed {seed}, {scheme:?}, η {share}η*: ρ {}", predicted.factor);
                match share {
                    0.7 => assert!(predicted.factor < 1.0, "{case}"),
                    1.0 => assert!((predicted.factor - 1.0).abs() < 1e-7, "{case}"),
                    _ => assert!(predicted.factor > 1.0, "{case}"),
                }
                let distance = (ratio.value - expected).abs();
                assert!(distance < 6.0 * ratio.standard_error + 1e-9, "{case}: {interval:?}");
                let inside = interval.low - 1e-9 <= predicted.factor
                    && predicted.factor <= interval.high + 1e-9;
                outside += usize::from(!inside);
                signs[usize::from(predicted.factor > 1.0 + 1e-6)] += 1;
                cases += 1;
            }
        }
    }
    assert_eq!((cases, signs), (60, [40, 20]));
    assert!(outside <= 8, "{outside} of {cases} cases outside their interval");
}

/// The closed form with momentum is where the spectral radius of the extended map reaches 1; it is
/// 2/λ_max(C⁺D) at β = 0 and 2(1+β)/a at B = n.
#[test]
fn momentum_threshold_is_where_the_map_reaches_one() {
    for seed in 0..40 {
        let problem = RandomProblem::new(seed);
        let factors = problem.factors();
        for (size, beta) in [(1, 0.5), (1, 0.9), (2, 0.3), (problem.examples, 0.9)] {
            let scheme = Sampling::IndependentBatches;
            let batching = Batching::new(problem.examples, size, scheme).unwrap();
            let momentum = Momentum::new(beta).unwrap();
            let ratio = largest_ratio(&factors, batching.noise(), momentum, 1e-9).unwrap().value;
            let threshold = 2.0 * (1.0 - beta) / ratio;
            let case = format!("seed {seed}, B {size}, β {beta}, η* {threshold}");
            if size == problem.examples {
                let closed = crate::criteria::heavy_ball::critical(factors.sharpness(), momentum);
                let quotient = threshold / closed.unwrap();
                assert!((quotient - 1.0).abs() < 1e-8, "{case}: {quotient} of 2(1+β)/a");
                continue;
            }
            let factor = |share: f64| {
                let rate = LearningRate::new(share * threshold).unwrap();
                momentum_growth(&factors, &batching, (rate, momentum), 4000).unwrap().factor
            };
            assert!(factor(1.02) > 1.0, "{case}: {} above", factor(1.02));
            assert!(factor(0.98) < 1.0, "{case}: {} below", factor(0.98));
        }
    }
}

/// The extended map predicts the simulated mean square with momentum, step by step.
#[test]
fn momentum_map_is_the_simulated_second_moment() {
    let problem = RandomProblem::new(3);
    let factors = problem.factors();
    let scheme = Sampling::IndependentBatches;
    let batching = Batching::new(problem.examples, 1, scheme).unwrap();
    let learning_rate = LearningRate::new(0.5 / factors.sharpness()).unwrap();
    let momentum = Momentum::new(0.6).unwrap();
    let mut map = MomentumMap::new(&factors, batching.noise(), learning_rate, momentum);
    let mut state = map.start();
    let first = state.trace();
    let dynamics = Dynamics { batching, learning_rate, momentum };
    let ensemble = Ensemble { trajectories: 40_000, steps: 5, seed: 1 };
    let seen = mean_square(&factors, &dynamics, &ensemble, None).unwrap();
    for (step, ratio) in seen.ratios.iter().enumerate() {
        map.step(&mut state);
        let expected = state.trace() / first;
        let distance = (ratio.value - expected).abs() / ratio.standard_error;
        assert!(distance < 5.0, "step {step}: {} against {expected}", ratio.value);
    }
}
