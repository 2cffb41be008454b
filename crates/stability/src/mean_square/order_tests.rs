//! The order of the criteria, exactly, on 500 random problems.

use std::ops::ControlFlow;

use minimascope_record::threshold::{LowerBy, RankStop};

use super::{CriticalParameters, critical, kronecker, largest_ratio, theorem_one};
use crate::criteria::necessary;
use crate::problems::RandomProblem;
use crate::{Batching, Momentum, Sampling};

const PROBLEMS: u64 = 500;
/// Relative: dense and matrix-free eigenvalues, at eigen residuals of 1e-9 or rounding.
const SAME: f64 = 1e-8;

fn batchings(examples: usize) -> impl Iterator<Item = Batching> {
    let sampling = Sampling::IndependentBatches;
    (1..=examples).map(move |b| Batching::new(examples, b, sampling).unwrap())
}

fn tight() -> CriticalParameters {
    CriticalParameters {
        eigen_tolerance: 1e-9,
        width: 1e-8,
        proof_steps: 400,
        ..CriticalParameters::default()
    }
}

#[test]
fn matrix_free_is_dense_and_the_order_holds() {
    let (mut certified, mut between, mut widest) = (0, 0, 1.0f64);
    for seed in 0..PROBLEMS {
        let problem = RandomProblem::new(seed);
        let factors = problem.factors();
        let descent_threshold = 2.0 / factors.sharpness();
        let mut before = 0.0;
        for batching in batchings(problem.examples) {
            let p = batching.noise();
            let case = format!("seed {seed}, B {}", batching.batch_size());
            let dense = kronecker::largest_ratio(problem.parameters, &problem.hessians, p).unwrap();
            let exact = 2.0 / dense;
            let found = critical(&factors, &batching, &tight(), &mut |_| ControlFlow::Continue(()))
                .unwrap();
            let ratio = found.estimate / exact;
            assert!((ratio - 1.0).abs() < SAME, "{case}: matrix-free over dense {ratio:.12}");
            let sufficient = theorem_one::critical(&factors, &batching).unwrap();
            let slack = 1.0 + SAME;
            assert!(sufficient.critical_learning_rate <= exact * slack, "{case}: Theorem 1");
            assert!(found.lower <= exact * slack, "{case}: lower {} of {exact}", found.lower);
            assert!(found.lower >= sufficient.critical_learning_rate / slack, "{case}: lower");
            for (name, bound) in [
                ("top direction", necessary::top_direction(&factors, &batching)),
                ("traces", necessary::traces(&factors, &batching)),
                ("best direction", necessary::best_direction(&factors, &batching, None)),
                ("2/a", descent_threshold),
            ] {
                assert!(exact <= bound * slack, "{case}: {name} {bound} below {exact}");
            }
            assert!(exact >= before / slack, "{case}: not monotone in B");
            before = exact;
            if factors.rank() == 1 {
                let ratio = sufficient.critical_learning_rate / exact;
                assert!((ratio - 1.0).abs() < SAME, "{case}: P = 1, Theorem 1 over exact {ratio}");
            } else if found.theorem_one < exact * (1.0 - 1e-3) {
                between += 1;
                certified += usize::from(found.lower_by == LowerBy::Certificate);
                widest = widest.max(found.upper / found.lower);
            }
        }
        let ratio = before / descent_threshold;
        assert!((ratio - 1.0).abs() < SAME, "seed {seed}: B = n gives {ratio} of 2/a");
    }
    // All directions: the certificate closes the bracket.
    assert!(between > 500, "{between} cases where Theorem 1 is not exact");
    assert_eq!(certified, between);
    assert!(widest < 1.0 + 1e-4, "widest bracket {widest}");
}

#[test]
fn theorem_one_is_exact_for_commuting_hessians() {
    for seed in 0..50 {
        let values = crate::problems::random_rows(6, 4, seed);
        let mut hessians = vec![0.0; 6 * 16];
        for (at, value) in values.iter().enumerate() {
            hessians[at / 4 * 16 + at % 4 * 5] = value * value;
        }
        let factors = crate::ExampleFactors::from_hessians(6, 4, &hessians).unwrap();
        for batching in batchings(6) {
            let sufficient = theorem_one::critical(&factors, &batching).unwrap();
            let exact = kronecker::largest_ratio(4, &hessians, batching.noise()).unwrap();
            let free =
                largest_ratio(&factors, batching.noise(), Momentum::NONE, 1e-9).unwrap().value;
            let ratio = sufficient.critical_learning_rate * exact / 2.0;
            assert!((ratio - 1.0).abs() < SAME, "seed {seed}: Theorem 1 over exact {ratio}");
            assert!((free / exact - 1.0).abs() < SAME, "seed {seed}: {free} against {exact}");
        }
    }
}

/// The ends of the bracket are proofs: with an eigensolver that stops at once, and from a first rank
/// of one, they still enclose the dense value.
#[test]
fn the_bracket_holds_however_badly_the_eigenproblem_is_solved() {
    let starved = CriticalParameters {
        eigen_tolerance: 0.99,
        first_rank: 1,
        proof_steps: 2,
        ..CriticalParameters::default()
    };
    let (mut cases, mut open) = (0, 0);
    for seed in 0..PROBLEMS {
        let problem = RandomProblem::new(seed);
        let factors = problem.factors();
        for batching in batchings(problem.examples) {
            let p = batching.noise();
            let dense = kronecker::largest_ratio(problem.parameters, &problem.hessians, p).unwrap();
            let exact = 2.0 / dense;
            let found = critical(&factors, &batching, &starved, &mut |_| ControlFlow::Continue(()))
                .unwrap();
            let case = format!("seed {seed}, B {}", batching.batch_size());
            assert!(found.lower <= exact * (1.0 + SAME), "{case}: {} over {exact}", found.lower);
            assert!(found.upper >= exact * (1.0 - SAME), "{case}: {} below {exact}", found.upper);
            assert_eq!(found.stop, RankStop::AllDirections);
            assert!(p == 0.0 || found.ranks[0].rank == 1);
            cases += 1;
            open += usize::from(found.upper > found.lower * 1.01);
        }
    }
    assert!(5 * open > cases, "only {open} of {cases} brackets were left open to be wrong");
}

/// Where the proof on the blocks gets nowhere Theorem 1 is proved, and never above it.
#[test]
fn theorem_one_is_the_least_lower_end() {
    let unproved = CriticalParameters { proof_steps: 0, ..CriticalParameters::default() };
    let no_memory =
        CriticalParameters { memory: 0, first_rank: 1, ..CriticalParameters::default() };
    let (mut kept, mut cases) = (0, 0);
    for seed in 0..100 {
        let problem = RandomProblem::new(seed);
        let factors = problem.factors();
        for batching in batchings(problem.examples).take(problem.examples - 1) {
            for parameters in [&unproved, &no_memory] {
                let quiet = &mut |_: &_| ControlFlow::Continue(());
                let found = critical(&factors, &batching, parameters, quiet).unwrap();
                let case = format!("seed {seed}, B {}", batching.batch_size());
                assert!(found.lower <= found.theorem_one * (1.0 + SAME), "{case}: {found:?}");
                cases += 1;
                kept += usize::from(found.lower >= found.theorem_one / (1.0 + 1e-5));
            }
        }
    }
    assert!(100 * kept > 95 * cases, "{kept} of {cases}");
}

/// With momentum the block form gives what Lanczos on r × r matrices gives, and proves a lower end.
#[test]
fn momentum_has_a_bracket_too() {
    for seed in 0..100 {
        let problem = RandomProblem::new(seed);
        let factors = problem.factors();
        for (batching, beta) in
            batchings(problem.examples).zip([0.3, 0.9, 0.6, 0.99].iter().cycle())
        {
            let momentum = Momentum::new(*beta).unwrap();
            let parameters = CriticalParameters { momentum, ..tight() };
            let found =
                critical(&factors, &batching, &parameters, &mut |_| ControlFlow::Continue(()))
                    .unwrap();
            let plain = largest_ratio(&factors, batching.noise(), momentum, 1e-10).unwrap();
            let expected = 2.0 * (1.0 - beta) / plain.value;
            let case = format!("seed {seed}, B {}, β {beta}", batching.batch_size());
            let ratio = found.estimate / expected;
            assert!((ratio - 1.0).abs() < SAME, "{case}: block form over plain {ratio:.12}");
            assert!(found.lower <= found.estimate, "{case}");
            assert!(found.lower > (1.0 - 1e-6) * expected, "{case}: {} of {expected}", found.lower);
        }
    }
}
