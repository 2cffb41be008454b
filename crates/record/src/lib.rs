//! The serialised schema of configurations and results, versioned. A leaf: it knows nothing of
//! how a number is computed, and every other crate may use its types.
//!
//! Configurations: [`config::RunConfig`] with [`dataset`], [`architecture`] and [`training`].
//! Results: [`run::RunSummary`] and the lines of a run's traces, each with [`measured`] numbers;
//! [`stored_run::StoredRun`] holds all records of one run.
//! Every object that stands alone carries [`SCHEMA_VERSION`].

pub mod architecture;
pub mod batch_size;
pub mod bytes;
pub mod config;
pub mod dataset;
pub mod escape;
pub mod listing;
pub mod measured;
pub mod outcome;
pub mod point;
pub mod reproduction;
pub mod run;
pub mod stability;
pub mod stored_run;
pub mod sweep;
pub mod threshold;
pub mod trace;
pub mod training;
pub mod unique_keys;
pub mod versions;

/// The version of every record described here. It rises when a field changes its meaning, its unit
/// or its type, or goes; a new optional field leaves it as it is. [`versions`] reads earlier ones.
pub const SCHEMA_VERSION: u32 = 2;
