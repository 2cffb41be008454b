//! A sweep as one array of Slurm jobs. Nothing is asked of Slurm but `sbatch`, `squeue`, `scancel`
//! and, in the script, `scontrol requeue`; each has a time limit.

mod client;
mod launch;
mod queue;
pub mod script;

pub use launch::{PreparedLaunch, cancel, job_of, launches};
pub use queue::{Queue, ask, overlay};
