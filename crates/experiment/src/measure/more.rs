//! More of the Hessian's spectrum than its largest eigenvalue.

use minimascope_curvature::Hessian;
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::run::Spectrum;

use crate::Error;
use crate::measure::Instruments;
use crate::progress::Quantity;

/// What is asked for besides sharpness and non-uniformity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MoreSpectrum {
    /// So many of the largest eigenvalues.
    pub top: usize,
    /// The density of all eigenvalues.
    pub density: bool,
    /// The trace.
    pub trace: bool,
}

impl Instruments<'_> {
    /// `None` when interrupted.
    pub(super) fn more<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
        more: &MoreSpectrum,
    ) -> Result<Option<Spectrum>, Error> {
        let mut spectrum = Spectrum::default();
        if more.top > 0 {
            let top = self.top(Quantity::TopEigenvalues, &mut Hessian::new(evaluator), more.top)?;
            let Some(top) = top else { return Ok(None) };
            spectrum.top = top;
        }
        Ok(Some(spectrum))
    }
}
