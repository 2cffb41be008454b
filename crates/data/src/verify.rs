//! Checks files against the checksums of the published ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use minimascope_record::listing::FileCheck;

use crate::catalogue::{CATALOGUE, KnownDataset};
use crate::checksum::sha256_of_content;
use crate::embedded;
use crate::error::Error;
use crate::layout::{self, Layout};

/// What a file's checksum says of it.
fn checked(dataset: &str, file: String, expected: &str, found: Result<String, Error>) -> FileCheck {
    let reason = match found {
        Ok(found) if found == expected => None,
        Ok(found) => Some(format!("its SHA-256 is {found}")),
        Err(fault) => Some(fault.to_string()),
    };
    let right = reason.is_none();
    FileCheck { dataset: dataset.to_owned(), file, expected: expected.to_owned(), right, reason }
}

/// Checks every file of one known dataset, or of all: those in the program and the complete files
/// where they are found in `data_dir` or the usual folders.
///
/// # Errors
/// [`Error::UnknownDataset`]. A wrong file is a result, not an error.
pub fn verify(dataset: Option<&str>, data_dir: Option<&Path>) -> Result<Vec<FileCheck>, Error> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let chosen = match dataset {
        None => CATALOGUE.iter().collect(),
        Some(name) => vec![KnownDataset::by_name(name)?],
    };
    for known in chosen {
        for file in embedded::files(known.name) {
            let name = format!("embedded/{}", file.name);
            rows.push(checked(known.name, name, file.sha256, file.actual_sha256()));
        }
        let Some(found) = layout::find(known, &layout::directories(data_dir)) else { continue };
        for (path, file) in paths(found.layout).into_iter().zip(known.files.all()) {
            // Two datasets may share their files.
            if seen.insert(path.clone()) {
                let (name, sum) = (path.display().to_string(), sha256_of_content(&path));
                rows.push(checked(known.name, name, file.sha256, sum));
            }
        }
    }
    Ok(rows)
}

/// Files on disk in the order of [`crate::catalogue::Files::all`].
fn paths(layout: Layout) -> Vec<PathBuf> {
    match layout {
        Layout::Pairs { train, test, .. } => {
            train.into_iter().chain(test.into_iter().flatten()).collect()
        }
        Layout::CifarBinary { train, test } => train.into_iter().chain(test).collect(),
        Layout::Npz(file) => vec![file],
    }
}
