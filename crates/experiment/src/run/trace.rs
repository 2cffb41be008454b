//! A file of JSON lines that grows.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::Error;
use crate::folder::{RunFolder, TraceLine};

pub(super) struct Trace {
    file: BufWriter<File>,
    path: PathBuf,
    last_step: u64,
}

impl Trace {
    /// Keeps the lines until `from_step`; what an interrupted start wrote after its last
    /// checkpoint will be written again.
    pub(super) fn open(folder: &RunFolder, name: &str, from_step: u64) -> Result<Self, Error> {
        let kept = folder.lines_until(name, from_step)?;
        let last = kept.last().and_then(|line| serde_json::from_str::<TraceLine>(line).ok());
        let last_step = last.map_or(0, |at| at.step);
        let mut lines = kept.join("\n");
        if !lines.is_empty() {
            lines.push('\n');
        }
        folder.write(name, lines.as_bytes())?;
        let path = folder.file(name);
        let file = File::options()
            .append(true)
            .open(&path)
            .map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(Self { file: BufWriter::new(file), path, last_step })
    }

    pub(super) fn write(&mut self, step: u64, line: &impl Serialize) -> Result<(), Error> {
        self.last_step = step;
        let mut text = serde_json::to_string(line).expect("a line is JSON");
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// The step of the last line, 0 without any.
    pub(super) fn last_step(&self) -> u64 {
        self.last_step
    }

    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_data())
            .map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}
