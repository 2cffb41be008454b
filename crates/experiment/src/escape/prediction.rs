//! How fast the linearised dynamics depart in the long run.

use minimascope_record::escape::PredictedGrowth;
use minimascope_stability::criteria::almost_sure::affordable_ensemble;
use minimascope_stability::mean_square::growth;
use minimascope_stability::simulation::{Dynamics, Ensemble, lyapunov_exponent};
use minimascope_stability::{Batching, ExampleFactors, LearningRate, MeanEstimate, Momentum};

use crate::Error;
use crate::stability::RunMinimum;

/// More of them can only raise the factor of the mean square, and cost a time ∝ r²; `docs/escape.md`
/// says what they cost the study's networks, and the record says of each launch what half did.
const DIRECTIONS: usize = 400;
/// Relative residual of the growth factor; its own error is of the order of its square.
const TOLERANCE: f64 = 1e-3;

impl RunMinimum<'_, '_> {
    /// ρ(Q) of independent batches and e^{2γ} of these, at (η, B) in leading directions.
    pub(super) fn predicted_growth(
        &self,
        batching: &Batching,
        learning_rate: LearningRate,
    ) -> Result<PredictedGrowth, Error> {
        let factors = self.minimum.factors().truncated(DIRECTIONS);
        let directions = factors.rank();
        let mean_square = growth(&factors, batching, learning_rate, TOLERANCE)?.factor;
        let half = factors.truncated(directions.div_ceil(2));
        let mean_square_in_half = growth(&half, batching, learning_rate, TOLERANCE)?.factor;
        let found = |typical, typical_standard_error| PredictedGrowth {
            directions,
            mean_square,
            mean_square_in_half,
            typical,
            typical_standard_error,
        };
        if batching.noise() == 0.0 {
            return Ok(found(Some(mean_square), Some(0.0)));
        }
        let typical = typical_growth(&factors, batching, learning_rate)?;
        let (value, standard_error) =
            (typical.map(|at| at.value), typical.map(|at| at.standard_error));
        Ok(found(value, standard_error))
    }
}

/// The e^{2γ} that a record holds.
pub(super) fn typical_of(growth: &PredictedGrowth) -> Option<MeanEstimate> {
    let (value, standard_error) = growth.typical.zip(growth.typical_standard_error)?;
    Some(MeanEstimate { value, standard_error })
}

/// e^{2γ} of these batches, in leading directions; `None` where the simulation would take too
/// long.
pub(super) fn typical_growth(
    factors: &ExampleFactors,
    batching: &Batching,
    learning_rate: LearningRate,
) -> Result<Option<MeanEstimate>, Error> {
    let (n, size) = (batching.examples(), batching.batch_size());
    let factors = factors.truncated(DIRECTIONS);
    let shape = (factors.outputs(), factors.rank());
    let Some(ensemble) = affordable_ensemble(batching, shape) else { return Ok(None) };
    let ensemble = whole_epochs(ensemble, n.div_ceil(size));
    let dynamics = Dynamics { batching: *batching, learning_rate, momentum: Momentum::NONE };
    let warm_up = ensemble.steps / 10;
    let exponent = lyapunov_exponent(&factors, &dynamics, &ensemble, warm_up)?;
    let value = (2.0 * exponent.value).exp();
    Ok(Some(MeanEstimate { value, standard_error: 2.0 * value * exponent.standard_error }))
}

/// A number of steps that holds each position of an epoch equally often, if there is one epoch: the
/// steps of a reshuffled one are not alike.
fn whole_epochs(ensemble: Ensemble, epoch: usize) -> Ensemble {
    let over = if ensemble.steps >= epoch { ensemble.steps % epoch } else { 0 };
    Ensemble { steps: ensemble.steps - over, ..ensemble }
}
