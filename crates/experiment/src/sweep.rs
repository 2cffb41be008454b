//! Many runs: a plan of them, a store that keeps each once, and the machines that work on it.
//!
//! [`plan::SweepPlan`] says which runs there are, [`store::Store`] what became of them;
//! [`pool::sweep`] works on them on this machine, [`slurm::PreparedLaunch`] hands them to a cluster.

pub mod axes;
pub mod board;
pub mod collect;
pub mod estimate;
pub mod file;
pub mod plan;
pub mod pool;
pub mod shard;
pub mod slurm;
pub mod status;
pub mod store;
pub mod titles;
