//! The configuration of one run.

use std::path::PathBuf;

use clap::Args;
use minimascope_experiment::config::assignment::Assignment;
use minimascope_experiment::config::sources::{Configured, Sources};

use crate::exit::Failure;

/// A configuration and what is changed in it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Configuration {
    /// A run preset (fashion-mnist-fnn, cifar10-vgg, fashion-mnist-fnn-corrupted) or a TOML file.
    #[arg(value_name = "PRESET|FILE.toml")]
    pub(crate) source: String,
    /// Values over those of the preset or file, such as train.learning_rate=0.5.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<Assignment>,
    /// A folder to look for data in first; as data.folder=DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

impl Configuration {
    /// The preset or file with the assignments over it.
    pub(crate) fn read(&self) -> Result<Configured, Failure> {
        let mut sources = Sources::open(&self.source)?;
        for assignment in &self.assignments {
            sources.assign(assignment.clone());
        }
        if let Some(folder) = &self.data_dir {
            sources.assign_path("data.folder", folder);
        }
        Ok(sources.complete()?)
    }
}
