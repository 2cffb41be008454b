//! Checks files against the checksums of the published ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::catalogue::{CATALOGUE, KnownDataset};
use crate::checksum::sha256_of_content;
use crate::embedded;
use crate::error::Error;
use crate::layout::{self, Layout};

/// One file, a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The dataset.
    pub dataset: String,
    /// The file; `embedded/…` for those in the program.
    pub file: String,
    /// SHA-256 of the published decompressed content, in hexadecimal.
    pub expected: String,
    /// What was found.
    #[serde(flatten)]
    pub check: ContentCheck,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ContentCheck {
    /// The content is the published one.
    Right,
    /// It is not.
    Wrong {
        /// SHA-256 of the decompressed content.
        found: String,
    },
    /// It could not be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Verification {
    fn new(dataset: &str, file: String, expected: &str, found: Result<String, Error>) -> Self {
        let check = match found {
            Ok(found) if found == expected => ContentCheck::Right,
            Ok(found) => ContentCheck::Wrong { found },
            Err(fault) => ContentCheck::Unreadable { reason: fault.to_string() },
        };
        Self { dataset: dataset.to_owned(), file, expected: expected.to_owned(), check }
    }
}

/// Checks every file of one known dataset, or of all: those in the program and the complete files
/// where they are found in `data_dir` or the usual folders.
///
/// # Errors
/// [`Error::UnknownDataset`]. A wrong file is a result, not an error.
pub fn verify(dataset: Option<&str>, data_dir: Option<&Path>) -> Result<Vec<Verification>, Error> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let chosen = match dataset {
        None => CATALOGUE.iter().collect(),
        Some(name) => vec![KnownDataset::by_name(name)?],
    };
    for known in chosen {
        for file in embedded::files(known.name) {
            let name = format!("embedded/{}", file.name);
            rows.push(Verification::new(known.name, name, file.sha256, file.actual_sha256()));
        }
        let Some(found) = layout::find(known, &layout::directories(data_dir)) else { continue };
        for (path, file) in paths(found.layout).into_iter().zip(known.files.all()) {
            // Two datasets may share their files.
            if seen.insert(path.clone()) {
                let (name, sum) = (path.display().to_string(), sha256_of_content(&path));
                rows.push(Verification::new(known.name, name, file.sha256, sum));
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
