//! Which known datasets are here: those in the program, and the complete files on disk.

use std::path::Path;

use minimascope_record::architecture::Shape;
use serde::Serialize;

use crate::catalogue::{CATALOGUE, Sizes};
use crate::layout;

/// One place of one known dataset, a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The dataset's name.
    pub name: String,
    /// What it is, in one line.
    pub what: String,
    /// `embedded`, or the folder of the complete files; absent if they were not found.
    pub place: Option<String>,
    /// Number of examples there, or in the complete files if they were not found.
    pub examples: Sizes,
    /// Shape of one image.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Terms of use.
    pub licence: String,
}

impl Listing {
    /// Whether the examples are there.
    pub fn present(&self) -> bool {
        self.place.is_some()
    }
}

/// Every place of every known dataset: what the program holds, then the complete files where they
/// were found in `data_dir` or the usual folders, or that they were not.
pub fn list(data_dir: Option<&Path>) -> Vec<Listing> {
    let mut rows = Vec::new();
    for known in CATALOGUE.iter() {
        let row = |place, examples| Listing {
            name: known.name.to_owned(),
            what: known.what.to_owned(),
            place,
            examples,
            shape: known.shape,
            classes: known.class_names.len(),
            licence: known.licence.to_owned(),
        };
        rows.extend(known.embedded.map(|sizes| row(Some("embedded".to_owned()), sizes)));
        let found = layout::find(known, &layout::directories(data_dir));
        rows.push(row(found.map(|found| found.folder.display().to_string()), known.complete));
    }
    rows
}
