//! More of the Hessian's spectrum than its largest eigenvalue.

use std::ops::ControlFlow;

use minimascope_curvature::Hessian;
use minimascope_linop::{DensityParameters, hutch_plus_plus, spectral_density};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::measured::{Density, Estimate};
use minimascope_record::run::Spectrum;

use crate::Error;
use crate::measure::{Instruments, stop_if};
use crate::progress::{Event, MeasureProgress, Quantity};

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

/// Products of a trace: 40 for the outliers, which a trained network has K to K² of, 20 for the
/// bulk and its standard error.
const TRACE_PRODUCTS: usize = 60;

impl Instruments<'_> {
    /// `None` when interrupted.
    pub(super) fn more<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
        more: &MoreSpectrum,
    ) -> Result<Option<Spectrum>, Error> {
        let mut spectrum = Spectrum::default();
        let seed = self.seed;
        let mut hessian = Hessian::new(evaluator);
        if more.top > 0 {
            let Some(top) = self.top(Quantity::TopEigenvalues, &mut hessian, more.top)? else {
                return Ok(None);
            };
            spectrum.top = top;
        }
        if more.density {
            let parameters = DensityParameters { seed, ..DensityParameters::new() };
            let mut show = |products| self.counted(Quantity::Density, products);
            let found = spectral_density(&mut hessian, &parameters, &mut show)?;
            let Some(found) = found else { return Ok(None) };
            spectrum.density = Some(Density {
                eigenvalues: found.grid,
                density: found.density,
                standard_error: found.standard_error,
                width: found.width,
                probes: found.probes.len(),
                products: found.products,
            });
        }
        if more.trace {
            let mut show = |products| self.counted(Quantity::Trace, products);
            let found = hutch_plus_plus(&mut hessian, TRACE_PRODUCTS, seed, &mut show)?;
            let Some(found) = found else { return Ok(None) };
            spectrum.trace = Some(Estimate {
                value: found.value,
                standard_error: found.standard_error,
                products: found.products,
            });
        }
        self.progress.event(Event::StageEnded);
        Ok(stop_if(self.interrupt).is_continue().then_some(spectrum))
    }

    /// Shows that so many products are done; breaks when interrupted.
    fn counted(&mut self, quantity: Quantity, products: usize) -> ControlFlow<()> {
        self.progress.event(Event::Measuring(MeasureProgress {
            quantity,
            products,
            value: f64::NAN,
            relative_residual: f64::NAN,
        }));
        stop_if(self.interrupt)
    }
}
