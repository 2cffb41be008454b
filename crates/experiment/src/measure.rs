//! Sharpness, non-uniformity and more of the spectrum at one point.

mod more;
pub(crate) mod point;
pub mod target;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_curvature::{Hessian, Variance};
use minimascope_linop::{
    EigenPair, End, LanczosParameters, Progress as LanczosProgress, Stop, SymmetricOperator,
    lanczos,
};
use minimascope_net::{Evaluator, Scalar};
use minimascope_record::config::MeasureConfig;
use minimascope_record::measured::Measured;

use crate::Error;
use crate::progress::{Event, MeasureProgress, Progress, Quantity};

pub use more::MoreSpectrum;

/// What a measurement needs besides the point.
pub(crate) struct Instruments<'a> {
    pub(crate) settings: MeasureConfig,
    /// Of the first probe vector.
    pub(crate) seed: u64,
    pub(crate) progress: &'a mut dyn Progress,
    pub(crate) interrupt: &'a AtomicBool,
}

impl Instruments<'_> {
    /// a = λ_max(H); `None` when interrupted.
    pub(crate) fn sharpness<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
    ) -> Result<Option<Measured>, Error> {
        let top = self.top(Quantity::Sharpness, &mut Hessian::new(evaluator), 1)?;
        Ok(top.and_then(|pairs| pairs.first().copied()))
    }

    /// s = √λ_max(Σ), with the residual of Σ's eigenpair; `None` when interrupted.
    pub(crate) fn non_uniformity<T: Scalar>(
        &mut self,
        evaluator: &mut Evaluator<'_, T>,
    ) -> Result<Option<Measured>, Error> {
        let top = self.top(Quantity::NonUniformity, &mut Variance::new(evaluator), 1)?;
        Ok(top.and_then(|pairs| pairs.first().map(|largest| largest.square_root())))
    }

    /// The largest `count` eigenvalues, largest first; `None` when interrupted.
    pub(crate) fn top<O: SymmetricOperator>(
        &mut self,
        quantity: Quantity,
        operator: &mut O,
        count: usize,
    ) -> Result<Option<Vec<Measured>>, Error> {
        let parameters = LanczosParameters {
            tolerance: self.settings.tolerance,
            max_products: self.settings.max_products,
            seed: self.seed,
            ..LanczosParameters::new(End::Largest, count.min(operator.dimension()))
        };
        let (progress, interrupt) = (&mut *self.progress, self.interrupt);
        let mut show = |at: &LanczosProgress| {
            progress.event(Event::Measuring(MeasureProgress {
                quantity,
                products: at.products,
                value: shown(quantity, at.value),
                relative_residual: at.relative_residual,
            }));
            stop_if(interrupt)
        };
        let spectrum = lanczos(operator, &parameters, None, &mut show)?;
        progress.event(Event::StageEnded);
        if spectrum.stop == Stop::Interrupted {
            return Ok(None);
        }
        let products = spectrum.products;
        let measured = |pair: &EigenPair| Measured {
            value: pair.value,
            residual: pair.residual,
            relative_residual: pair.relative_residual,
            converged: pair.converged,
            products,
        };
        Ok(Some(spectrum.pairs.iter().map(measured).collect()))
    }
}

pub(crate) fn stop_if(interrupt: &AtomicBool) -> ControlFlow<()> {
    if interrupt.load(Ordering::Relaxed) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// The estimate of λ_max(Σ) is shown as the non-uniformity it gives.
fn shown(quantity: Quantity, value: f64) -> f64 {
    if quantity == Quantity::NonUniformity { value.max(0.0).sqrt() } else { value }
}
