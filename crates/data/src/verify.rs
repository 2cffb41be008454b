//! Checks files against the checksums of the published ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use minimascope_record::listing::FileCheck;

use crate::catalogue::{CATALOGUE, KnownDataset};
use crate::checksum::sha256_of_content;
use crate::embedded;
use crate::error::Error;
use crate::layout;

/// Checks every file of one known dataset, or of all: those in the program, the complete files
/// where they are found in `data_dir` or the usual folders, and those of a folder searched before
/// that holds only some of them.
///
/// # Errors
/// [`Error::UnknownDataset`]; [`Error::NoFolder`]; [`Error::NotHere`] if nothing of the one dataset
/// is there; those of [`layout::find`]. A wrong or missing file is a result, not an error.
pub fn verify(dataset: Option<&str>, data_dir: Option<&Path>) -> Result<Vec<FileCheck>, Error> {
    layout::check_folder(data_dir)?;
    let directories = layout::directories(data_dir);
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let chosen = match dataset {
        None => CATALOGUE.iter().collect(),
        Some(name) => vec![KnownDataset::by_name(name)?],
    };
    for known in chosen {
        for file in embedded::files(known.name) {
            let (name, sum) = (format!("embedded/{}", file.name), file.actual_sha256());
            let sum = sum.map_err(|fault| fault.to_string());
            rows.push(checked(known.name, name, file.sha256, sum));
        }
        for directory in &directories {
            let directory = std::slice::from_ref(directory);
            let whole = layout::find(known, directory)?.map(|found| found.folder);
            let is_whole = whole.is_some();
            let part = || Some(layout::find_incomplete(known, directory)?.folder);
            let folder = whole.or_else(part);
            let files = folder.map_or(Vec::new(), |folder| wanted(known, &folder));
            for (path, file) in files.into_iter().zip(known.files.all()) {
                // Two datasets may share their files.
                if seen.insert(path.clone()) {
                    let (name, sum) = (path.display().to_string(), sum_of(&path));
                    rows.push(checked(known.name, name, file.sha256, sum));
                }
            }
            if is_whole {
                break;
            }
        }
    }
    match dataset {
        Some(name) if rows.is_empty() => {
            Err(Error::NotHere { dataset: name.to_owned(), searched: directories })
        }
        _ => Ok(rows),
    }
}

/// What a file's checksum says of it.
fn checked(
    dataset: &str,
    file: String,
    expected: &str,
    found: Result<String, String>,
) -> FileCheck {
    let reason = match found {
        Ok(found) if found == expected => None,
        Ok(found) => Some(format!("its SHA-256 is {found}")),
        Err(fault) => Some(fault),
    };
    let right = reason.is_none();
    FileCheck { dataset: dataset.to_owned(), file, expected: expected.to_owned(), right, reason }
}

fn sum_of(path: &Path) -> Result<String, String> {
    if path.exists() {
        sha256_of_content(path).map_err(|fault| fault.to_string())
    } else {
        Err("it is missing".to_owned())
    }
}

/// Where the files of a known dataset are in a folder, or should be, in the order of
/// [`crate::catalogue::Files::all`].
fn wanted(known: &KnownDataset, folder: &Path) -> Vec<PathBuf> {
    let path = |name| layout::one_of(folder, name).unwrap_or_else(|| folder.join(name));
    known.files.all().into_iter().map(|file| path(file.name)).collect()
}
