//! Reads a folder of runs: finished runs, unfinished ones, and the records that other commands left
//! in the folder of a run.

use std::fs;
use std::path::{Path, PathBuf};

use minimascope_record::reproduction::Theory;
use minimascope_record::run::{RunSummary, Spectrum};
use minimascope_record::stability::{Judged, StabilityReport};
use minimascope_record::stored_run::StoredRun;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::folder::{
    ANSWERS, CONFIG, CURVATURE, ESCAPE, ESCAPES, GRID, GRID_FOLDER, OUTCOME, PROVENANCE, RunFolder,
    SPECTRA, STEPS, THEORY, TIMING, name_of, names_in, paths_in,
};
use crate::sweep::store::{FAILED, Store};

/// Every run of a folder, in the order of their ids, without batch losses.
///
/// # Errors
/// [`Error::Read`], [`Error::Damaged`], and [`Error::NoRun`] where there is none.
pub fn read(folder: &Path) -> Result<Vec<StoredRun>, Error> {
    fs::metadata(folder).map_err(|source| Error::Read { path: folder.to_owned(), source })?;
    // A result without its configuration is a damaged run, and no other folder.
    let is_run = |path: &PathBuf| path.join(CONFIG).is_file() || path.join(OUTCOME).is_file();
    let paths = paths_in(folder)?.into_iter().filter(is_run);
    let mut runs: Vec<StoredRun> = paths.map(|path| stored(&path)).collect::<Result<_, _>>()?;
    if runs.is_empty() {
        return Err(Error::NoRun(folder.to_owned()));
    }
    for failed in failures(folder)? {
        // A later attempt may have finished a run that failed.
        if runs.iter().all(|run| run.run != failed.run) {
            runs.push(failed);
        }
    }
    runs.sort_by(|left, right| left.run.cmp(&right.run));
    Ok(runs)
}

/// One run with its batch losses.
///
/// # Errors
/// [`Error::NoRun`], [`Error::Read`], [`Error::Damaged`].
pub fn read_run(path: &Path) -> Result<StoredRun, Error> {
    if !path.join(CONFIG).is_file() {
        return Err(Error::NoRun(path.to_owned()));
    }
    let mut run = stored(path)?;
    run.steps = trace(&RunFolder::at(path.to_owned()), STEPS)?;
    Ok(run)
}

fn stored(path: &Path) -> Result<StoredRun, Error> {
    let folder = RunFolder::at(path.to_owned());
    let result: Option<RunSummary> = folder.optional(OUTCOME)?;
    let theory: Option<Theory> = folder.optional(THEORY)?;
    let mut stability: Vec<StabilityReport> = answers(&folder, ANSWERS)?;
    let (config, text) = folder.configuration()?;
    // A verdict on the run is one at its own momentum.
    let momentum = config.train.optimizer.theory_momentum().unwrap_or(0.0);
    stability.sort_by_key(|report| std::cmp::Reverse(worth(report, momentum)));
    let own = stability.iter().rev().filter(|report| report.momentum == momentum);
    let judged =
        best(theory.into_iter().flat_map(|theory| theory.stability), own.filter_map(judgement));
    Ok(StoredRun {
        provenance: folder.optional(PROVENANCE)?,
        timing: folder.optional(TIMING)?,
        result,
        curvature: trace(&folder, CURVATURE)?,
        spectrum: spectrum(&answers::<RunSummary>(&folder, SPECTRA)?),
        judged,
        stability,
        escapes: escapes(&folder)?,
        grid: folder.optional(&format!("{ESCAPES}/{GRID_FOLDER}/{GRID}"))?,
        ..StoredRun::new(name_of(path)?, config, text)
    })
}

fn failures(folder: &Path) -> Result<Vec<StoredRun>, Error> {
    let store = Store::at(folder.to_owned());
    let mut runs = Vec::new();
    for id in store.failed()? {
        let Some(failure) = store.failure(&id)? else { continue };
        let text = toml::to_string(&failure.configuration).map_err(|fault| Error::Damaged {
            path: store.root().join(FAILED).join(format!("{id}.json")),
            message: fault.to_string(),
        })?;
        runs.push(StoredRun {
            error: Some(failure.error),
            ..StoredRun::new(failure.run, failure.configuration, text)
        });
    }
    Ok(runs)
}

/// The judgement of a stability report at the learning rate and batch size that it was asked about.
fn judgement(report: &StabilityReport) -> Option<Judged> {
    Some(Judged {
        learning_rate: report.learning_rate?,
        batch_size: report.batch_size?,
        thresholds: report.thresholds.clone(),
        verdict: report.verdict?,
        margin: report.margin?,
        notes: report.notes.clone(),
    })
}

/// How much an answer says of a run: one at the run's own momentum before others, then a whole one
/// before a quick one, then one with more thresholds.
fn worth(report: &StabilityReport, momentum: f64) -> (bool, bool, usize) {
    let thresholds = report.thresholds.len()
        + report.boundary.iter().map(|row| row.thresholds.len()).sum::<usize>();
    (report.momentum == momentum, !report.question.quick, thresholds)
}

/// One judgement for each learning rate and batch size: the last of those given.
fn best(first: impl Iterator<Item = Judged>, then: impl Iterator<Item = Judged>) -> Vec<Judged> {
    let mut best: Vec<Judged> = Vec::new();
    for judged in first.chain(then) {
        let pair = (judged.learning_rate, judged.batch_size);
        best.retain(|known| (known.learning_rate, known.batch_size) != pair);
        best.push(judged);
    }
    best
}

/// The most that any measurement found of each part of the spectrum.
fn spectrum(measured: &[RunSummary]) -> Option<Spectrum> {
    let found = || measured.iter().filter_map(|run| run.spectrum.as_ref());
    let most = Spectrum {
        top: found().map(|at| &at.top).max_by_key(|top| top.len()).cloned().unwrap_or_default(),
        density: found().filter_map(|at| at.density.as_ref()).max_by_key(|at| at.probes).cloned(),
        trace: found().filter_map(|at| at.trace).max_by_key(|at| at.products),
    };
    (most != Spectrum::default()).then_some(most)
}

/// The answers of one kind: every file of its folder, and the one at the top of the run's folder that
/// records of version 1 stand in.
fn answers<T: DeserializeOwned>(folder: &RunFolder, kind: &str) -> Result<Vec<T>, Error> {
    let names = names_in(&folder.file(kind))?.into_iter().filter(|name| name.ends_with(".json"));
    let files = names.map(|name| format!("{kind}/{name}"));
    // A redirected command creates its file before it writes. The program's own are never empty.
    let is_empty = |file: &String| fs::metadata(folder.file(file)).is_ok_and(|at| at.len() == 0);
    let redirected = Some(format!("{kind}.json")).filter(|file| !is_empty(file));
    let all = redirected.into_iter().chain(files);
    all.filter_map(|file| folder.optional(&file).transpose()).collect()
}

fn trace<T: DeserializeOwned>(folder: &RunFolder, name: &str) -> Result<Vec<T>, Error> {
    let lines = folder.lines_until(name, u64::MAX)?;
    let parsed = lines.iter().map(|line| {
        serde_json::from_str(line)
            .map_err(|error| Error::Damaged { path: folder.file(name), message: error.to_string() })
    });
    parsed.collect()
}

/// The saved launches, in the order of the names of their folders.
fn escapes<T: DeserializeOwned>(folder: &RunFolder) -> Result<Vec<T>, Error> {
    let names = names_in(&folder.file(ESCAPES))?;
    let files = names.iter().map(|name| format!("{ESCAPES}/{name}/{ESCAPE}"));
    files.filter_map(|file| folder.optional(&file).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_runs_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let refused = read(folder.path()).unwrap_err();
        assert!(matches!(refused, Error::NoRun(..)), "{refused}");
        let refused = read_run(folder.path()).unwrap_err();
        assert!(matches!(refused, Error::NoRun(..)), "{refused}");
    }

    #[test]
    fn an_empty_answer_is_damaged_unless_it_was_redirected() {
        let directory = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(directory.path().to_owned());
        folder.write("stability.json", b"").unwrap();
        assert!(answers::<StabilityReport>(&folder, ANSWERS).unwrap().is_empty());
        RunFolder::at(folder.file(ANSWERS)).create().unwrap();
        folder.write("stability/quick.json", b"").unwrap();
        let refused = answers::<StabilityReport>(&folder, ANSWERS).unwrap_err();
        assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    }

    #[test]
    fn a_result_without_its_configuration_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path().join("run"));
        run.create().unwrap();
        run.write(OUTCOME, b"{}").unwrap();
        let refused = read(folder.path()).unwrap_err();
        assert!(!matches!(refused, Error::NoRun(..)), "{refused}");
    }
}
