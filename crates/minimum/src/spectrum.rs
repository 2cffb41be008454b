//! Eigenvalues of a trained point, each with its true residual.

use minimascope_curvature::{Coupling, Matrix, PointOperator, TrainedPoint};
use minimascope_linop::{
    DensityParameters, EigenPair, LanczosParameters, LanczosProgress, SolverStop, SpectrumEnd,
    SymmetricOperator, ZERO_ROUNDINGS, hutch_plus_plus, lanczos, spectral_density,
};
use minimascope_record::measured::{Density, Estimate, Measured, finite};

use crate::watch::{MeasureProgress, Quantity, Watch};
use crate::{Budget, Error};

/// λ_min(H) is known to this share of λ_max(H): a tenth of what deserves a note.
const SMALLEST_TOLERANCE: f64 = 1e-3;
/// A norm that only sets the scale of rounding.
const ROUGHLY: f64 = 1e-1;
/// Products of a trace: 40 for the outliers, which a trained network has K to K² of, 20 for the
/// bulk and its standard error.
const TRACE_PRODUCTS: usize = 60;

/// a = λ_max(H).
///
/// # Errors
/// [`Error::Interrupted`], [`Error::Point`], [`Error::Spectrum`].
pub fn sharpness(
    point: &mut dyn TrainedPoint,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Measured, Error> {
    first(Quantity::Sharpness, point, Matrix::Hessian, budget, watch)
}

/// s = √λ_max(Σ), with the residual of Σ's eigenpair.
///
/// # Errors
/// [`Error::Coupled`], [`Error::Interrupted`], [`Error::Point`], [`Error::Spectrum`].
pub fn non_uniformity(
    point: &mut dyn TrainedPoint,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Measured, Error> {
    refuse_coupled(point, "the non-uniformity")?;
    let largest = first(Quantity::NonUniformity, point, Matrix::Variance, budget, watch)?;
    if largest.converged {
        return Ok(largest.square_root());
    }
    // A product with Σ rounds with mean H_i² and H², whose difference it is, and not with itself:
    // where all H_i are equal, it is rounding alone.
    let operator = &mut PointOperator::new(point, Matrix::SecondMoment);
    let zero = 2.0 * ZERO_ROUNDINGS * operator.rounding();
    let parameters = LanczosParameters { tolerance: ROUGHLY, ..budget.largest(1) };
    let scale = eigenvalues(Quantity::NonUniformity, operator, &parameters, watch)?.swap_remove(0);
    let products = largest.products + scale.products;
    if largest.value.abs().max(largest.residual) <= zero * scale.value {
        let (value, relative_residual, converged) = (0.0, 0.0, true);
        return Ok(Measured { value, relative_residual, converged, products, ..largest });
    }
    Ok(Measured { products, ..largest.square_root() })
}

/// Refuses what needs single units at a point that has none.
pub(crate) fn refuse_coupled(point: &dyn TrainedPoint, what: &'static str) -> Result<(), Error> {
    match point.coupling() {
        Coupling::None => Ok(()),
        Coupling::WholeBatch => Err(Error::Coupled(what)),
    }
}

fn first(
    quantity: Quantity,
    point: &mut dyn TrainedPoint,
    matrix: Matrix,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Measured, Error> {
    let operator = &mut PointOperator::new(point, matrix);
    let parameters = budget.largest(1);
    let mut found = eigenvalues(quantity, operator, &parameters, watch)?;
    Ok(found.swap_remove(0))
}

/// The `count` largest eigenvalues of H, largest first.
pub(crate) fn top(
    point: &mut dyn TrainedPoint,
    count: usize,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Vec<Measured>, Error> {
    let count = count.min(point.shape().parameters);
    let operator = &mut PointOperator::new(point, Matrix::Hessian);
    eigenvalues(Quantity::TopEigenvalues, operator, &budget.largest(count), watch)
}

/// λ_min(H), its relative residual against ‖H‖.
pub(crate) fn smallest(
    point: &mut dyn TrainedPoint,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Measured, Error> {
    let operator = &mut PointOperator::new(point, Matrix::Hessian);
    let parameters = LanczosParameters {
        tolerance: SMALLEST_TOLERANCE,
        relative_floor: 1.0,
        max_products: budget.max_products,
        seed: budget.seed,
        ..LanczosParameters::new(SpectrumEnd::Smallest, 1)
    };
    let mut found = eigenvalues(Quantity::SmallestEigenvalue, operator, &parameters, watch)?;
    Ok(found.swap_remove(0))
}

/// Eigenvalues by Lanczos as records hold them; at least one.
pub(crate) fn eigenvalues(
    quantity: Quantity,
    operator: &mut dyn SymmetricOperator,
    parameters: &LanczosParameters,
    watch: &mut Watch<'_>,
) -> Result<Vec<Measured>, Error> {
    let mut show = |at: &LanczosProgress| watch.measuring(shown(quantity, at));
    let spectrum = lanczos(operator, parameters, None, &mut show)?;
    watch.stage_ended()?;
    if spectrum.stop == SolverStop::Interrupted {
        return Err(Error::Interrupted);
    }
    let products = spectrum.products;
    let measured = |pair: &EigenPair| Measured {
        value: pair.value,
        residual: pair.residual,
        relative_residual: pair.relative_residual,
        converged: pair.converged,
        products,
    };
    Ok(spectrum.pairs.iter().map(measured).collect())
}

/// What to show of an eigensolver's progress. λ_max(Σ) is shown as the non-uniformity it gives.
pub(crate) fn shown(quantity: Quantity, at: &LanczosProgress) -> MeasureProgress {
    let value = match quantity {
        Quantity::NonUniformity => at.value.max(0.0).sqrt(),
        _ => at.value,
    };
    MeasureProgress {
        quantity,
        products: at.products,
        value: finite(value),
        relative_residual: finite(at.relative_residual),
    }
}

/// The density of all eigenvalues of H.
pub(crate) fn density(
    point: &mut dyn TrainedPoint,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Density, Error> {
    let parameters = DensityParameters { seed: budget.seed, ..DensityParameters::new() };
    let mut show = |products| watch.counted(Quantity::Density, products);
    let operator = &mut PointOperator::new(point, Matrix::Hessian);
    let found = spectral_density(operator, &parameters, &mut show)?.ok_or(Error::Interrupted)?;
    watch.stage_ended()?;
    Ok(Density {
        eigenvalues: found.grid,
        density: found.density,
        standard_error: found.standard_error,
        width: found.width,
        probes: found.probes.len(),
        products: found.products,
    })
}

/// tr H.
pub(crate) fn trace(
    point: &mut dyn TrainedPoint,
    budget: &Budget,
    watch: &mut Watch<'_>,
) -> Result<Estimate, Error> {
    let mut show = |products| watch.counted(Quantity::Trace, products);
    let operator = &mut PointOperator::new(point, Matrix::Hessian);
    let found = hutch_plus_plus(operator, TRACE_PRODUCTS, budget.seed, &mut show)?;
    let found = found.ok_or(Error::Interrupted)?;
    watch.stage_ended()?;
    let (value, standard_error, products) = (found.value, found.standard_error, found.products);
    Ok(Estimate { value, standard_error, products })
}

impl Budget {
    /// Of the `count` largest eigenvalues.
    fn largest(&self, count: usize) -> LanczosParameters {
        LanczosParameters {
            tolerance: self.tolerance,
            max_products: self.max_products,
            seed: self.seed,
            ..LanczosParameters::new(SpectrumEnd::Largest, count)
        }
    }
}
