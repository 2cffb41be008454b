//! Loads the examples of a request: embedded in the program, in a usual folder, or at a path.

use std::path::PathBuf;

use minimascope_record::dataset::Subset;

use crate::catalogue::{Files, KnownDataset};
use crate::dataset::{Dataset, Description};
use crate::embedded;
use crate::error::Error;
use crate::layout::{self, FoundFiles, Layout, PairFormat};
use crate::split::Split;
use crate::{cifar, idx, npy, npz};

/// Which examples to load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// A name of the catalogue, or a path: an `.npz` file or a folder of IDX files, CIFAR-10
    /// batches or `.npy` files.
    pub dataset: String,
    /// A folder to look in before the usual ones.
    pub data_dir: Option<PathBuf>,
    /// Only these classes, relabelled 0, 1, … in ascending order; applied before the subsets.
    pub classes: Option<Vec<u32>>,
    /// Which training examples. All means all of the first source that serves.
    pub train: Subset,
    /// Which test examples.
    pub test: Subset,
}

/// Loads the examples of a request. For a name of the catalogue it tries the sources in this order: the
/// complete files in `data_dir` if they are there; the examples embedded in the program if they
/// are enough; the complete files in the usual folders ([`layout::directories`]). The embedded
/// examples are the first of the complete files, so the first n are the same bits either way.
///
/// # Errors
/// [`Error::UnknownDataset`], [`Error::NotHere`], [`Error::MoreThanEmbedded`], and whatever is
/// wrong with a file or a subset.
pub fn load(request: &Request) -> Result<Split, Error> {
    load_from(request, &layout::directories(request.data_dir.as_deref()))
}

/// As [`load`], with `searched` instead of the usual folders.
///
/// # Errors
/// Those of [`load`].
pub fn load_from(request: &Request, searched: &[PathBuf]) -> Result<Split, Error> {
    let known = match KnownDataset::by_name(&request.dataset) {
        Ok(known) => known,
        Err(unknown) => return chosen(read_path(request, unknown)?, request),
    };
    for (asked, available) in
        [(request.train.count(), known.complete.train), (request.test.count(), known.complete.test)]
    {
        if let Some(requested) = asked.filter(|&requested| requested > available) {
            let file = format!("the complete {}", known.name).into();
            return Err(Error::TooFewExamples { file, requested, available });
        }
    }
    if let Some(directory) = &request.data_dir
        && let Some(found) = layout::find(known, std::slice::from_ref(directory))
    {
        return chosen(read_known(known, &found)?, request);
    }
    let too_small = match embedded_examples(known)?.map(|split| chosen(split, request)) {
        Some(Err(Error::TooFewExamples { requested, available, .. })) => {
            Some((requested, available))
        }
        Some(split) => return split,
        None => None,
    };
    if let Some(found) = layout::find(known, searched) {
        return chosen(read_known(known, &found)?, request);
    }
    let (dataset, searched) = (known.name.to_owned(), searched.to_vec());
    Err(match too_small {
        Some((requested, available)) => {
            Error::MoreThanEmbedded { dataset, requested, available, searched }
        }
        None => Error::NotHere { dataset, searched },
    })
}

fn chosen(split: Split, request: &Request) -> Result<Split, Error> {
    let (train, test) = split.into_parts();
    let choose = |dataset: Dataset, subset| match &request.classes {
        Some(classes) => dataset.of_classes(classes)?.subset(subset),
        None => dataset.subset(subset),
    };
    Split::new(
        choose(train, request.train)?,
        test.map(|test| choose(test, request.test)).transpose()?,
    )
}

fn embedded_examples(known: &KnownDataset) -> Result<Option<Split>, Error> {
    match known.embedded {
        None => Ok(None),
        Some(_) => embedded::load(known.name, known.description()).map(Some),
    }
}

fn read_known(known: &KnownDataset, found: &FoundFiles) -> Result<Split, Error> {
    let classes = match &known.files {
        Files::CifarBinary { classes, .. } => classes.as_deref(),
        Files::Idx(_) => None,
    };
    read(&found.layout, known.description(), classes)
}

fn read_path(request: &Request, unknown: Error) -> Result<Split, Error> {
    let given = PathBuf::from(&request.dataset);
    let path = match &request.data_dir {
        Some(directory) if !given.exists() => directory.join(&given),
        _ => given,
    };
    if !path.exists() {
        return Err(unknown);
    }
    let found = layout::recognise(&path)?;
    let name = path
        .file_stem()
        .map_or_else(|| request.dataset.clone(), |stem| stem.to_string_lossy().into_owned());
    let mut description = Description::named(name);
    if matches!(found.layout, Layout::CifarBinary { .. }) {
        description.classes = Some(cifar::CLASSES);
    }
    read(&found.layout, description, None)
}

/// Reads files that lie in a known way. `classes` selects among CIFAR-10 records while reading.
///
/// # Errors
/// Whatever is wrong with a file.
pub fn read(
    layout: &Layout,
    description: Description,
    classes: Option<&[u32]>,
) -> Result<Split, Error> {
    let (train, test) = match layout {
        Layout::Pairs { train, test, format } => {
            let read = match format {
                PairFormat::Idx => idx::read,
                PairFormat::Npy => npy::read,
            };
            let pair = |[images, labels]: &[PathBuf; 2]| read(images, labels);
            (pair(train)?, test.as_ref().map(pair).transpose()?)
        }
        Layout::CifarBinary { train, test } => {
            let test = test.as_ref().map(|test| cifar::read(std::slice::from_ref(test), classes));
            (cifar::read(train, classes)?, test.transpose()?)
        }
        Layout::Npz(file) => npz::read(file)?,
    };
    Split::from_examples(description, train, test)
}
