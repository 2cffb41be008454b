//! What can be wrong with a sweep, as facts.

use std::path::PathBuf;

use super::ValueOrigin;

/// Why a sweep did not happen, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// An axis that is no list, has no values, or not as many as its neighbours.
    #[error("{key} ({origin}): {reason}")]
    Axis {
        /// The key with the kind of axis before it.
        key: String,
        /// What is wrong.
        reason: String,
        /// Who wrote it.
        origin: ValueOrigin,
    },
    /// More combinations of the axes than are planned.
    #[error("it names {number} runs, the most is {most}")]
    TooManyRuns {
        /// All combinations.
        number: f64,
        /// The most that are planned.
        most: usize,
    },
    /// Two workers finished one run with different numbers.
    #[error(
        "run {run} is not deterministic: {} and {} are one run with different numbers",
        ours.display(),
        theirs.display()
    )]
    NotDeterministic {
        /// Its id.
        run: String,
        /// Where the result that came later is kept.
        ours: PathBuf,
        /// The result in the store.
        theirs: PathBuf,
    },
    /// A program of Slurm that is not here.
    #[error("{0} is not on this machine")]
    NoSlurm(&'static str),
    /// A command of Slurm that did not answer; what it was to do may be done.
    #[error("`{command}` gave no answer within {seconds} s")]
    NoAnswer {
        /// As it was called.
        command: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A command of Slurm that failed.
    #[error("`{command}` failed: {reason}")]
    Slurm {
        /// As it was called.
        command: String,
        /// What it said.
        reason: String,
    },
    /// A command of Slurm that said what is not understood; what it was to do may be done.
    #[error("`{command}` said `{said}` and not {wanted}")]
    Unexpected {
        /// The command.
        command: &'static str,
        /// The line that is not understood.
        said: String,
        /// What it should have said.
        wanted: &'static str,
    },
    /// A store with launches, and a queue that could not be read: what waits there is not known.
    #[error("Slurm's queue cannot be read, so that what is in it might be submitted twice: {0}")]
    UnknownQueue(String),
    /// A plan of which a part is in the queue already.
    #[error("{0} runs of this plan are in Slurm's queue already")]
    AlreadyQueued(usize),
    /// Nothing to cancel.
    #[error("no job of this store waits or runs")]
    NothingQueued,
}

/// Whether `sbatch` refused an array because it is too large, for the cluster or for the user.
fn is_of_size(reason: &str) -> bool {
    ["job array", "submit limit"].iter().any(|words| reason.contains(words))
}

/// An error shows at most so many characters of what a command said.
const MOST_SHOWN: usize = 80;

impl SweepError {
    pub(crate) fn unexpected(command: &'static str, said: &str, wanted: &'static str) -> Self {
        let said = said.trim().chars().take(MOST_SHOWN).collect();
        Self::Unexpected { command, said, wanted }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Axis { .. } => {
                "write a list of values for each axis; lists under zip are equally long"
            }
            Self::TooManyRuns { .. } => "write shorter axes, or several sweeps",
            Self::NotDeterministic { .. } => {
                "compare outcome.json and provenance.json of both: other processors may round \
                 otherwise, the same processor never does; this is an error of the program or of \
                 the machine"
            }
            Self::NoSlurm(_) => {
                "call this on a machine that submits to Slurm, or leave out --engine"
            }
            Self::Slurm { reason, .. } if is_of_size(reason) => {
                "write a smaller max_tasks under [slurm] of the sweep file, or more --task-minutes; \
                 `scontrol show config` has the cluster's MaxArraySize"
            }
            Self::Slurm { .. } => "try the command by hand; `sinfo` says who answers",
            Self::UnknownQueue(_) => {
                "nothing was submitted; call this again when `squeue --me` answers"
            }
            Self::NoAnswer { .. } | Self::Unexpected { .. } => {
                "it may have arrived all the same: look with `squeue --me`, and `scancel` what is \
                 there twice before it is called again"
            }
            Self::AlreadyQueued(_) => "`minimascope sweep launch --missing` submits the others",
            Self::NothingQueued => "`squeue --me` lists what Slurm knows",
        };
        Some(text.to_owned())
    }

    /// Whether the cause is in what the user wrote or gave, rather than in the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Axis { .. }
            | Self::TooManyRuns { .. }
            | Self::AlreadyQueued(..)
            | Self::NothingQueued => true,
            Self::NotDeterministic { .. }
            | Self::NoSlurm(..)
            | Self::NoAnswer { .. }
            | Self::Slurm { .. }
            | Self::Unexpected { .. }
            | Self::UnknownQueue(..) => false,
        }
    }
}
