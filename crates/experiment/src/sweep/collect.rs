//! A store as tables for other programs: `runs.parquet` with a row a run, `traces/<id>.parquet`
//! with a row a step and name, the same as CSV, and `dictionary.csv` with the meaning of every
//! column.

mod csv;
mod parquet;
mod runs;
mod table;
mod traces;

use std::path::{Path, PathBuf};

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::sweep::SweepTables;

use crate::Error;
use crate::folder::RunFolder;
use crate::sweep::store::Store;

use table::Table;

/// What is collected, and where to.
#[derive(Clone, Debug)]
pub struct CollectOptions {
    /// The runs; all of the store's if absent.
    pub runs: Option<Vec<String>>,
    /// The folder for the tables.
    pub to: PathBuf,
    /// At most about so many lines of each trace, evenly chosen, and its last; all if absent.
    pub points: Option<usize>,
}

/// Writes the tables. The same store gives the same bytes.
///
/// # Errors
/// A store that cannot be read, a run whose files are damaged, a folder that cannot be written.
pub fn collect(store: &Store, options: &CollectOptions) -> Result<SweepTables, Error> {
    let root = store.root();
    std::fs::metadata(root).map_err(|source| Error::Read { path: root.to_owned(), source })?;
    let is_wanted = |id: &String| options.runs.as_ref().is_none_or(|runs| runs.contains(id));
    let mut finished = store.finished()?;
    finished.retain(is_wanted);
    let mut failed = store.failed()?;
    failed.retain(is_wanted);
    let folder = RunFolder::at(options.to.clone());
    folder.create()?;
    let runs = runs::table(store, &finished, &failed)?;
    write(&folder, "runs", &runs)?;
    folder.write("dictionary.csv", &csv::write(&runs::dictionary(&runs)))?;
    let traces = RunFolder::at(options.to.join("traces"));
    traces.create()?;
    let mut rows = 0;
    for id in &finished {
        let table = traces::table(store, id, options.points)?;
        rows += table.rows();
        write(&traces, id, &table)?;
    }
    Ok(SweepTables {
        schema_version: SCHEMA_VERSION,
        folder: shown(&options.to),
        runs: finished.len(),
        failed: failed.len(),
        trace_rows: rows,
    })
}

fn write(folder: &RunFolder, name: &str, table: &Table) -> Result<(), Error> {
    folder.write(&format!("{name}.csv"), &csv::write(table))?;
    let path = folder.file(&format!("{name}.parquet"));
    let bytes = parquet::write(table).map_err(|error| Error::Write {
        path: path.clone(),
        source: std::io::Error::other(error),
    })?;
    folder.write(&format!("{name}.parquet"), &bytes)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
