//! The file that runs this program, for the scripts that start it again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static NAMED: OnceLock<PathBuf> = OnceLock::new();

/// Remembers the name that the program was started by. Under another executable, as in the command of the
/// Python package, only a whole path tells which file starts the program again.
pub(crate) fn started_as(name: &Path) {
    if name.is_absolute() {
        let _ = NAMED.set(name.to_owned());
    }
}

/// The file.
pub(crate) fn path() -> io::Result<PathBuf> {
    NAMED.get().map_or_else(std::env::current_exe, |path| Ok(path.clone()))
}
