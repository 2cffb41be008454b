//! Loads the examples of a request: embedded in the program, in a usual folder, or at a path.

use std::path::PathBuf;

use minimascope_record::dataset::Subset;

use crate::catalogue::{Files, KnownDataset};
use crate::dataset::{Dataset, Description, MOST_CLASSES};
use crate::embedded;
use crate::error::Error;
use crate::layout::{self, FoundFiles, Layout, PairFormat};
use crate::split::Split;
use crate::{cifar, idx, npy, npz};

/// Larger pixels get a note. Pixels from 0 to 1, less the mean of their channel and over its standard
/// deviation, reach 3: (1 − 0.13)/0.31 for MNIST, (1 − 0.45)/0.20 for CIFAR-10.
const LARGEST_USUAL: f32 = 5.0;

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
/// A split from a path may have notes ([`Split::notes`]).
///
/// # Errors
/// [`Error::NoFolder`], [`Error::UnknownDataset`], [`Error::NotHere`], [`Error::MoreThanEmbedded`],
/// [`Error::Incomplete`] for a folder with some files of a known dataset, and whatever is wrong with
/// a file or a subset.
pub fn load(request: &Request) -> Result<Split, Error> {
    load_from(request, &layout::directories(request.data_dir.as_deref()))
}

/// As [`load`], with `searched` instead of the usual folders.
///
/// # Errors
/// Those of [`load`].
pub fn load_from(request: &Request, searched: &[PathBuf]) -> Result<Split, Error> {
    layout::check_folder(request.data_dir.as_deref())?;
    let known = match KnownDataset::by_name(&request.dataset) {
        Ok(known) => known,
        Err(unknown) => return of_path(request, unknown),
    };
    for (asked, available) in
        [(request.train.count(), known.complete.train), (request.test.count(), known.complete.test)]
    {
        if let Some(requested) = asked.filter(|&requested| requested > available) {
            let file = format!("the complete {}", known.name).into();
            return Err(Error::TooFewExamples { file, requested, available });
        }
    }
    if let Some(directory) = &request.data_dir {
        let directory = std::slice::from_ref(directory);
        if let Some(found) = layout::find(known, directory)? {
            return chosen(read_known(known, &found)?, request);
        }
        if let Some(part) = layout::find_incomplete(known, directory) {
            return Err(part.into());
        }
    }
    let too_small = match embedded_examples(known)?.map(|split| chosen(split, request)) {
        Some(Err(Error::TooFewExamples { requested, available, .. })) => {
            Some((requested, available))
        }
        Some(split) => return split,
        None => None,
    };
    if let Some(found) = layout::find(known, searched)? {
        return chosen(read_known(known, &found)?, request);
    }
    if let Some(part) = layout::find_incomplete(known, searched) {
        return Err(part.into());
    }
    let is_cifar = matches!(known.files, Files::CifarBinary { .. });
    let pickles = searched.iter().find_map(|directory| layout::pickles(directory));
    if let Some(folder) = pickles.filter(|_| is_cifar) {
        return Err(Error::Pickled(folder));
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
    let notes = split.notes().to_vec();
    let (train, test) = split.into_parts();
    let choose = |dataset: Dataset, subset| match &request.classes {
        Some(classes) => dataset.of_classes(classes)?.subset(subset),
        None => dataset.subset(subset),
    };
    let test = test.map(|test| choose(test, request.test)).transpose()?;
    Ok(Split::new(choose(train, request.train)?, test)?.noting(notes))
}

/// The examples at a path, and what is unusual about them.
fn of_path(request: &Request, unknown: Error) -> Result<Split, Error> {
    let split = read_path(request, unknown)?;
    let mut notes = Vec::new();
    for class in request.classes.iter().flatten() {
        if !split.train().labels().contains(class) {
            let source = split.train().source();
            notes.push(format!(
                "data.classes names class {class}, of which {source} has no training example"
            ));
        }
    }
    let split = chosen(split.noting(notes), request)?;
    let largest = |dataset: &Dataset| dataset.largest_pixel();
    let largest = largest(split.train()).max(split.test().map_or(0.0, largest));
    let source = split.train().source();
    let note = (largest > LARGEST_USUAL).then(|| {
        format!(
            "the pixels of {source} reach {largest} in magnitude, those of an image 1; curvatures \
             grow with their square, and only uint8 is divided by 255 here"
        )
    });
    Ok(split.noting(note))
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
    let mut note = None;
    if let Layout::CifarBinary { train, .. } = &found.layout {
        description.classes = Some(cifar::CLASSES);
        let (batches, folder) = (train.len(), found.folder.display());
        note = (batches < cifar::BATCHES).then(|| {
            format!("{folder} holds {batches} training batches, CIFAR-10 has {}", cifar::BATCHES)
        });
    }
    let is_counted = description.classes.is_none();
    let split = read(&found.layout, description, None)?.noting(note);
    // Labels do not say which classes there are beyond the last that they name.
    let last = request.classes.iter().flatten().map(|class| *class as usize).max();
    match last.filter(|last| is_counted && *last < MOST_CLASSES) {
        Some(last) => Ok(split.with_classes(last + 1)),
        None => Ok(split),
    }
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
    let mut note = None;
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
        Layout::Npz(file) => {
            let npz::Contents { train, test, unread } = npz::contents(file)?;
            note = (!unread.is_empty()).then(|| {
                let (file, names) = (file.display(), unread.join(", "));
                format!("{file} also holds the arrays [{names}], which are not read")
            });
            (train, test)
        }
    };
    Ok(Split::from_examples(description, train, test)?.noting(note))
}
