//! The per-example factors of a trained network, in full or in leading directions.

use std::ops::ControlFlow;

use minimascope_curvature::factors::{GramOperator, factor_blocks, gram_matrix};
use minimascope_linop::{
    Confirmation, End, LanczosParameters, Progress as LanczosProgress, Stop, lanczos,
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
            Some(last) if found => last.value.max(0.0) + last.residual,
            _ => f64::INFINITY,
        };
        Ok(Some(ExampleFactors::from_leading_modes((n, k), &curvatures, &left, &blocks, tail)?))
    }
}
