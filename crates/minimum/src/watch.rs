//! Progress sink and interrupt flag.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use derive_more::Display;

use crate::Error;

/// What a measurement says while it works. It changes nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measuring {
    /// It goes on.
    At(MeasureProgress),
    /// A stage ended; what shows it can go.
    StageEnded,
}

/// Where a measurement stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasureProgress {
    /// What is measured.
    pub quantity: Quantity,
    /// Operator products, batches or simulations so far.
    pub products: usize,
    /// The estimate so far, where there is one.
    pub value: Option<f64>,
    /// Its estimated relative residual or standard error, where there is one.
    pub relative_residual: Option<f64>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
pub enum Quantity {
    /// λ_max(H).
    #[display("sharpness")]
    Sharpness,
    /// √λ_max(Σ).
    #[display("non-uniformity")]
    NonUniformity,
    /// The largest eigenvalues of H.
    #[display("top eigenvalues")]
    TopEigenvalues,
    /// The density of the eigenvalues of H.
    #[display("spectral density")]
    Density,
    /// tr H.
    #[display("trace")]
    Trace,
    /// λ_min(H).
    #[display("smallest eigenvalue")]
    SmallestEigenvalue,
    /// The ends of the spectra of single examples' Hessians; a product is an example.
    #[display("single examples")]
    ExampleEnds,
    /// The leading directions of the square-root factors.
    #[display("leading directions")]
    LeadingDirections,
    /// A threshold, by what its search is called.
    #[display("{_0}")]
    Threshold(&'static str),
    /// η* without so many examples.
    #[display("critical learning rate without {_0} examples")]
    CriticalOfRest(usize),
    /// s without so many examples.
    #[display("non-uniformity without {_0} examples")]
    NonUniformityOfRest(usize),
    /// E\[gᵀH_Bg/‖g‖²\]; a product is a batch.
    #[display("batch sharpness")]
    BatchSharpness,
    /// Launches of the linearised dynamics; a product is a launch.
    #[display("linearised launches")]
    LinearisedLaunch,
}

/// Progress sink and interrupt flag.
pub struct Watch<'a> {
    progress: &'a mut dyn FnMut(Measuring),
    interrupt: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// `progress` is told what happens; once `interrupt` is set, the work ends with
    /// [`Error::Interrupted`] after the product at hand, or after the Gram matrix or its blocks.
    pub fn new(progress: &'a mut dyn FnMut(Measuring), interrupt: &'a AtomicBool) -> Self {
        Self { progress, interrupt }
    }

    /// The interrupt flag, for work on several threads.
    pub fn interrupt(&self) -> &'a AtomicBool {
        self.interrupt
    }

    /// Tells where a measurement stands; breaks once the interrupt flag is set.
    pub fn measuring(&mut self, at: MeasureProgress) -> ControlFlow<()> {
        (self.progress)(Measuring::At(at));
        if self.is_interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// As [`Watch::measuring`], of something that is only counted.
    pub fn counted(&mut self, quantity: Quantity, products: usize) -> ControlFlow<()> {
        self.measuring(MeasureProgress { quantity, products, value: None, relative_residual: None })
    }

    /// Tells that a stage ended.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once the interrupt flag is set.
    pub fn stage_ended(&mut self) -> Result<(), Error> {
        (self.progress)(Measuring::StageEnded);
        self.check()
    }

    /// # Errors
    /// [`Error::Interrupted`] once the interrupt flag is set.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_interrupted() { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// Does `work` with a watch that shows nothing and never interrupts.
pub(crate) fn unwatched<R>(work: impl FnOnce(&mut Watch<'_>) -> R) -> R {
    let never = AtomicBool::new(false);
    work(&mut Watch::new(&mut |_| (), &never))
}
