//! Where a sweep stands while it runs, for whoever shows it.

use minimascope_record::run::RunSummary;

use crate::progress::{MeasureProgress, StepProgress};

/// The counts of a sweep, its running runs, and the time that is left.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Runs with a result, from before too.
    pub finished: usize,
    /// Runs that an error ended, from before too.
    pub failed: usize,
    /// Runs that another process works on.
    pub busy: usize,
    /// Runs that wait.
    pub waiting: usize,
    /// What each worker does.
    pub workers: Vec<Option<Running>>,
    /// By the estimates, of the runs that wait, on one worker.
    waiting_seconds: f64,
}

/// A run at work.
#[derive(Clone, Debug)]
pub struct Running {
    /// The values in which it differs from others.
    pub title: String,
    /// The last thing it said.
    pub at: RunPhase,
    estimate: f64,
}

/// What a run does.
#[derive(Clone, Copy, Debug)]
pub enum RunPhase {
    /// It begins.
    Start,
    /// It trains.
    Step(StepProgress),
    /// It measures.
    Measuring(MeasureProgress),
}

/// Something that stays on the screen.
#[derive(Debug)]
pub enum News {
    /// A run has its result.
    Finished {
        /// Which.
        title: String,
        /// The result.
        summary: Box<RunSummary>,
    },
    /// An error ended a run.
    Failed {
        /// Which.
        title: String,
        /// The error.
        error: String,
    },
    /// Another process works on a run.
    Busy {
        /// Which.
        title: String,
    },
}

/// Whoever shows a sweep.
pub trait SweepProgress {
    /// The board changed.
    fn changed(&mut self, board: &Board, news: Option<&News>);
}

impl Board {
    /// All runs.
    pub fn total(&self) -> usize {
        self.finished + self.failed + self.busy + self.waiting + self.running().count()
    }

    /// The runs at work.
    pub fn running(&self) -> impl Iterator<Item = &Running> {
        self.workers.iter().flatten()
    }

    /// By the pace of the runs at work and the estimates of the others, on all workers.
    pub fn remaining_seconds(&self) -> f64 {
        let of = |run: &Running| match run.at {
            RunPhase::Start => run.estimate,
            RunPhase::Step(at) => at.remaining_seconds.unwrap_or(run.estimate),
            RunPhase::Measuring(_) => 0.0,
        };
        let running: Vec<f64> = self.running().map(of).collect();
        let longest = running.iter().copied().fold(0.0, f64::max);
        let all = running.iter().sum::<f64>() + self.waiting_seconds;
        longest.max(all / self.workers.len().max(1) as f64)
    }

    pub(super) fn begin(&mut self, workers: usize, waiting: &[f64]) {
        self.workers = vec![None; workers];
        self.waiting = waiting.len();
        self.waiting_seconds = waiting.iter().sum();
    }

    pub(super) fn begun(&mut self, worker: usize, title: String, estimate: f64) {
        self.waiting -= 1;
        self.waiting_seconds -= estimate;
        self.workers[worker] = Some(Running { title, at: RunPhase::Start, estimate });
    }

    pub(super) fn at(&mut self, worker: usize, at: RunPhase) {
        if let Some(running) = &mut self.workers[worker] {
            running.at = at;
        }
    }

    /// Frees a worker: the title of what it did.
    pub(super) fn ended(&mut self, worker: usize) -> String {
        self.workers[worker].take().map_or_else(String::new, |running| running.title)
    }
}
