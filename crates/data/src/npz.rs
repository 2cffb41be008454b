//! A zip archive of NumPy arrays: `.npz`, as `numpy.savez` and `numpy.savez_compressed` write it.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use crate::dataset::LabelledImages;
use crate::error::Error;
use crate::npy::{self, Array};
use crate::stream::{Stream, unreadable};

/// Names of the arrays of training images and labels, in the order they are tried.
const TRAIN: [[&str; 2]; 2] = [["x", "y"], ["x_train", "y_train"]];
/// Names of the arrays of test images and labels.
const TEST: [&str; 2] = ["x_test", "y_test"];

/// Reads training examples (`x` and `y`, or `x_train` and `y_train`) and, where they are there,
/// test examples (`x_test` and `y_test`). The archive may be gzip once more. Types and shapes: see
/// [`crate::npy::read`].
///
/// # Errors
/// [`Error::BadArchive`], [`Error::MissingArray`], and those of [`crate::npy::read`].
pub fn read(path: &Path) -> Result<(LabelledImages, Option<LabelledImages>), Error> {
    contents(path).map(|found| (found.train, found.test))
}

/// What an archive holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The training examples.
    pub train: LabelledImages,
    /// The test examples, where they are there.
    pub test: Option<LabelledImages>,
    /// Names of the arrays that are neither.
    pub unread: Vec<String>,
}

/// As [`read`], with the names of what is not read.
///
/// # Errors
/// Those of [`read`].
pub fn contents(path: &Path) -> Result<Contents, Error> {
    let mut stream = Stream::open(path)?;
    if stream.is_gzip() {
        return examples(path, Cursor::new(stream.up_to(u64::MAX)?));
    }
    examples(path, BufReader::new(File::open(path).map_err(unreadable(path))?))
}

/// Whether a file is a zip archive, plain or gzip.
pub(crate) fn is_archive(path: &Path) -> Result<bool, Error> {
    let start = Stream::open(path)?.up_to(4)?;
    Ok(start == b"PK\x03\x04" || start == b"PK\x05\x06")
}

/// As [`contents`], from an archive that is not gzip once more; `path` is what errors call it.
///
/// # Errors
/// Those of [`read`].
pub fn examples(path: &Path, reader: impl Read + Seek) -> Result<Contents, Error> {
    let mut archive = ZipArchive::new(reader).map_err(|fault| bad_archive(path, &fault))?;
    // Of members of one name the library keeps the last.
    if archive.has_duplicate_names() {
        let reason = "it has two members of one name".to_owned();
        return Err(Error::BadArchive { file: path.to_path_buf(), reason });
    }
    let mut names: Vec<String> = archive
        .file_names()
        .filter_map(|name| name.ok()?.strip_suffix(".npy").map(str::to_owned))
        .collect();
    names.sort_unstable();
    let has = |wanted: &[&str]| wanted.iter().all(|name| names.iter().any(|found| found == name));
    let missing = |wanted: &'static str| Error::MissingArray {
        file: path.to_path_buf(),
        wanted,
        found: names.clone(),
    };
    let train = TRAIN.into_iter().find(|pair| has(pair));
    let train = train.ok_or_else(|| missing("x and y, or x_train and y_train"))?;
    let test = has(&TEST).then_some(TEST);
    if test.is_none() && TEST.iter().any(|name| has(&[name])) {
        return Err(missing("x_test and y_test"));
    }
    let is_read = |name: &str| train.iter().chain(test.iter().flatten()).any(|read| *read == name);
    let unread = names.iter().filter(|name| !is_read(name)).cloned().collect();
    let source = path.display().to_string();
    let mut pair = |[images, labels]: [&str; 2]| {
        let images = array(path, &mut archive, images)?;
        npy::of_arrays(&images, &array(path, &mut archive, labels)?, source.clone())
    };
    Ok(Contents { train: pair(train)?, test: test.map(pair).transpose()?, unread })
}

fn array(
    path: &Path,
    archive: &mut ZipArchive<impl Read + Seek>,
    name: &str,
) -> Result<Array, Error> {
    let file = format!("{name}.npy");
    let entry = archive.by_name(&file).map_err(|fault| bad_archive(path, &fault))?;
    Array::read(Stream::in_archive(&path.join(file), entry))
}

fn bad_archive(path: &Path, fault: &dyn std::error::Error) -> Error {
    Error::BadArchive { file: path.to_path_buf(), reason: fault.to_string() }
}
