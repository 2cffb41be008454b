//! The per-example factors of a trained network, in full or in leading directions.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use minimascope_curvature::factors::{GramOperator, factor_blocks, gram_matrix};
use minimascope_linop::{
    Confirmation, End, LanczosParameters, Progress as LanczosProgress, Stop, SymmetricOperator,
    lanczos,
};
use minimascope_net::{Evaluator, Scalar};
use minimascope_stability::ExampleFactors;

use crate::Error;
use crate::measure::{Instruments, stop_if};
use crate::progress::{Event, MeasureProgress, Quantity};

/// Residuals of the directions, relative to the larger of the eigenvalue and
/// [`DIRECTION_FLOOR`] ‖H‖: at most 1e-4 ‖H‖ for the small ones, which move η* least. A residual ρ
/// moves an eigenvalue by ρ²/gap. A tenth of this took half as many products again.
const DIRECTION_TOLERANCE: f64 = 1e-2;
/// See [`DIRECTION_TOLERANCE`].
const DIRECTION_FLOOR: f64 = 1e-2;

/// How many directions of n·K output coordinates are asked for first; `None` for all, where the
/// memory allows it: then nothing is left out, and the bracket closes.
pub(super) fn first_rank(coordinates: usize, memory_bytes: usize) -> Option<usize> {
    (full_bytes(coordinates) > memory_bytes as u64).then_some(FIRST_RANK)
}

/// Bytes of the Gram matrix's eigendecomposition: itself, its vectors twice, the rows, and the
/// eigensolver's own two; a search for η* needs less.
pub(super) fn full_bytes(coordinates: usize) -> u64 {
    8 * 6 * (coordinates as u64).pow(2)
}

/// 400 directions gave η* of the study's networks to half a percent, and the search compares them
/// with 200.
const FIRST_RANK: usize = 400;

impl Instruments<'_> {
    /// The factors at the evaluator's point: all directions, or the `rank` leading ones; `None`
    /// when interrupted.
    pub(super) fn factors<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
        rank: Option<usize>,
    ) -> Result<Option<ExampleFactors>, Error> {
        let (n, k) = (evaluator.examples().len(), evaluator.network().outputs());
        let Some(rank) = rank.filter(|rank| *rank < n * k) else {
            let gram = gram_matrix(evaluator);
            return Ok(Some(ExampleFactors::from_gram(n, k, &gram)?));
        };
        let blocks = factor_blocks(evaluator);
        let parameters = LanczosParameters {
            tolerance: DIRECTION_TOLERANCE,
            relative_floor: DIRECTION_FLOOR,
            max_products: 10 * rank,
            max_basis: 2 * rank + 50,
            least_basis: rank + rank / 2,
            // A direction that one Krylov sequence misses has the weight of a multiple eigenvalue's
            // second copy, and a second sequence would double the time.
            confirmation: Confirmation::None,
            seed: self.seed,
            ..LanczosParameters::new(End::Largest, rank)
        };
        let (progress, interrupt) = (&mut *self.progress, self.interrupt);
        let mut show = |at: &LanczosProgress| -> ControlFlow<()> {
            progress.event(Event::Measuring(MeasureProgress {
                quantity: Quantity::Directions,
                products: at.products,
                value: at.value,
                relative_residual: at.relative_residual,
            }));
            stop_if(interrupt)
        };
        let mut operator = GramOperator::new(evaluator);
        let spectrum = lanczos(&mut operator, &parameters, None, &mut show)?;
        progress.event(Event::StageEnded);
        if spectrum.stop == Stop::Interrupted {
            return Ok(None);
        }
        let positive: Vec<_> = spectrum.pairs.iter().take_while(|pair| pair.value > 0.0).collect();
        let curvatures: Vec<f64> = positive.iter().map(|pair| pair.value).collect();
        let left: Vec<f64> = positive.iter().flat_map(|pair| pair.vector.iter().copied()).collect();
        // The bound holds for directions that were found; a pair that was not says nothing of those
        // behind it.
        let found = spectrum.stop == Stop::Converged && spectrum.pairs.len() == rank;
        let tail = match spectrum.pairs.last() {
            Some(last) if found => {
                let left_out = LeftOut { operator: &mut operator, found: &left };
                let Some(largest) = largest_left_out(left_out, self.seed, self.interrupt)? else {
                    return Ok(None);
                };
                (last.value.max(0.0) + last.residual).max(largest)
            }
            _ => f64::INFINITY,
        };
        Ok(Some(ExampleFactors::from_leading_modes((n, k), &curvatures, &left, &blocks, tail)?))
    }
}

/// Residual, relative to the value, at which the largest curvature left out is known well enough.
const LEFT_OUT_TOLERANCE: f64 = 5e-2;

/// The largest eigenvalue outside the directions found, with its residual: whether one was missed, so
/// that the bound of what is left out does not rest on the one Krylov sequence that found them.
/// `None` when interrupted.
fn largest_left_out<O: SymmetricOperator>(
    mut left_out: LeftOut<'_, O>,
    seed: u64,
    interrupt: &AtomicBool,
) -> Result<Option<f64>, Error> {
    let parameters = LanczosParameters {
        tolerance: LEFT_OUT_TOLERANCE,
        max_products: 100,
        max_basis: 60,
        // Another start than the directions had.
        seed: !seed,
        ..LanczosParameters::new(End::Largest, 1)
    };
    let spectrum = lanczos(&mut left_out, &parameters, None, &mut |_| stop_if(interrupt))?;
    if spectrum.stop == Stop::Interrupted {
        return Ok(None);
    }
    Ok(Some(spectrum.pairs.first().map_or(0.0, |pair| pair.value.max(0.0) + pair.residual)))
}

/// (I − VVᵀ)A(I − VVᵀ), V the orthonormal columns `found`, one after the other.
struct LeftOut<'a, O> {
    operator: &'a mut O,
    found: &'a [f64],
}

impl<O: SymmetricOperator> LeftOut<'_, O> {
    fn project(&self, x: &mut [f64]) {
        for v in self.found.chunks_exact(x.len()) {
            let along: f64 = v.iter().zip(&*x).map(|(a, b)| a * b).sum();
            x.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
        }
    }
}

impl<O: SymmetricOperator> SymmetricOperator for LeftOut<'_, O> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let mut outside = x.to_vec();
        self.project(&mut outside);
        self.operator.apply(&outside, y);
        self.project(y);
    }
}

#[cfg(test)]
mod tests {
    use minimascope_linop::{DenseSymmetric, Mat};

    use super::*;

    /// Curvatures 1/j with the first three found: what is left out is at most 1/4; and with the
    /// third missed, the bound is that of the third.
    #[test]
    fn what_was_missed_is_seen() {
        let size = 400;
        let curvature = |i: usize, j: usize| if i == j { 1.0 / (j + 1) as f64 } else { 0.0 };
        let matrix = Mat::from_fn(size, size, curvature);
        let mut operator = DenseSymmetric::new(matrix.as_ref()).unwrap();
        for (found, largest) in [(vec![0, 1, 2], 0.25), (vec![0, 1, 3], 1.0 / 3.0)] {
            let mut columns = vec![0.0; found.len() * size];
            for (column, j) in columns.chunks_exact_mut(size).zip(&found) {
                column[*j] = 1.0;
            }
            let left_out = LeftOut { operator: &mut operator, found: &columns };
            let bound = largest_left_out(left_out, 0, &AtomicBool::new(false)).unwrap().unwrap();
            assert!(bound >= largest && bound < 1.1 * largest, "{bound} for {largest}");
        }
    }
}
