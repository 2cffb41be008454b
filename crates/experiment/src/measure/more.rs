//! More of the Hessian's spectrum than its largest eigenvalue.

use minimascope_curvature::Hessian;
use minimascope_linop::{DensityParameters, SymmetricOperator, hutch_plus_plus, spectral_density};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::measured::{Density, Estimate};
use minimascope_record::run::Spectrum;

use crate::Error;
use crate::measure::{Instruments, stop_if};
use crate::progress::{Event, MeasureProgress, Progress, Quantity};

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
            let mut shown = self.shown(Quantity::Density, &mut hessian);
            let found = spectral_density(&mut shown, &parameters)?;
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
            let mut shown = self.shown(Quantity::Trace, &mut hessian);
            let found = hutch_plus_plus(&mut shown, TRACE_PRODUCTS, seed)?;
            spectrum.trace = Some(Estimate {
                value: found.value,
                standard_error: found.standard_error,
                products: found.products,
            });
        }
        self.progress.event(Event::StageEnded);
        Ok(stop_if(self.interrupt).is_continue().then_some(spectrum))
    }

    fn shown<'s, O>(&'s mut self, quantity: Quantity, operator: &'s mut O) -> Shown<'s, O> {
        Shown { operator, progress: &mut *self.progress, quantity, products: 0 }
    }
}

/// An operator whose products are counted where people see it.
struct Shown<'s, O> {
    operator: &'s mut O,
    progress: &'s mut dyn Progress,
    quantity: Quantity,
    products: usize,
}

impl<O: SymmetricOperator> SymmetricOperator for Shown<'_, O> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        self.operator.apply(x, y);
        self.products += 1;
        self.progress.event(Event::Measuring(MeasureProgress {
            quantity: self.quantity,
            products: self.products,
            value: f64::NAN,
            relative_residual: f64::NAN,
        }));
    }
}
