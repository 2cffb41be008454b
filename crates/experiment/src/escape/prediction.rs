//! How fast the linearised dynamics depart.

use minimascope_record::escape::PredictedGrowth;
use minimascope_stability::mean_square::growth;
use minimascope_stability::simulation::{Dynamics, lyapunov_exponent};
use minimascope_stability::{Batching, LearningRate, Momentum};

use crate::Error;
use crate::stability::{Minimum, ensemble};

/// What grows first lives in the leading directions; more of them can only raise the factor.
const DIRECTIONS: usize = 200;
/// Relative residual of the growth factor; its own error is of the order of its square.
const TOLERANCE: f64 = 1e-3;

impl Minimum<'_> {
    /// ρ(Q) and e^{2γ} at (η, B) in leading directions.
    pub(super) fn predicted_growth(
        &self,
        batching: &Batching,
        learning_rate: LearningRate,
    ) -> Result<PredictedGrowth, Error> {
        let factors = self.factors.truncated(DIRECTIONS);
        let mean_square = growth(&factors, batching, learning_rate, TOLERANCE)?.factor;
        if batching.noise() == 0.0 {
            let (typical, error) = (Some(mean_square), Some(0.0));
            return Ok(PredictedGrowth { mean_square, typical, typical_standard_error: error });
        }
        let shape = (factors.outputs(), factors.rank());
        let typical = match ensemble(batching, shape) {
            Some(ensemble) => {
                let dynamics =
                    Dynamics { batching: *batching, learning_rate, momentum: Momentum::NONE };
                let warm_up = ensemble.steps / 10;
                Some(lyapunov_exponent(&factors, &dynamics, &ensemble, warm_up)?)
            }
            None => None,
        };
        let factor = typical.map(|exponent| (2.0 * exponent.value).exp());
        let error = typical.zip(factor).map(|(at, factor)| 2.0 * factor * at.standard_error);
        Ok(PredictedGrowth { mean_square, typical: factor, typical_standard_error: error })
    }
}
