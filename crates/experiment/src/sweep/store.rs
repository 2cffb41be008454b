//! The folder that holds run folders, for any number of machines at once.
//!
//! A run is complete when its `<id>/outcome.json` exists. Work on it happens in `.work/<id>.<machine>.<…>`, and
//! one rename publishes it; a rename never replaces a folder that holds something, so of two
//! workers one publishes and the other compares. No result depends on a lock: a worker that dies is
//! noticed by the next one on its machine, where the kernel has dropped its lock and the folder is
//! taken over, or on any other, where what it saved is copied.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;
use minimascope_record::sweep::RunFailure;

use crate::Error;
use crate::error::SweepError;
use crate::folder::{
    CHECKPOINT, CURVATURE, FINAL, OUTCOME, PROVENANCE, RunFolder, STEPS, TIMING, TRAINED, finished,
    name_of, names_in, paths_in, removed,
};
use crate::plan::Plan;

const WORK: &str = ".work";
/// The folder of the records of failed runs.
pub(crate) const FAILED: &str = "failed";
const MISMATCH: &str = "mismatch";

/// What another machine left of a run that is finished is removed after this silence: a worker
/// saves every half minute, and measures for minutes.
const SILENCE: Duration = Duration::from_secs(3600);

/// How often a lock that is not free is tried again, and after how long.
const PROBES: usize = 5;
const PROBE: Duration = Duration::from_millis(10);

/// Run folders, and the work on them.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    machine: String,
}

/// What came of asking for a run to work on.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is finished.
    Finished(Box<RunSummary>),
    /// A process of this machine works on it.
    Busy,
    /// It is ours.
    Working(Working),
}

/// A folder that this process alone works in.
#[derive(Debug)]
pub(crate) struct Working {
    folder: RunFolder,
    _lock: File,
    /// Earlier starts on this machine that got less far.
    surpassed: Vec<(RunFolder, File)>,
}

impl Working {
    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }
}

/// Whether somebody works in a folder.
enum Lock {
    Held(File),
    Busy,
    /// The folder was published or removed in between.
    Gone,
}

impl Store {
    /// The store in `root`, there or not.
    pub fn at(root: PathBuf) -> Self {
        Self { root, machine: machine() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a finished run is, or will be.
    pub fn run(&self, id: &str) -> RunFolder {
        RunFolder::at(self.root.join(id))
    }

    /// What a run reached; `None` until it is finished.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Damaged`].
    pub fn result(&self, id: &str) -> Result<Option<RunSummary>, Error> {
        let folder = self.run(id);
        folder.has(OUTCOME).then(|| finished(&folder)).transpose()
    }

    /// Whether a run was begun and not finished, and whether a process of this machine works on it.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn begun(&self, id: &str) -> Result<Option<IsBusy>, Error> {
        let alone = self.run(id);
        let mut folders: Vec<RunFolder> =
            self.working(id)?.into_iter().map(|(folder, _)| folder).collect();
        if alone.path().is_dir() {
            folders.push(alone);
        }
        if folders.is_empty() {
            return Ok(None);
        }
        let busy = folders.iter().any(|folder| matches!(folder.lock(), Err(Error::Busy(..))));
        Ok(Some(IsBusy(busy)))
    }

    /// The record of a run that an error ended.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Damaged`].
    pub fn failure(&self, id: &str) -> Result<Option<RunFailure>, Error> {
        let (folder, name) = (self.failures(), format!("{id}.json"));
        folder.has(&name).then(|| folder.read_json(&name)).transpose()
    }

    /// The ids of all finished runs, in order.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn finished(&self) -> Result<Vec<String>, Error> {
        let paths = paths_in(&self.root)?;
        paths.iter().filter(|path| path.join(OUTCOME).exists()).map(|path| name_of(path)).collect()
    }

    /// The ids of all runs with a record of failure, in order.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn failed(&self) -> Result<Vec<String>, Error> {
        let names = names_in(self.failures().path())?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
        Ok(ids.filter(|id| !self.run(id).has(OUTCOME)).map(str::to_owned).collect())
    }

    /// Takes a run to work on, from as far as anybody got with it.
    pub(crate) fn take(&self, id: &str) -> Result<Taken, Error> {
        loop {
            if let Some(summary) = self.result(id)? {
                self.tidy(id)?;
                return Ok(Taken::Finished(Box::new(summary)));
            }
            if let Some(taken) = self.try_take(id)? {
                return Ok(taken);
            }
        }
    }

    /// `None` where what was found changed in between.
    fn try_take(&self, id: &str) -> Result<Option<Taken>, Error> {
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for (folder, machine) in self.working(id)? {
            if machine != self.machine {
                others.push(folder);
                continue;
            }
            match lock(&folder)? {
                Lock::Held(lock) => ours.push((folder, lock)),
                Lock::Busy => return Ok(Some(Taken::Busy)),
                Lock::Gone => return Ok(None),
            }
        }
        // `run` works in the folder itself.
        let alone = self.run(id);
        if alone.path().is_dir() {
            match lock(&alone)? {
                Lock::Held(_) => others.push(alone),
                Lock::Busy => return Ok(Some(Taken::Busy)),
                Lock::Gone => return Ok(None),
            }
        }
        ours.sort_by_key(|(folder, _)| advance(folder));
        let furthest = others.into_iter().max_by_key(advance);
        let is_further = |folder: &RunFolder| {
            ours.last().is_none_or(|(ours, _)| advance(folder) > advance(ours))
        };
        let working = match furthest.filter(is_further) {
            Some(folder) if advance(&folder) != Advance::default() => {
                self.copied(id, &folder, ours)?
            }
            _ => match ours.pop() {
                Some((folder, lock)) => Some(Working { folder, _lock: lock, surpassed: ours }),
                None => self.begin(id, ours)?,
            },
        };
        Ok(working.map(Taken::Working))
    }

    /// A new folder; `None` where another worker saw it before it was locked, and took it.
    fn begin(&self, id: &str, surpassed: Vec<(RunFolder, File)>) -> Result<Option<Working>, Error> {
        let work = self.root.join(WORK);
        let cannot = |source| Error::Write { path: work.clone(), source };
        fs::create_dir_all(&work).map_err(cannot)?;
        let path = tempfile::Builder::new()
            .prefix(&format!("{id}.{}.", self.machine))
            .tempdir_in(&work)
            .map_err(cannot)?
            .keep();
        readable_as_usual(&path).map_err(cannot)?;
        let folder = RunFolder::at(path);
        Ok(match lock(&folder)? {
            Lock::Held(lock) => Some(Working { folder, _lock: lock, surpassed }),
            Lock::Busy | Lock::Gone => None,
        })
    }

    /// A folder of our own with what another start saved. It may live: nothing of it is touched.
    /// `None` as of [`Store::begin`].
    fn copied(
        &self,
        id: &str,
        from: &RunFolder,
        surpassed: Vec<(RunFolder, File)>,
    ) -> Result<Option<Working>, Error> {
        let Some(working) = self.begin(id, surpassed)? else { return Ok(None) };
        let mut files = Vec::new();
        // The reverse of the order in which a run writes them: what a file speaks of is there.
        for name in [TRAINED, TIMING, FINAL, CHECKPOINT, CURVATURE, STEPS, PROVENANCE] {
            let path = from.file(name);
            match fs::read(&path) {
                Ok(content) => files.push((name, content)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::Read { path, source }),
            }
        }
        for (name, content) in files.into_iter().rev() {
            working.folder.write(name, &content)?;
        }
        Ok(Some(working))
    }

    /// Makes a run that is complete the store's, or compares it with the one that is there.
    pub(crate) fn publish(&self, id: &str, working: Working) -> Result<RunSummary, Error> {
        let Working { folder, _lock, surpassed } = working;
        let published = self.run(id);
        loop {
            match fs::rename(folder.path(), published.path()) {
                Ok(()) => {
                    sync(&self.root)?;
                    break;
                }
                Err(_) if published.has(OUTCOME) => {
                    self.compare(id, &folder, &published)?;
                    remove(&folder)?;
                    break;
                }
                Err(_) if published.path().is_dir() => self.displace(id, &published)?,
                Err(source) => {
                    return Err(Error::Write { path: published.path().to_owned(), source });
                }
            }
        }
        for (folder, _lock) in surpassed {
            remove(&folder)?;
        }
        self.forget_failure(id)?;
        self.tidy(id)?;
        finished(&published)
    }

    /// The same run from two workers has the same bits.
    fn compare(&self, id: &str, ours: &RunFolder, theirs: &RunFolder) -> Result<(), Error> {
        let (one, other) = (digest(ours)?, digest(theirs)?);
        if one == other || one.is_none() || other.is_none() {
            return Ok(());
        }
        let kept = RunFolder::at(self.root.join(MISMATCH));
        kept.create()?;
        let kept = kept.file(&ours.path().file_name().unwrap_or_default().to_string_lossy());
        fs::rename(ours.path(), &kept)
            .map_err(|source| Error::Write { path: kept.clone(), source })?;
        let theirs = theirs.path().to_owned();
        Err(SweepError::NotDeterministic { run: id.to_owned(), ours: kept, theirs }.into())
    }

    /// Moves an unfinished `run` out of the way of a finished one.
    fn displace(&self, id: &str, unfinished: &RunFolder) -> Result<(), Error> {
        // Who works there will finish it; ours stays, and is published by the next sweep.
        let Lock::Held(_held) = lock(unfinished)? else {
            return Err(Error::Busy(unfinished.path().to_owned()));
        };
        let Some(Working { folder: aside, _lock, .. }) = self.begin(id, Vec::new())? else {
            return Err(Error::Busy(unfinished.path().to_owned()));
        };
        match fs::rename(unfinished.path(), aside.path().join("unfinished")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::Write { path: aside.path().to_owned(), source: error })
            }
            _ => remove(&aside),
        }
    }

    /// Leaves a record of a run that an error ended.
    pub(crate) fn record_failure(
        &self,
        plan: &Plan,
        error: &str,
        hint: Option<String>,
    ) -> Result<(), Error> {
        let id = plan.id().as_str();
        let attempts = self.failure(id)?.map_or(0, |earlier| earlier.attempts) + 1;
        let failed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |at| at.as_secs());
        let failure = RunFailure {
            schema_version: SCHEMA_VERSION,
            run: id.to_owned(),
            error: error.to_owned(),
            hint,
            attempts,
            failed,
            configuration: plan.config().clone(),
        };
        let folder = self.failures();
        folder.create()?;
        folder.write_json(&format!("{id}.json"), &failure)
    }

    fn forget_failure(&self, id: &str) -> Result<(), Error> {
        let path = self.failures().file(&format!("{id}.json"));
        removed(&path, fs::remove_file(&path))
    }

    /// Removes what is left of the work on a finished run, where nobody can be at it.
    pub(crate) fn tidy(&self, id: &str) -> Result<(), Error> {
        for (folder, machine) in self.working(id)? {
            let is_left = if machine == self.machine {
                matches!(lock(&folder)?, Lock::Held(_))
            } else {
                let touched = fs::metadata(folder.path()).and_then(|data| data.modified());
                touched.is_ok_and(|at| at.elapsed().is_ok_and(|since| since > SILENCE))
            };
            if is_left {
                remove(&folder)?;
            }
        }
        Ok(())
    }

    /// The folders in which somebody worked on a run, with the machine of each.
    fn working(&self, id: &str) -> Result<Vec<(RunFolder, String)>, Error> {
        let work = self.root.join(WORK);
        let mut folders = Vec::new();
        for name in names_in(&work)? {
            if let Some((machine, _)) = name
                .strip_prefix(id)
                .and_then(|rest| rest.strip_prefix('.'))
                .and_then(|rest| rest.split_once('.'))
            {
                folders.push((RunFolder::at(work.join(&name)), machine.to_owned()));
            }
        }
        Ok(folders)
    }

    fn failures(&self) -> RunFolder {
        RunFolder::at(self.root.join(FAILED))
    }
}

/// Whether a process of this machine works on an unfinished run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsBusy(pub bool);

/// How far a start of a run got: training ended, or the time of its last checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Advance {
    trained: bool,
    saved: Option<SystemTime>,
}

fn advance(folder: &RunFolder) -> Advance {
    let saved = fs::metadata(folder.file(CHECKPOINT)).and_then(|data| data.modified()).ok();
    Advance { trained: folder.has(TRAINED), saved }
}

/// Takes a folder's lock. `status` holds it for a moment to see whether it is free, so that one
/// refusal is none.
fn lock(folder: &RunFolder) -> Result<Lock, Error> {
    for _ in 0..PROBES {
        match try_lock(folder)? {
            Lock::Busy => std::thread::sleep(PROBE),
            other => return Ok(other),
        }
    }
    try_lock(folder)
}

fn try_lock(folder: &RunFolder) -> Result<Lock, Error> {
    match folder.lock() {
        // Held, but perhaps of a folder that was renamed before.
        Ok(lock) if folder.path().is_dir() => Ok(Lock::Held(lock)),
        Ok(_) => Ok(Lock::Gone),
        Err(Error::Busy(..)) => Ok(Lock::Busy),
        Err(Error::Write { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Lock::Gone)
        }
        Err(error) => Err(error),
    }
}

/// The digest of a run's numbers: its result without names, and its parameters. `None` for a run
/// that a clock ended.
fn digest(folder: &RunFolder) -> Result<Option<blake3::Hash>, Error> {
    let mut summary = finished(folder)?;
    if summary.outcome == Some(Outcome::TimeLimit) {
        return Ok(None);
    }
    (summary.folder, summary.model, summary.data) = (None, String::new(), String::new());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&summary).expect("a result is JSON"));
    if folder.has(FINAL) {
        let path = folder.file(FINAL);
        let parameters = fs::read(&path).map_err(|source| Error::Read { path, source })?;
        hasher.update(&parameters);
    }
    Ok(Some(hasher.finalize()))
}

fn remove(folder: &RunFolder) -> Result<(), Error> {
    removed(folder.path(), fs::remove_dir_all(folder.path()))
}

fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::Write { path: folder.to_owned(), source })
}

/// A temporary folder is its owner's alone; a result is for whoever may read the store.
#[cfg(unix)]
fn readable_as_usual(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let parent = folder.parent().map_or(Ok(0o755), |parent| Ok(fs::metadata(parent)?.mode()));
    fs::set_permissions(
        folder,
        fs::Permissions::from_mode(parent.map_err(|e: io::Error| e)? & 0o777),
    )
}

#[cfg(not(unix))]
fn readable_as_usual(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The machine since it started: within it a lock that is free means that its owner is gone. Where
/// that cannot be known, every process is a machine of its own.
fn machine() -> String {
    let started = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = started.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    if digits.len() == 12 {
        return digits;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{now:x}-{:x}", std::process::id())
}

#[cfg(test)]
mod tests;
