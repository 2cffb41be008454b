//! A run's folder. A file appears in it whole or not at all: it is written under a temporary name,
//! synced and renamed.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use minimascope_record::config::RunConfig;
use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;
use minimascope_record::{unique_keys, versions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;
use crate::config::number::{NumberFault, becomes_zero};

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// The configuration, complete.
pub const CONFIG: &str = "config.toml";
/// Where the numbers come from.
pub const PROVENANCE: &str = "provenance.json";
/// Batch losses.
pub const STEPS: &str = "steps.jsonl";
/// Losses and accuracies of the whole sets, and curvature, while training.
pub const CURVATURE: &str = "curvature.jsonl";
/// The state of training.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The parameters at the end of training.
pub const FINAL: &str = "final.safetensors";
/// How training ended. Once it is there, only the measurement is left.
pub const TRAINED: &str = "trained.json";
/// Seconds.
pub const TIMING: &str = "timing.json";
/// The result, written last: its presence means done.
pub const OUTCOME: &str = "outcome.json";

/// Answers about the spectrum at the end, a file a question.
pub const SPECTRA: &str = "spectrum";
/// Answers about stability, a file a question.
pub const ANSWERS: &str = "stability";
/// Launches from the run's end, a folder each.
pub const ESCAPES: &str = "escape";
/// A launch's record in its folder.
pub const ESCAPE: &str = "escape.json";
/// What a study computes at a minimum.
pub const THEORY: &str = "theory.json";
/// The folder of a grid of launches, in [`ESCAPES`].
pub const GRID_FOLDER: &str = "grid";
/// A grid of launches in its folder.
pub const GRID: &str = "grid.json";

/// Empty; locked while a process works in the folder.
pub const LOCK: &str = "lock";

/// What every line of a trace begins with.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct TraceLine {
    pub(crate) step: u64,
}

/// `trained.json`: training ended so, and the parameters are in `final.safetensors`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainingEnd {
    pub(crate) outcome: Outcome,
    pub(crate) steps: u64,
}

/// The summary of a finished run's folder.
///
/// # Errors
/// [`Error::Read`], [`Error::Damaged`].
pub fn finished(folder: &RunFolder) -> Result<RunSummary, Error> {
    let mut summary: RunSummary = folder.read_json(OUTCOME)?;
    summary.folder = Some(folder.path().to_string_lossy().into_owned());
    Ok(summary)
}

impl RunFolder {
    /// The folder at `path`, there or not.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether one of its files is there.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.path).map_err(|source| self.cannot_write(&self.path, source))
    }

    /// Takes the folder for this process alone, until the file that is returned is dropped or the
    /// process ends.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Write`].
    pub fn lock(&self) -> Result<File, Error> {
        let path = self.file(LOCK);
        let file = File::create(&path).map_err(|source| self.cannot_write(&path, source))?;
        match file.try_lock() {
            // A file system that cannot lock is used as it is.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Error::Busy(self.path.clone())),
        }
    }

    /// Removes what an earlier start of this run left: only files this program writes.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn clear(&self) -> Result<(), Error> {
        // The outcome first: without it the rest is an unfinished run.
        for name in [OUTCOME, TRAINED, FINAL, CHECKPOINT, STEPS, CURVATURE, TIMING] {
            let path = self.file(name);
            removed(&path, fs::remove_file(&path))?;
        }
        Ok(())
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let path = self.file(name);
        let written = || -> io::Result<()> {
            let mut file = temporary_in(&self.path)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            // The name too must survive a power failure.
            File::open(&self.path)?.sync_all()
        };
        written().map_err(|source| self.cannot_write(&path, source))
    }

    /// Writes a JSON object, for people too.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let mut text = serde_json::to_vec_pretty(value).expect("a record is JSON");
        text.push(b'\n');
        self.write(name, &text)
    }

    /// Reads a JSON object, of an earlier version of the schema too.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Damaged`].
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let path = self.file(name);
        versions::from_json(&text_of(&path)?)
            .map_err(|error| Error::Damaged { path, message: error.to_string() })
    }

    /// One of its records, if it is there.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Damaged`].
    pub fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.has(name).then(|| self.read_json(name)).transpose()
    }

    /// The run's configuration, and the text of its file.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Damaged`].
    pub fn configuration(&self) -> Result<(RunConfig, String), Error> {
        let path = self.file(CONFIG);
        let text = text_of(&path)?;
        match parse_toml(&text) {
            Ok(config) => Ok((config, text)),
            Err(message) => Err(Error::Damaged { path, message }),
        }
    }

    /// The lines of a trace that were written at or before `step`. A killed program may leave half a
    /// line at the end of a run that is not over.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Damaged`] for any other line that is not whole.
    pub fn lines_until(&self, name: &str, step: u64) -> Result<Vec<String>, Error> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let TraceLines { lines, half_line } = trace_lines(&path, BufReader::new(file), step)?;
        match half_line {
            Some(fault) if self.has(TRAINED) || self.has(OUTCOME) => Err(fault),
            _ => Ok(lines),
        }
    }

    fn cannot_write(&self, path: &Path, source: io::Error) -> Error {
        Error::Write { path: path.to_owned(), source }
    }
}

/// The lines of a trace until a step.
#[derive(Debug)]
pub struct TraceLines {
    /// Those that are whole.
    pub lines: Vec<String>,
    /// What is wrong with a last line that is not. A killed program leaves half a line.
    pub half_line: Option<Error>,
}

/// Reads a trace until `step`; `path` is what errors call it.
///
/// # Errors
/// [`Error::Read`]; [`Error::Damaged`] for a line before the last that is not whole.
pub fn trace_lines(path: &Path, reader: impl BufRead, step: u64) -> Result<TraceLines, Error> {
    let mut read = TraceLines { lines: Vec::new(), half_line: None };
    for (index, line) in reader.split(b'\n').enumerate() {
        let line = line.map_err(|source| Error::Read { path: path.to_owned(), source })?;
        if let Some(fault) = read.half_line {
            return Err(fault);
        }
        match whole_line(line) {
            Ok((at, line)) if at.step <= step => read.lines.push(line),
            Ok(_) => return Ok(read),
            Err(fault) => {
                let message = format!("line {}: {fault}", index + 1);
                read.half_line = Some(Error::Damaged { path: path.to_owned(), message });
            }
        }
    }
    Ok(read)
}

/// A line of a trace with its step, or what is wrong with it.
fn whole_line(bytes: Vec<u8>) -> Result<(TraceLine, String), String> {
    let line = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    // serde takes a list for an object.
    if !line.starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    let read = unique_keys::value(&line).and_then(serde_json::from_value);
    Ok((read.map_err(|fault| fault.to_string())?, line))
}

/// How a removal ended; nothing to remove is well.
pub(crate) fn removed(path: &Path, ended: io::Result<()>) -> Result<(), Error> {
    match ended {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// A whole file of text.
pub(crate) fn text_of(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// A value from TOML. What is wrong with the text is one sentence with its line.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let at_line = |start: usize, message: &str| {
        let line = text[..start.min(text.len())].matches('\n').count() + 1;
        format!("line {line}: {message}")
    };
    let said = |error: toml::de::Error| {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        error.span().map_or(message.clone(), |span| at_line(span.start, &message))
    };
    let document = DeTable::parse(text).map_err(said)?;
    if let Some((start, fault)) = document.get_ref().values().find_map(too_small) {
        return Err(at_line(start, &fault.to_string()));
    }
    T::deserialize(toml::Deserializer::from(document)).map_err(said)
}

/// The first number that double precision would make 0, with its place in the text.
fn too_small(value: &Spanned<DeValue<'_>>) -> Option<(usize, NumberFault)> {
    match value.get_ref() {
        DeValue::Float(number) if becomes_zero(number.as_str()) => {
            Some((value.span().start, NumberFault::TooSmall(number.as_str().to_owned())))
        }
        DeValue::Array(values) => values.iter().find_map(too_small),
        DeValue::Table(table) => table.values().find_map(too_small),
        _ => None,
    }
}

/// What stands in a folder, in order; nothing where there is no folder.
pub(crate) fn paths_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let cannot = |source| Error::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(cannot(source)),
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<io::Result<_>>().map_err(cannot)?;
    paths.sort_unstable();
    Ok(paths)
}

/// The names of what stands in a folder, in order; none where there is no folder.
///
/// # Errors
/// [`Error::Read`]; [`Error::Name`] for a name that would not lead back to its file.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>, Error> {
    paths_in(folder)?.iter().map(|path| name_of(path)).collect()
}

/// The name of a file or folder; empty for a path that ends in none.
///
/// # Errors
/// [`Error::Name`].
pub(crate) fn name_of(path: &Path) -> Result<String, Error> {
    match path.file_name().map(OsStr::to_str) {
        Some(Some(name)) => Ok(name.to_owned()),
        Some(None) => Err(Error::Name(path.to_owned())),
        None => Ok(String::new()),
    }
}

/// A file that others may read as far as the user's own settings allow, unlike a temporary file.
fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_up_to_a_step_and_up_to_half_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let text = "{\"step\":10,\"x\":1}\n{\"step\":20}\n{\"step\":30}\n{\"step\":4";
        folder.write(STEPS, text.as_bytes()).unwrap();
        assert_eq!(folder.lines_until(STEPS, 20).unwrap().len(), 2);
        assert_eq!(folder.lines_until(STEPS, 99).unwrap().len(), 3);
        assert_eq!(folder.lines_until(CURVATURE, 99).unwrap().len(), 0);
    }

    #[test]
    fn a_trace_that_lost_a_line_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let said = |text: &[u8]| {
            folder.write(STEPS, text).unwrap();
            folder
                .lines_until(STEPS, 99)
                .map(|lines| lines.len())
                .map_err(|error| error.to_string())
        };
        for (text, fault) in [
            (&b"{\"step\":10}\n{\"st\n{\"step\":30}\n"[..], "line 2: "),
            (b"{\"step\":10}\n\xff\n{\"step\":30}\n", "line 2: it is not UTF-8"),
            (b"[10]\n{\"step\":20}\n", "line 1: it is not an object"),
            (b"{\"step\":10,\"x\":1,\"x\":2}\n{\"step\":20}\n", "line 1: the key x is named twice"),
        ] {
            let said = said(text).unwrap_err();
            assert!(said.contains("steps.jsonl is damaged: ") && said.contains(fault), "{said}");
        }
        // Half a line at the end is what a killed run leaves, and no run that is over.
        let half = b"{\"step\":10}\n{\"st";
        assert_eq!(said(half), Ok(1));
        folder.write_json(TRAINED, &0).unwrap();
        assert!(said(half).unwrap_err().contains("line 2: "));
    }

    #[test]
    fn a_number_of_a_file_that_would_become_0_is_refused() {
        let said = |text: &str| parse_toml::<toml::Table>(text).unwrap_err();
        let fault = "is so small that it is 0 in double precision; write 0, or at least 5e-324";
        assert_eq!(said("a = 1\nb = 1e-400"), format!("line 2: 1e-400 {fault}"));
        assert_eq!(said("a = [1, { b = -1_0.5e-40_0 }]"), format!("line 1: -10.5e-400 {fault}"));
        assert_eq!(said("[a]\nb.c = [[0.0], [\n0.1e-999]]"), format!("line 3: 0.1e-999 {fault}"));
        let kept = parse_toml::<toml::Table>("a = 0.0\nb = -0e-999\nc = 5e-324\nd = nan").unwrap();
        assert_eq!((kept["a"].as_float(), kept["c"].as_float()), (Some(0.0), Some(5e-324)));
        assert!(said("a = 1e400").starts_with("line 1: "));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join(OsStr::from_bytes(b"run-\xff"))).unwrap();
        let refused = names_in(directory.path()).unwrap_err();
        assert!(matches!(refused, Error::Name(..)), "{refused}");
    }

    #[test]
    fn only_one_works_in_a_folder() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let first = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(Error::Busy(..))));
        drop(first);
        folder.lock().unwrap();
    }

    #[test]
    fn who_reads_while_a_file_is_written_sees_it_whole() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        let content = |byte| vec![byte; 1 << 20];
        folder.write(OUTCOME, &content(0)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                (1..40).for_each(|byte| folder.write(OUTCOME, &content(byte)).unwrap());
            });
            while !writer.is_finished() {
                let read = fs::read(folder.file(OUTCOME)).unwrap();
                assert!(read == content(read[0]), "{} bytes", read.len());
            }
        });
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        folder.write_json(OUTCOME, &1).unwrap();
        folder.write_json(OUTCOME, &vec![1, 2]).unwrap();
        assert_eq!(folder.read_json::<Vec<u32>>(OUTCOME).unwrap(), [1, 2]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        folder.clear().unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let missing = folder.read_json::<u32>(OUTCOME).unwrap_err();
        assert!(matches!(missing, Error::Read { .. }), "{missing}");
    }
}
