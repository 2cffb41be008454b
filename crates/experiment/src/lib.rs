//! Configuration as written → checked plan → run → records. Only a checked plan runs; a run's
//! folder is complete once its `outcome.json` is there.
//!
//! The path of one run: [`config::sources::Sources`] → [`plan::Plan`] → [`run::run`] →
//! [`minimascope_record::run::RunSummary`].

pub mod config;
pub mod escape;
pub mod folder;
pub mod machine;
pub mod measure;
pub mod plan;
pub mod presets;
pub mod progress;
pub mod run;
pub mod stability;
pub mod stored_runs;
pub mod sweep;
pub mod target;

pub mod error;
mod loaded_plan;

pub use error::Error;
