//! Full Hessians of single examples and of batches.

use minimascope_curvature::Hessian;
use minimascope_linop::{End, LanczosParameters, SymmetricOperator, lanczos};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::measured::Estimate;
use minimascope_record::stability as record;
use minimascope_stability::criteria::batch_sharpness::StoppingRule;
use minimascope_stability::criteria::batch_sharpness::{BatchSharpness, Progress as Go};
use minimascope_stability::simulation::BatchSampler;
use minimascope_stability::{self as theory, Batching};

use super::Minimum;
use super::answers::Watch;
use crate::Error;
use crate::measure::Instruments;
use crate::problem::Problem;
use crate::progress::{Event, MeasureProgress, Quantity};

/// Examples whose full Hessians are looked at: so many of the largest Gauss–Newton curvature, where
/// the positive end is longest, and so many of the largest loss, where the residuals that make a
/// Hessian differ from its Gauss–Newton part, and negative ends with it, are largest.
const EXAMPLES: usize = 4;
/// Both ends of an H_i, relative to the larger.
const TOLERANCE: f64 = 1e-2;

impl Instruments<'_> {
    /// The ends of the H_i of a few examples, chosen by their `sharpnesses` and their losses.
    pub(super) fn example_ends<T: Scalar>(
        &self,
        problem: &Problem<'_, T>,
        parameters: &[T],
        sharpnesses: &[f64],
    ) -> Result<record::ExampleCurvatures, Error> {
        let sharpest = largest_of(sharpnesses);
        let worst_fitted = largest_of(&problem.on_train().example_losses(parameters));
        let (of_largest_curvature, of_largest_loss) = (sharpest.len(), worst_fitted.len());
        let mut order = [sharpest, worst_fitted].concat();
        order.sort_unstable();
        order.dedup();
        let (mut smallest, mut largest) = (f64::INFINITY, f64::NEG_INFINITY);
        for example in &order {
            at_examples(problem, parameters, &[*example], |evaluator| {
                let parameters = LanczosParameters {
                    tolerance: TOLERANCE,
                    relative_floor: 1.0,
                    max_products: self.settings.max_products,
                    seed: self.seed,
                    ..LanczosParameters::new(End::Both, 1)
                };
                let spectrum = lanczos(
                    &mut Hessian::new(evaluator),
                    &parameters,
                    None,
                    &mut minimascope_linop::silent,
                )?;
                for pair in &spectrum.pairs {
                    smallest = smallest.min(pair.value);
                    largest = largest.max(pair.value);
                }
                Ok(())
            })?;
        }
        let examples = order.len();
        Ok(record::ExampleCurvatures {
            examples,
            of_largest_curvature,
            of_largest_loss,
            smallest,
            largest,
        })
    }
}

impl Minimum<'_> {
    /// The curvature along SGD's own steps at the minimum, to 2 % or 2,000 batches.
    pub(super) fn batch_sharpness(
        &self,
        batching: &Batching,
        watch: &mut Watch<'_>,
    ) -> Result<Option<record::BatchSharpness>, Error> {
        if self.is_double_precision() {
            self.batch_sharpness_in::<f64>(batching, watch)
        } else {
            self.batch_sharpness_in::<f32>(batching, watch)
        }
    }

    fn batch_sharpness_in<T: Scalar>(
        &self,
        batching: &Batching,
        watch: &mut Watch<'_>,
    ) -> Result<Option<record::BatchSharpness>, Error> {
        let (parameters, problem) = self.start::<T>()?;
        let mut sampler = BatchSampler::new(*batching, self.plan().config().train.seed);
        // Without noise every batch is the first.
        let fewest = if batching.noise() == 0.0 { 2 } else { StoppingRule::default().fewest };
        let mut estimator = BatchSharpness::new(StoppingRule { fewest, ..StoppingRule::default() });
        let go = loop {
            let batch = sampler.next_batch().to_vec();
            let (curvature, squared_norm) =
                at_examples(&problem, &parameters, &batch, |evaluator| {
                    let gradient: Vec<f64> =
                        evaluator.gradient().iter().map(|g| g.to_f64()).collect();
                    let mut product = vec![0.0; gradient.len()];
                    Hessian::new(evaluator).apply(&gradient, &mut product);
                    let dot = |x: &[f64]| x.iter().zip(&gradient).map(|(x, g)| x * g).sum::<f64>();
                    Ok((dot(&product), dot(&gradient)))
                })?;
            let go = estimator.add(curvature, squared_norm)?;
            let now = estimator.mean_of_ratios();
            watch.progress.event(Event::Measuring(MeasureProgress {
                quantity: Quantity::BatchSharpness,
                products: estimator.batches(),
                value: now.value,
                relative_residual: now.standard_error / now.value.abs(),
            }));
            if watch.is_interrupted() {
                return Ok(None);
            }
            if go != Go::Continue {
                break go;
            }
        };
        let products = estimator.batches();
        let estimate = |found: theory::Estimate| {
            let theory::Estimate { value, standard_error } = found;
            (value.is_finite() && standard_error.is_finite()).then_some(Estimate {
                value,
                standard_error,
                products,
            })
        };
        Ok(Some(record::BatchSharpness {
            batch_size: batching.batch_size(),
            mean_of_ratios: estimate(estimator.mean_of_ratios()),
            ratio_of_means: estimate(estimator.ratio_of_means()),
            converged: go == Go::Converged,
        }))
    }
}

/// The examples of the largest values, the largest first.
fn largest_of(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order.truncate(EXAMPLES);
    order
}

/// Does `work` with the objective of some examples alone, at θ.
fn at_examples<T: Scalar, R>(
    problem: &Problem<'_, T>,
    parameters: &[T],
    examples: &[usize],
    work: impl FnOnce(&mut Evaluator<'_, T>) -> Result<R, Error>,
) -> Result<R, Error> {
    let config = problem.plan.config();
    let chosen = problem.train.select(examples);
    let (network, decay) = (problem.plan.network(), config.train.weight_decay);
    let mut evaluator = Evaluator::new(network, config.loss, decay, &chosen, &problem.execution)?;
    evaluator.set_point(parameters)?;
    work(&mut evaluator)
}
