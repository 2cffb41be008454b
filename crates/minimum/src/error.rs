//! What can go wrong, with the facts in the variant.

use minimascope_curvature::{PointShape, ProductFailure};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Stopped by the interrupt flag. Nothing is lost that was saved before.
    #[error("interrupted")]
    Interrupted,
    /// The loss at the point is NaN or infinite.
    #[error("the loss at the point is {0}: the run diverged, choose an earlier checkpoint")]
    NotFinite(f64),
    /// H_i does not exist for a single unit.
    #[error(
        "{0} needs the Hessian of single examples, and here every example depends on its whole batch \
         (batch norm in training mode): freeze the statistics, or ask for the sharpness alone"
    )]
    Coupled(&'static str),
    /// A verdict was asked for without the threshold it rests on.
    #[error("the thresholds given lack the exact one (mean-square), on which a verdict rests")]
    NoExactThreshold,
    /// What is known of one point was asked of another.
    #[error(
        "what is known is of a point with P = {}, n = {}, K = {}, and the one given has P = {}, n = {}, \
         K = {}: measure that point",
        measured.parameters, measured.units, measured.outputs,
        found.parameters, found.units, found.outputs
    )]
    OtherPoint {
        /// The sizes that were measured.
        measured: PointShape,
        /// The sizes of the point given.
        found: PointShape,
    },
    /// The point could not compute something.
    #[error("{0}")]
    Point(ProductFailure),
    /// A spectrum could not be found.
    #[error(transparent)]
    Spectrum(minimascope_linop::Error),
    /// The theory refused a question.
    #[error(transparent)]
    Stability(minimascope_stability::Error),
}

impl Error {
    /// Whether a product with a matrix of the point was not finite: the point has a loss, but its
    /// curvature is beyond the range of its passes.
    pub fn is_overflow(&self) -> bool {
        use minimascope_linop::Error as Spectrum;
        matches!(self, Self::Spectrum(Spectrum::NotFinite { .. } | Spectrum::Overflow { .. }))
    }
}

impl From<ProductFailure> for Error {
    fn from(failure: ProductFailure) -> Self {
        Self::Point(failure)
    }
}

impl From<minimascope_linop::Error> for Error {
    fn from(error: minimascope_linop::Error) -> Self {
        match error {
            minimascope_linop::Error::Product(failure) => Self::Point(failure),
            other => Self::Spectrum(other),
        }
    }
}

impl From<minimascope_stability::Error> for Error {
    fn from(error: minimascope_stability::Error) -> Self {
        match error {
            minimascope_stability::Error::Operator(error) => error.into(),
            other => Self::Stability(other),
        }
    }
}
