//! The Gauss–Newton square-root factors of a point, of full rank or in leading directions.

use std::ops::ControlFlow;

use minimascope_curvature::{GramOperator, TrainedPoint};
use minimascope_linop::{
    Confirmation, LanczosParameters, LanczosProgress, ProductFailure, SolverStop, SpectrumEnd,
    SymmetricOperator, lanczos,
};
use minimascope_stability::ExampleFactors;

use crate::spectrum::shown;
use crate::watch::{Quantity, Watch};
use crate::{Budget, Error};

/// Residuals of the directions, relative to the larger of the eigenvalue and
/// [`DIRECTION_FLOOR`] ‖H‖: at most 1e-4 ‖H‖ for the small ones, which move η* least. A residual ρ
/// moves an eigenvalue by ρ²/gap. A tenth of this took half as many products again.
const DIRECTION_TOLERANCE: f64 = 1e-2;
/// See [`DIRECTION_TOLERANCE`].
const DIRECTION_FLOOR: f64 = 1e-2;
/// 400 directions gave η* of the study's networks to half a percent, and the search compares them
/// with 200.
const FIRST_RANK: usize = 400;
/// Residual, relative to the value, at which the largest curvature left out is known well enough.
const LEFT_OUT_TOLERANCE: f64 = 5e-2;

/// The rank that is asked for first, of nK rows; `None` for full rank, where the memory allows it:
/// then nothing is left out, and the bracket closes.
pub(crate) fn first_rank(rows: usize, memory_bytes: usize) -> Option<usize> {
    (full_bytes(rows) > memory_bytes as u64).then_some(FIRST_RANK)
}

/// Bytes of the Gram matrix's eigendecomposition: itself, its vectors twice, the rows, and the
/// eigensolver's own two; a search for η* needs less.
pub(crate) fn full_bytes(rows: usize) -> u64 {
    8 * 6 * (rows as u64).pow(2)
}

/// Bytes of a Krylov basis of the Gram matrix and of factors of rank r.
pub(crate) fn bytes(rows: usize, rank: usize) -> usize {
    8 * (2 * rank + 50) * rows + 8 * 3 * rank * rows + 8 * 21 * rank * rank
}

/// The factors at the point: of full rank, or in the `rank` leading directions.
pub(crate) fn factors(
    point: &mut dyn TrainedPoint,
    rank: Option<usize>,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<ExampleFactors, Error> {
    let shape = point.shape();
    let (n, k, rows) = (shape.units, shape.outputs, shape.rows());
    let Some(rank) = rank.filter(|rank| *rank < rows) else {
        let mut gram = vec![0.0; rows * rows];
        point.gram(&mut gram)?;
        watch.check()?;
        return Ok(ExampleFactors::from_gram(n, k, &gram)?);
    };
    let mut blocks = vec![0.0; rows * k];
    point.blocks(&mut blocks)?;
    let parameters = LanczosParameters {
        tolerance: DIRECTION_TOLERANCE,
        relative_floor: DIRECTION_FLOOR,
        max_products: 10 * rank,
        max_basis: 2 * rank + 50,
        least_basis: rank + rank / 2,
        // A direction that one Krylov sequence misses has the weight of a multiple eigenvalue's
        // second copy, and a second sequence would double the time.
        confirmation: Confirmation::None,
        seed: budget.seed,
        ..LanczosParameters::new(SpectrumEnd::Largest, rank)
    };
    let mut show = |at: &LanczosProgress| watch.measuring(shown(Quantity::LeadingDirections, at));
    let mut operator = GramOperator::new(point);
    let spectrum = lanczos(&mut operator, &parameters, None, &mut show)?;
    watch.stage_ended()?;
    if spectrum.stop == SolverStop::Interrupted {
        return Err(Error::Interrupted);
    }
    let positive: Vec<_> = spectrum.pairs.iter().take_while(|pair| pair.value > 0.0).collect();
    let curvatures: Vec<f64> = positive.iter().map(|pair| pair.value).collect();
    let left: Vec<f64> = positive.iter().flat_map(|pair| pair.vector.iter().copied()).collect();
    // The bound holds for directions that were found; a pair that was not says nothing of those
    // behind it.
    let found = spectrum.stop == SolverStop::Converged && spectrum.pairs.len() == rank;
    let tail = match spectrum.pairs.last() {
        Some(last) if found => {
            let largest = largest_left_out(&mut operator, &left, budget.seed, watch)?;
            (last.value.max(0.0) + last.residual).max(largest)
        }
        _ => f64::INFINITY,
    };
    Ok(ExampleFactors::from_leading_eigenvectors((n, k), &curvatures, &left, &blocks, tail)?)
}

/// The largest eigenvalue outside the directions found, with its residual: whether one was missed, so
/// that the bound of what is left out does not rest on the one Krylov sequence that found them.
fn largest_left_out(
    operator: &mut dyn SymmetricOperator,
    found: &[f64],
    seed: u64,
    watch: &mut Watch<'_>,
) -> Result<f64, Error> {
    let parameters = LanczosParameters {
        tolerance: LEFT_OUT_TOLERANCE,
        max_products: 100,
        max_basis: 60,
        // Another start than the directions had.
        seed: !seed,
        ..LanczosParameters::new(SpectrumEnd::Largest, 1)
    };
    let outside = vec![0.0; operator.dimension()];
    let mut left_out = Outside { operator, found, outside };
    let mut show = |_: &LanczosProgress| match watch.check() {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let spectrum = lanczos(&mut left_out, &parameters, None, &mut show)?;
    if spectrum.stop == SolverStop::Interrupted {
        return Err(Error::Interrupted);
    }
    Ok(spectrum.pairs.first().map_or(0.0, |pair| pair.value.max(0.0) + pair.residual))
}

/// (I − VVᵀ)A(I − VVᵀ), V the orthonormal columns `found`, one after the other.
struct Outside<'a> {
    operator: &'a mut dyn SymmetricOperator,
    found: &'a [f64],
    /// (I − VVᵀ)x of the product at hand.
    outside: Vec<f64>,
}

/// x ← (I − VVᵀ)x.
fn project(found: &[f64], x: &mut [f64]) {
    for v in found.chunks_exact(x.len()) {
        let along: f64 = v.iter().zip(&*x).map(|(a, b)| a * b).sum();
        x.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
    }
}

impl SymmetricOperator for Outside<'_> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.outside.copy_from_slice(x);
        project(self.found, &mut self.outside);
        self.operator.apply(&self.outside, y)?;
        project(self.found, y);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minimascope_linop::DenseSymmetric;

    use super::*;
    use crate::watch::unwatched;

    /// Curvatures 1/j with the first three found: what is left out is at most 1/4; and with the
    /// third missed, the bound is that of the third.
    #[test]
    fn what_was_missed_is_seen() {
        let size = 400;
        let values: Vec<f64> = (0..size).map(|j| 1.0 / f64::from(j + 1)).collect();
        let mut operator = DenseSymmetric::diagonal(&values);
        for (found, largest) in [(vec![0, 1, 2], 0.25), (vec![0, 1, 3], 1.0 / 3.0)] {
            let mut columns = vec![0.0; found.len() * values.len()];
            for (column, j) in columns.chunks_exact_mut(values.len()).zip(&found) {
                column[*j] = 1.0;
            }
            let bound =
                unwatched(|watch| largest_left_out(&mut operator, &columns, 0, watch)).unwrap();
            assert!(bound >= largest && bound < 1.1 * largest, "{bound} for {largest}");
        }
    }
}
