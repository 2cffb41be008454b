//! Sharpness, non-uniformity and more of the spectrum of a point.

use minimascope_curvature::{Coupling, Matrix, PointFacts, ProductCost, TrainedPoint};
use minimascope_record::measured::Measured;
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
    let product_cost = point.cost(Matrix::Hessian);
    Ok(Measurement { facts, sharpness, non_uniformity, spectrum: more, product_cost })
}

/// Loss, gradient norm and accuracy of a point with a finite loss.
pub(crate) fn facts(point: &mut dyn TrainedPoint) -> Result<PointFacts, Error> {
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
