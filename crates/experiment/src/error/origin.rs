//! Where a value of a configuration comes from.

use std::path::PathBuf;

use derive_more::Display;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Display)]
pub enum ValueOrigin {
    /// The schema's default.
    #[display("default")]
    Default,
    /// A run preset.
    #[display("preset {_0}")]
    Preset(String),
    /// A file.
    #[display("{}", _0.display())]
    File(PathBuf),
    /// `key=value`.
    #[display("command line")]
    CommandLine,
}
