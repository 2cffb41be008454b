//! What a long job says while it works. It changes nothing.

use std::path::Path;

use minimascope_record::trace::CurvatureLine;

use crate::plan::Plan;

/// Something worth showing.
#[derive(Debug)]
pub enum Event<'a> {
    /// A run begins, or goes on from a step.
    Started {
        /// What runs.
        plan: &'a Plan,
        /// Where its files go.
        folder: &'a Path,
        /// Steps taken before.
        from_step: u64,
        /// Bytes that training and measuring will hold at most.
        memory: usize,
        /// Threads.
        threads: usize,
    },
    /// The run was finished before; nothing is computed.
    AlreadyFinished {
        /// Where its files are.
        folder: &'a Path,
    },
    /// Training goes on; a few times a second.
    Step(StepProgress),
    /// Loss, accuracy or curvature of the whole sets was recorded.
    Observed(&'a CurvatureLine),
    /// A checkpoint stands on disk.
    Saved {
        /// Its step.
        step: u64,
    },
    /// A launch from a minimum begins, or the first launch of a grid's cell.
    Launching {
        /// Which, from 1.
        number: u64,
        /// Of how many.
        of: u64,
        /// η.
        learning_rate: f64,
        /// B.
        batch_size: usize,
    },
    /// A measurement goes on.
    Measuring(MeasureProgress),
    /// A stage ended; what shows it can go.
    StageEnded,
}

/// Where training stands.
#[derive(Clone, Copy, Debug)]
pub struct StepProgress {
    /// Steps taken.
    pub step: u64,
    /// The most there can be.
    pub max_steps: u64,
    /// Exponential average of the batch loss.
    pub average_loss: f64,
    /// Of the training set, a fraction; measured every few seconds.
    pub train_accuracy: Option<f64>,
    /// Of late.
    pub steps_per_second: f64,
    /// Until the stop rule holds, if the loss goes on falling at its rate, or until the last step.
    pub remaining_seconds: Option<f64>,
}

/// Where a measurement stands.
#[derive(Clone, Copy, Debug)]
pub struct MeasureProgress {
    /// What is measured.
    pub quantity: Quantity,
    /// Operator products so far, or steps of a launch.
    pub products: usize,
    /// The estimate so far.
    pub value: f64,
    /// Its estimated relative residual.
    pub relative_residual: f64,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// λ_max(H).
    Sharpness,
    /// √λ_max(Σ).
    NonUniformity,
    /// The largest eigenvalues of H.
    TopEigenvalues,
    /// The density of the eigenvalues of H.
    Density,
    /// tr H.
    Trace,
    /// λ_min(H).
    SmallestEigenvalue,
    /// The leading directions of the examples' factors.
    Directions,
    /// η*.
    CriticalLearningRate,
    /// The almost-sure threshold; a product is a simulated exponent.
    AlmostSureLearningRate,
    /// The largest λ_max(H_B) of some batches; a product is a batch.
    WorstBatch,
    /// E\[gᵀH_Bg/‖g‖²\].
    BatchSharpness,
    /// Steps of a launch of the linearised dynamics.
    LinearisedLaunch,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Sharpness => "sharpness",
            Self::NonUniformity => "non-uniformity",
            Self::TopEigenvalues => "top eigenvalues",
            Self::Density => "spectral density",
            Self::Trace => "trace",
            Self::SmallestEigenvalue => "smallest eigenvalue",
            Self::Directions => "leading directions",
            Self::CriticalLearningRate => "critical learning rate",
            Self::AlmostSureLearningRate => "almost-sure learning rate",
            Self::WorstBatch => "sharpest batch",
            Self::BatchSharpness => "batch sharpness",
            Self::LinearisedLaunch => "linearised launches",
        })
    }
}

/// Whoever shows events.
pub trait Progress {
    /// Shows one.
    fn event(&mut self, event: Event<'_>);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&mut self, _: Event<'_>) {}
}
