//! The plan of a sweep and its store.

use std::path::PathBuf;

use clap::Args;
use minimascope_experiment::sweep::axes::SweptAssignment;

use crate::output::ResultFormat;

/// A plan of runs and the store that keeps them.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlanPlace {
    /// A sweep or run preset (paper, fashion-mnist-fnn, …), or a TOML file of a sweep or a run.
    #[arg(value_name = "PLAN|PRESET|FILE.toml", required = true)]
    pub(crate) source: Option<String>,
    /// Values over those of the plan; several with commas between them are an axis:
    /// train.learning_rate=0.05,0.1,0.5.
    #[arg(value_name = "KEY=VALUE,…")]
    pub(crate) assignments: Vec<SweptAssignment>,
    /// A folder to look for data in first; as data.folder=DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The folder that holds run folders.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) format: ResultFormat,
}
