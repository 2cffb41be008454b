//! Which examples make SGD leave.

use std::ops::ControlFlow;

use minimascope_record::stability::Share;

use crate::criteria::variance::{NonUniformity, non_uniformity};
use crate::dense::dot;
use crate::mean_square::{CriticalParameters, CriticalProgress, MeanSquareCritical, critical};
use crate::{Batching, Error, ExampleFactors};

/// Shares of the examples in s: with v the top direction of Σ, vᵀΣv = mean |(H_i − H)v|² and an
/// example's share is |(H_i − H)v|² of the sum. Largest first.
///
/// # Errors
/// Of the eigensolver.
pub fn variance_shares(factors: &ExampleFactors) -> Result<(NonUniformity, Vec<Share>), Error> {
    let found = non_uniformity(factors)?;
    let v = &found.largest.vector;
    let mean: Vec<f64> = v.iter().zip(factors.curvatures()).map(|(v, h)| h * v).collect();
    let k = factors.outputs();
    // |(H_i − H)v|² = uᵀB_iu − 2u·w + |Hv|², u = A_iv, w = A_iHv, B_i the full block.
    let weights = (0..factors.examples()).map(|i| {
        let along = |x: &[f64]| (0..k).map(|l| dot(factors.row(i, l), x)).collect::<Vec<_>>();
        let (u, w) = (along(v), along(&mean));
        let rows = factors.block(i).chunks_exact(k).map(|row| dot(row, &u));
        let square: f64 = rows.zip(&u).map(|(b, u)| b * u).sum();
        (square - 2.0 * dot(&u, &w) + dot(&mean, &mean)).max(0.0)
    });
    let shares = ranked(weights.collect());
    Ok((found, shares))
}

/// Shares of the examples in the exact threshold: with S the Perron matrix, ⟨S, mean H_iSH_i⟩ =
/// mean |A_iSA_iᵀ|_F², and an example's share is its term. Largest first.
pub fn mean_square_shares(factors: &ExampleFactors, found: &MeanSquareCritical) -> Vec<Share> {
    ranked(found.blocks.chunks_exact(factors.outputs().pow(2)).map(|b| dot(b, b)).collect())
}

fn ranked(weights: Vec<f64>) -> Vec<Share> {
    let sum: f64 = weights.iter().sum();
    let mut shares: Vec<Share> = weights
        .into_iter()
        .enumerate()
        .map(|(example, weight)| {
            let share = if sum > 0.0 { weight / sum } else { 0.0 };
            Share { example, label: None, corrupted: false, share }
        })
        .collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.example.cmp(&b.example)));
    shares
}

/// η* for the same B without the given examples, H being the mean over the others. Where `progress`
/// breaks, the value is that of the search so far, and its `stop` says so.
///
/// # Errors
/// [`Error::BatchTooLarge`] when fewer than B examples are left; those of
/// [`ExampleFactors::without`] and [`critical`].
pub fn critical_without(
    factors: &ExampleFactors,
    batching: &Batching,
    left_out: &[usize],
    parameters: &CriticalParameters,
    progress: &mut dyn FnMut(&CriticalProgress) -> ControlFlow<()>,
) -> Result<MeanSquareCritical, Error> {
    let reduced = factors.without(left_out)?;
    let batching = Batching::new(reduced.examples(), batching.batch_size(), batching.sampling())?;
    critical(&reduced, &batching, parameters, progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;

    /// Nine examples of curvature 1 in one direction and one of curvature 10 in another: that one
    /// carries everything, and without it only the mild direction is left.
    #[test]
    fn the_planted_example_carries_the_share() {
        let mut rows = vec![0.0; 20];
        for i in 0..9 {
            rows[2 * i] = 1.0;
        }
        rows[19] = 10f64.sqrt();
        let factors = ExampleFactors::from_rows(10, 1, 2, &rows).unwrap();
        let batching = Batching::new(10, 1, Sampling::IndependentBatches).unwrap();
        let parameters = CriticalParameters::default();
        let go = &mut |_: &_| ControlFlow::Continue(());
        let found = critical(&factors, &batching, &parameters, go).unwrap();
        // One direction each: η* = 2·mean h/mean h² = 2·1/10 for the planted one.
        assert!((found.estimate - 0.2).abs() < 1e-9, "{}", found.estimate);
        let shares = mean_square_shares(&factors, &found);
        assert_eq!(shares[0].example, 9);
        assert!(shares[0].share > 1.0 - 1e-9, "{shares:?}");
        let (s, shares) = variance_shares(&factors).unwrap();
        // Variance of (10, 0 × 9): 10 − 1; shares 81 and 9 × 1 of 90.
        assert!((s.value - 3.0).abs() < 1e-9, "{}", s.value);
        assert!(shares[0].example == 9 && (shares[0].share - 0.9).abs() < 1e-9, "{shares:?}");
        let without = critical_without(&factors, &batching, &[9], &parameters, go).unwrap();
        assert!((without.estimate - 2.0).abs() < 1e-9, "{}", without.estimate);
        let stop = &mut |_: &_| ControlFlow::Break(());
        let stopped = critical_without(&factors, &batching, &[9], &parameters, stop).unwrap();
        assert_eq!(stopped.stop, minimascope_record::threshold::RankStop::Interrupted);
    }
}
