//! Where a value of a configuration comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// The schema's default.
    Default,
    /// A run preset.
    Preset(String),
    /// A file.
    File(PathBuf),
    /// `key=value`.
    CommandLine,
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Preset(name) => write!(formatter, "preset {name}"),
            Self::File(path) => path.display().fmt(formatter),
            Self::CommandLine => formatter.write_str("command line"),
        }
    }
}
