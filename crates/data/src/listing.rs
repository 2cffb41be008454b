//! Which known datasets are here: those in the program, and the complete files on disk.

use std::path::Path;

use minimascope_record::listing::DataEntry;

use crate::catalogue::{CATALOGUE, Sizes};
use crate::error::Error;
use crate::layout;

/// Every place of every known dataset: what the program holds, then the complete files where they
/// were found in `data_dir` or the usual folders, or that they were not.
///
/// # Errors
/// [`Error::NoFolder`], and those of [`layout::find`].
pub fn list(data_dir: Option<&Path>) -> Result<Vec<DataEntry>, Error> {
    layout::check_folder(data_dir)?;
    let mut rows = Vec::new();
    for known in CATALOGUE.iter() {
        let row = |place, examples: Sizes| DataEntry {
            name: known.name.to_owned(),
            what: known.what.to_owned(),
            place,
            shape: known.shape,
            classes: known.class_names.len(),
            train_examples: examples.train,
            test_examples: examples.test,
            licence: known.licence.to_owned(),
        };
        rows.extend(known.embedded.map(|sizes| row(Some("embedded".to_owned()), sizes)));
        let found = layout::find(known, &layout::directories(data_dir))?;
        rows.push(row(found.map(|found| found.folder.display().to_string()), known.complete));
    }
    Ok(rows)
}
