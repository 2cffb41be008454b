//! Sharpness, non-uniformity and more of the spectrum of a point.

use minimascope_curvature::{Coupling, Matrix, PointFacts, PointShape, ProductCost, TrainedPoint};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::measured::{Measured, finite};
use minimascope_record::point::{PointSummary, Unanswered};
use minimascope_record::run::Spectrum;

use crate::spectrum;
use crate::watch::Watch;
use crate::{Budget, Error};

/// What is asked of a point's spectrum besides sharpness and non-uniformity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpectrumQuestion {
    /// So many of the largest eigenvalues.
    pub top: usize,
    /// The density of all eigenvalues.
    pub density: bool,
    /// The trace.
    pub trace: bool,
}

/// A point, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Loss, gradient norm and accuracy.
    pub facts: PointFacts,
    /// a = λ_max(H); `None` where a product overflows.
    pub sharpness: Option<Measured>,
    /// s = √λ_max(Σ); `None` where single units have no Hessian, and where a product overflows.
    pub non_uniformity: Option<Measured>,
    /// What was asked for besides, without what overflows.
    pub spectrum: Spectrum,
    /// What one product with H costs.
    pub product_cost: ProductCost,
}

/// The curvature of a point, measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredCurvature {
    /// As [`Measurement::sharpness`].
    pub sharpness: Option<Measured>,
    /// As [`Measurement::non_uniformity`].
    pub non_uniformity: Option<Measured>,
    /// As [`Measurement::spectrum`].
    pub spectrum: Spectrum,
}

/// Measures a point. A product that overflows is no error: a point of a run that diverges can have a
/// finite loss and a curvature beyond the range of its passes.
///
/// # Errors
/// [`Error::NotFinite`] without a finite loss; [`Error::Interrupted`], [`Error::Point`],
/// [`Error::Spectrum`].
pub fn measure(
    point: &mut dyn TrainedPoint,
    question: &SpectrumQuestion,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Measurement, Error> {
    let facts = facts(point)?;
    let MeasuredCurvature { sharpness, non_uniformity, spectrum } =
        measure_curvature(point, question, budget, watch)?;
    let product_cost = point.cost(Matrix::Hessian);
    Ok(Measurement { facts, sharpness, non_uniformity, spectrum, product_cost })
}

/// As [`measure`], of a point whose loss is not known or not asked for.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::Point`], [`Error::Spectrum`].
pub fn measure_curvature(
    point: &mut dyn TrainedPoint,
    question: &SpectrumQuestion,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<MeasuredCurvature, Error> {
    let sharpness = in_range(spectrum::sharpness(point, budget, watch))?;
    let non_uniformity = match point.coupling() {
        Coupling::None => in_range(spectrum::non_uniformity(point, budget, watch))?,
        Coupling::WholeBatch => None,
    };
    let mut more = Spectrum::default();
    if question.top > 0 {
        let top = spectrum::top(point, question.top, budget, watch);
        more.top = in_range(top)?.unwrap_or_default();
    }
    if question.density {
        more.density = in_range(spectrum::density(point, budget, watch))?;
    }
    if question.trace {
        more.trace = in_range(spectrum::trace(point, budget, watch))?;
    }
    Ok(MeasuredCurvature { sharpness, non_uniformity, spectrum: more })
}

/// The record of a point that no run found. What is missing has its reason there.
pub fn summary(
    point: &dyn TrainedPoint,
    facts: Option<PointFacts>,
    curvature: MeasuredCurvature,
) -> PointSummary {
    let PointShape { parameters, units, outputs } = point.shape();
    let overflow = "a product overflows there: the parameters have left the range of the passes; measure \
                    an earlier point, or in f64";
    let coupled = Error::Coupled("it").to_string();
    let mut unanswered = Vec::new();
    let mut missing = |quantity: &str, is_missing: bool, reason: &str| {
        if is_missing {
            let (quantity, reason) = (quantity.to_owned(), reason.to_owned());
            unanswered.push(Unanswered { quantity, reason });
        }
    };
    missing("sharpness", curvature.sharpness.is_none(), overflow);
    let reason = match point.coupling() {
        Coupling::None => overflow,
        Coupling::WholeBatch => &coupled,
    };
    missing("non_uniformity", curvature.non_uniformity.is_none(), reason);
    PointSummary {
        schema_version: SCHEMA_VERSION,
        parameters,
        train_examples: Some(units),
        outputs: Some(outputs),
        weight_decay: point.weight_decay(),
        train_loss: facts.and_then(|facts| finite(facts.loss)),
        gradient_norm: facts.and_then(|facts| finite(facts.gradient_norm)),
        train_accuracy: facts.and_then(|facts| facts.accuracy),
        sharpness: curvature.sharpness,
        non_uniformity: curvature.non_uniformity,
        spectrum: Some(curvature.spectrum).filter(|spectrum| *spectrum != Spectrum::default()),
        unanswered,
    }
}

/// Loss, gradient norm and accuracy of a point with a finite loss.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Point`].
pub fn facts(point: &mut dyn TrainedPoint) -> Result<PointFacts, Error> {
    let facts = point.facts()?;
    if facts.loss.is_finite() { Ok(facts) } else { Err(Error::NotFinite(facts.loss)) }
}

/// `None` for what overflows.
fn in_range<R>(found: Result<R, Error>) -> Result<Option<R>, Error> {
    match found {
        Err(error) if error.is_overflow() => Ok(None),
        other => other.map(Some),
    }
}
