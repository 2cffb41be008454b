//! Full Hessians of single examples and of batches.

use std::ops::ControlFlow;

use minimascope_curvature::{Matrix, PointOperator, TrainedPoint};
use minimascope_linop::{
    LanczosParameters, LanczosProgress, ProductFailure, SpectrumEnd, lanczos, vectors::dot,
};
use minimascope_record::measured::{Estimate, finite};
use minimascope_record::stability::{BatchSharpness, ExampleCurvatures};
use minimascope_stability::criteria::batch_sharpness::{
    BatchSharpnessEstimator, Sampled, StoppingRule,
};
use minimascope_stability::simulation::BatchSampler;
use minimascope_stability::{Batching, MeanEstimate};

use crate::watch::{MeasureProgress, Quantity, Watch};
use crate::{Budget, Error};

/// Examples whose full Hessians are looked at: so many of the largest Gauss–Newton curvature, where
/// the positive end is longest, and so many of the largest loss, where the residuals that make a
/// Hessian differ from its Gauss–Newton part, and negative ends with it, are largest.
const EXAMPLES: usize = 4;
/// Both ends of an H_i, relative to the larger.
const TOLERANCE: f64 = 1e-2;

/// The ends of the H_i of a few examples, chosen by their `sharpnesses` and their losses.
pub(crate) fn example_ends(
    point: &mut dyn TrainedPoint,
    sharpnesses: &[f64],
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<ExampleCurvatures, Error> {
    let mut losses = vec![0.0; sharpnesses.len()];
    point.unit_losses(&mut losses)?;
    let (sharpest, worst_fitted) = (largest_of(sharpnesses), largest_of(&losses));
    let (of_largest_curvature, of_largest_loss) = (sharpest.len(), worst_fitted.len());
    let mut order = [sharpest, worst_fitted].concat();
    order.sort_unstable();
    order.dedup();
    let parameters = LanczosParameters {
        tolerance: TOLERANCE,
        relative_floor: 1.0,
        max_products: budget.max_products,
        seed: budget.seed,
        ..LanczosParameters::new(SpectrumEnd::Both, 1)
    };
    let mut found = ExampleCurvatures {
        examples: order.len(),
        of_largest_curvature,
        of_largest_loss,
        smallest: f64::INFINITY,
        largest: f64::NEG_INFINITY,
        residual: Some(0.0),
        converged: Some(true),
    };
    for (done, example) in order.iter().enumerate() {
        if watch.counted(Quantity::ExampleEnds, done).is_break() {
            return Err(Error::Interrupted);
        }
        let mut go_on = |_: &LanczosProgress| match watch.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let mut result = None;
        point.at_units(&[*example], &mut |single| {
            let operator = &mut PointOperator::new(single, Matrix::Hessian);
            result = Some(lanczos(operator, &parameters, None, &mut go_on));
            Ok(())
        })?;
        // Here, so that an error of the solver is none of the point, and the point's keeps its type.
        let Some(spectrum) = result.transpose()? else { continue };
        watch.check()?;
        for pair in &spectrum.pairs {
            found.smallest = found.smallest.min(pair.value);
            found.largest = found.largest.max(pair.value);
            found.residual = found.residual.map(|residual| residual.max(pair.residual));
        }
        found.converged = found.converged.map(|all| all && spectrum.converged());
    }
    watch.stage_ended()?;
    Ok(found)
}

/// The curvature along SGD's own steps at the point, to 2 % or 2,000 batches.
pub(crate) fn batch_sharpness(
    point: &mut dyn TrainedPoint,
    batching: &Batching,
    seed: u64,
    watch: &mut Watch<'_>,
) -> Result<BatchSharpness, Error> {
    let mut sampler = BatchSampler::new(*batching, seed);
    // Without noise all batches are equal, so two are enough.
    let fewest = if batching.noise() == 0.0 { 2 } else { StoppingRule::default().fewest };
    let rule = StoppingRule { fewest, ..StoppingRule::default() };
    let mut estimator = BatchSharpnessEstimator::new(rule);
    let parameters = point.shape().parameters;
    let (mut gradient, mut product) = (vec![0.0; parameters], vec![0.0; parameters]);
    let end = loop {
        let batch = sampler.next_batch().to_vec();
        let mut at_batch = |part: &mut dyn TrainedPoint| -> Result<(), ProductFailure> {
            part.gradient(&mut gradient)?;
            part.product(Matrix::Hessian, &gradient, &mut product)
        };
        point.at_units(&batch, &mut at_batch)?;
        let sampled = estimator.add(dot(&product, &gradient), dot(&gradient, &gradient))?;
        let now = estimator.mean_of_ratios();
        let at = MeasureProgress {
            quantity: Quantity::BatchSharpness,
            products: estimator.batches(),
            value: finite(now.value),
            relative_residual: finite(now.standard_error / now.value.abs()),
        };
        if watch.measuring(at).is_break() {
            return Err(Error::Interrupted);
        }
        if sampled != Sampled::Continue {
            break sampled;
        }
    };
    watch.stage_ended()?;
    let products = estimator.batches();
    let estimate = |found: MeanEstimate| {
        let MeanEstimate { value, standard_error } = found;
        (value.is_finite() && standard_error.is_finite()).then_some(Estimate {
            value,
            standard_error,
            products,
        })
    };
    Ok(BatchSharpness {
        batch_size: batching.batch_size(),
        mean_of_ratios: estimate(estimator.mean_of_ratios()),
        ratio_of_means: estimate(estimator.ratio_of_means()),
        converged: end == Sampled::Converged,
    })
}

/// The examples of the largest values, the largest first.
fn largest_of(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order.truncate(EXAMPLES);
    order
}
