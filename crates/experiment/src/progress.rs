//! What a long job says while it works. It changes nothing.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use minimascope_curvature::ProductCost;
use minimascope_minimum::{Measuring, Watch};
use minimascope_record::trace::CurvatureLine;

pub use minimascope_minimum::{MeasureProgress, Quantity};

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
    /// What one product with H costs at the point that was measured.
    ProductCost(ProductCost),
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

/// Does `work` with a watch that passes on to `progress`.
pub(crate) fn watching<R>(
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
    work: impl FnOnce(&mut Watch<'_>) -> R,
) -> R {
    let mut show = |measuring| {
        progress.event(match measuring {
            Measuring::At(at) => Event::Measuring(at),
            Measuring::StageEnded => Event::StageEnded,
        });
    };
    work(&mut Watch::new(&mut show, interrupt))
}
