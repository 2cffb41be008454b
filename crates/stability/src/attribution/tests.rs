use faer::Mat;
use minimascope_linop::symmetric_eigenvalues;

use super::*;
use crate::mean_square::largest_ratio;
use crate::problems::random_rows;
use crate::{Momentum, Sampling};

/// An eigenproblem to 1e-7 has its value to the square of that, over the gap.
const TIGHT: f64 = 1e-7;
/// … and the references are known to 1e-9 or better.
const SAME: f64 = 1e-8;

fn parameters(momentum: f64) -> CriticalParameters {
    CriticalParameters {
        eigen_tolerance: TIGHT,
        momentum: Momentum::new(momentum).unwrap(),
        ..CriticalParameters::default()
    }
}

fn batching(examples: usize, size: usize) -> Batching {
    Batching::new(examples, size, Sampling::IndependentBatches).unwrap()
}

fn critical(
    factors: &ExampleFactors,
    size: usize,
    count: usize,
    parameters: &CriticalParameters,
) -> LeavingOut<CriticalOfRest> {
    let batching = batching(factors.examples(), size);
    let go = &mut |_, _: &_| ControlFlow::Continue(());
    critical_of_rest(factors, &batching, count, parameters, go).unwrap()
}

fn non_uniformity(factors: &ExampleFactors, count: usize) -> LeavingOut<NonUniformityOfRest> {
    let go = &mut |_, _: &_| ControlFlow::Continue(());
    non_uniformity_of_rest(factors, count, TIGHT, go).unwrap()
}

fn left_out<'a>(shares: impl Iterator<Item = &'a Option<Share>>) -> Vec<usize> {
    shares.flatten().map(|share| share.example).collect()
}

/// Nine examples of curvature 1 in one direction and one of curvature 10 in another: that one
/// carries everything, and without it only the mild direction is left, whose examples are equal.
#[test]
fn the_planted_example_carries_the_share() {
    let mut rows = vec![0.0; 20];
    for i in 0..9 {
        rows[2 * i] = 1.0;
    }
    rows[19] = 10f64.sqrt();
    let factors = ExampleFactors::from_rows(10, 1, 2, &rows).unwrap();
    let found = critical(&factors, 1, 1, &parameters(0.0));
    // One direction each: η* = 2·mean h/mean h² = 2·1/10 for the planted one.
    let [all, rest] = &found.rest[..] else { panic!("{found:?}") };
    assert!((all.critical_learning_rate.unwrap() - 0.2).abs() < SAME, "{all:?}");
    assert_eq!(all.largest_share.unwrap().example, 9);
    assert!(found.shares.len() == 10 && found.shares[0].share > 1.0 - SAME, "{found:?}");
    assert!((rest.critical_learning_rate.unwrap() - 2.0).abs() < SAME, "{rest:?}");
    assert!((rest.largest_share.unwrap().share - 1.0 / 9.0).abs() < SAME, "{rest:?}");

    let found = non_uniformity(&factors, 5);
    // Variance of (10, 0 × 9): 10 − 1; shares 81 and 9 × 1 of 90. Equal examples have none.
    let [all, rest] = &found.rest[..] else { panic!("{found:?}") };
    assert!((all.non_uniformity.value - 3.0).abs() < SAME, "{all:?}");
    let share = all.largest_share.unwrap();
    assert!(share.example == 9 && (share.share - 0.9).abs() < SAME, "{share:?}");
    assert!(rest.non_uniformity.value == 0.0 && rest.non_uniformity.converged, "{rest:?}");
    assert_eq!((rest.largest_share, found.shares.len()), (None, 10));
}

/// Rows of n examples with K outputs, in P directions.
struct Rows {
    k: usize,
    p: usize,
    rows: Vec<f64>,
}

impl Rows {
    /// Normal rows; the examples of `planted` times their factor.
    fn planted((n, k, p): (usize, usize, usize), planted: &[(usize, f64)], seed: u64) -> Self {
        let mut rows = random_rows(n * k, p, seed);
        for (example, factor) in planted {
            rows[example * k * p..][..k * p].iter_mut().for_each(|v| *v *= factor);
        }
        Self { k, p, rows }
    }

    fn examples(&self) -> usize {
        self.rows.len() / (self.k * self.p)
    }

    fn factors(&self) -> ExampleFactors {
        ExampleFactors::from_rows(self.examples(), self.k, self.p, &self.rows).unwrap()
    }

    /// The problem that never had these examples.
    fn without(&self, left_out: &[usize]) -> Self {
        let kept = self.rows.chunks_exact(self.k * self.p).enumerate();
        let kept = kept.filter(|(i, _)| !left_out.contains(i));
        Self { rows: kept.flat_map(|(_, rows)| rows).copied().collect(), ..*self }
    }

    /// η* by the plain form, an eigenproblem of r × r matrices.
    fn critical(&self, size: usize, momentum: f64) -> f64 {
        let noise = batching(self.examples(), size).noise();
        let beta = Momentum::new(momentum).unwrap();
        let largest = largest_ratio(&self.factors(), noise, beta, 1e-9).unwrap();
        2.0 * (1.0 - momentum) / largest.value
    }

    /// s from the dense Σ.
    fn non_uniformity(&self) -> f64 {
        let (k, p, n) = (self.k, self.p, self.examples() as f64);
        let hessians: Vec<Mat<f64>> = self
            .rows
            .chunks_exact(k * p)
            .map(|rows| {
                Mat::from_fn(p, p, |a, b| (0..k).map(|l| rows[l * p + a] * rows[l * p + b]).sum())
            })
            .collect();
        let sum = |parts: &mut dyn Iterator<Item = Mat<f64>>| {
            parts.fold(Mat::zeros(p, p), |sum: Mat<f64>, part| sum + part)
        };
        let mean = sum(&mut hessians.iter().cloned()) * faer::Scale(1.0 / n);
        let deviations = hessians.iter().map(|h| h - &mean);
        let sigma = sum(&mut deviations.map(|d| &d * &d)) * faer::Scale(1.0 / n);
        symmetric_eigenvalues(sigma.as_ref()).unwrap().last().unwrap().sqrt()
    }
}

/// Three planted examples, the last sharpest: they go in their order, and each time η* and s are those
/// of a problem that never had the examples left out, at n − m examples.
#[test]
fn without_them_is_the_problem_that_never_had_them() {
    let planted = [(3, 2.5), (0, 4.0), (9, 7.0)];
    for seed in 0..4 {
        let rows = Rows::planted((12, 2, 7), &planted, seed);
        for size in [1, 2, 5] {
            for momentum in [0.0, 0.9] {
                let case = format!("seed {seed}, B {size}, β {momentum}");
                let found = critical(&rows.factors(), size, 4, &parameters(momentum));
                let order = left_out(found.rest.iter().map(|at| &at.largest_share));
                assert_eq!(order[..3], [9, 0, 3], "{case}");
                assert_eq!(found.rest.len(), 5);
                for at in &found.rest {
                    let expected = rows.without(&order[..at.left_out]).critical(size, momentum);
                    let ratio = at.critical_learning_rate.unwrap() / expected;
                    assert!((ratio - 1.0).abs() < SAME, "{case}, without {}: {ratio}", at.left_out);
                    assert!(at.converged, "{case}: {at:?}");
                }
                assert!(
                    found.rest[1].critical_learning_rate > found.rest[0].critical_learning_rate
                );
            }
        }
        let found = non_uniformity(&rows.factors(), 4);
        let order = left_out(found.rest.iter().map(|at| &at.largest_share));
        assert_eq!(order[..3], [9, 0, 3], "seed {seed}");
        for at in &found.rest {
            let ratio =
                at.non_uniformity.value / rows.without(&order[..at.left_out]).non_uniformity();
            assert!((ratio - 1.0).abs() < SAME, "seed {seed}, without {}: {ratio}", at.left_out);
            assert!(at.non_uniformity.converged);
        }
    }
}

/// Two groups of examples without a common direction: what decides without an example is often
/// orthogonal to what decided with it.
#[test]
fn another_direction_takes_over() {
    let mut groups_changed = 0;
    for seed in 0..12 {
        let mut rows = Rows::planted((10, 1, 6), &[], seed);
        for (example, row) in rows.rows.chunks_exact_mut(6).enumerate() {
            row[3 * (example % 2)..][..3].fill(0.0);
        }
        let found = critical(&rows.factors(), 1, 8, &parameters(0.0));
        let order = left_out(found.rest.iter().map(|at| &at.largest_share));
        groups_changed += order.windows(2).filter(|pair| pair[0] % 2 != pair[1] % 2).count();
        for at in &found.rest {
            let expected = rows.without(&order[..at.left_out]).critical(1, 0.0);
            let ratio = at.critical_learning_rate.unwrap() / expected;
            assert!((ratio - 1.0).abs() < SAME, "seed {seed}, without {}: {ratio}", at.left_out);
        }
        let found = non_uniformity(&rows.factors(), 8);
        let order = left_out(found.rest.iter().map(|at| &at.largest_share));
        for at in &found.rest {
            let expected = rows.without(&order[..at.left_out]).non_uniformity();
            let ratio = at.non_uniformity.value / expected;
            assert!((ratio - 1.0).abs() < SAME, "seed {seed}, without {}: {ratio}", at.left_out);
        }
    }
    assert!(groups_changed > 12, "{groups_changed}");
}

/// B examples are left: no noise, and gradient descent's 2/a; fewer than B are never left.
#[test]
fn it_ends_where_a_batch_is_everything() {
    let rows = Rows::planted((6, 1, 3), &[(2, 5.0)], 1);
    let found = critical(&rows.factors(), 4, 5, &parameters(0.0));
    assert_eq!(found.rest.len(), 3);
    let order = left_out(found.rest.iter().map(|at| &at.largest_share));
    assert_eq!((order.len(), order[0]), (2, 2));
    let last = found.rest[2];
    let expected = 2.0 / rows.without(&order).factors().sharpness();
    assert!((last.critical_learning_rate.unwrap() / expected - 1.0).abs() < SAME, "{last:?}");
    assert_eq!(last.largest_share, None);
}

/// All curvature is of two examples: without them every learning rate stays.
#[test]
fn a_rest_without_curvature_has_no_threshold() {
    let mut rows = Rows::planted((5, 1, 3), &[], 2);
    rows.rows[6..].fill(0.0);
    let found = critical(&rows.factors(), 1, 4, &parameters(0.0));
    assert_eq!(found.rest.len(), 3);
    let last = found.rest[2];
    assert_eq!((last.critical_learning_rate, last.largest_share), (None, None));
    let found = non_uniformity(&rows.factors(), 4);
    assert_eq!(found.rest.last().unwrap().non_uniformity.value, 0.0);
}

#[test]
fn an_interruption_keeps_what_is_known() {
    let rows = Rows::planted((8, 1, 4), &[], 3);
    let factors = rows.factors();
    let from = |most| {
        move |left_out| {
            if left_out < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    };
    for most in 0..3 {
        let mut stop = |left_out, _: &CriticalProgress| from(most)(left_out);
        let batching = batching(8, 2);
        let found = critical_of_rest(&factors, &batching, 5, &parameters(0.0), &mut stop);
        assert_eq!(found.unwrap().rest.len(), most);
        let mut stop = |left_out, _: &LanczosProgress| from(most)(left_out);
        let found = non_uniformity_of_rest(&factors, 5, TIGHT, &mut stop);
        assert_eq!(found.unwrap().rest.len(), most);
    }
}
