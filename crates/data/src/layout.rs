//! Finds the files of a dataset on disk, and recognises what lies at a path.

use std::path::{Path, PathBuf};

use crate::catalogue::{Files, KnownDataset};
use crate::error::Error;
use crate::{batches, checksum, npz};

/// The files of one dataset on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFiles {
    /// The folder, or the file where one holds everything.
    pub folder: PathBuf,
    /// What is in it.
    pub layout: Layout,
}

/// How a dataset lies on disk. Every file may be gzip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Images and labels as IDX or NumPy arrays in files of their own.
    Pairs {
        /// Training images and labels.
        train: [PathBuf; 2],
        /// Test images and labels.
        test: Option<[PathBuf; 2]>,
        /// Their format.
        format: PairFormat,
    },
    /// CIFAR-10 batches.
    CifarBinary {
        /// Training batches in order.
        train: Vec<PathBuf>,
        /// The test batch.
        test: Option<PathBuf>,
    },
    /// One NumPy archive.
    Npz(PathBuf),
}

/// The format of a file of images and a file of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairFormat {
    /// IDX.
    Idx,
    /// `.npy`.
    Npy,
}

/// Folders that are searched, in this order: `data_dir`, `./data` (where torchvision's examples
/// put it), the user's own folder ([`user_directory`]), Debian's `/usr/share/datasets`.
pub fn directories(data_dir: Option<&Path>) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = data_dir.map(Path::to_path_buf).into_iter().collect();
    directories.push("data".into());
    directories.extend(user_directory());
    directories.push("/usr/share/datasets".into());
    directories
}

/// Where downloads go unless another folder is given: `$XDG_DATA_HOME/minimascope`, or
/// `~/.local/share/minimascope`. Absent without a home.
pub fn user_directory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .map(|folder| folder.join("minimascope"))
}

/// Whether the folder that the user named is there, if one was named.
///
/// # Errors
/// [`Error::NoFolder`].
pub fn check_folder(data_dir: Option<&Path>) -> Result<(), Error> {
    match data_dir {
        Some(folder) if !folder.is_dir() => Err(Error::NoFolder(folder.to_owned())),
        _ => Ok(()),
    }
}

/// The complete files of a known dataset in the first of `directories` that has all of them, in
/// one of its usual folders or, if the labels are its own, in the directory itself.
///
/// # Errors
/// Labels in a directory itself that cannot be read: nothing says whose they are.
pub fn find(known: &KnownDataset, directories: &[PathBuf]) -> Result<Option<FoundFiles>, Error> {
    for (directory, folder) in usual_folders(known, directories) {
        let Some(files) = published(known, &folder).into_iter().collect::<Option<Vec<_>>>() else {
            continue;
        };
        if folder != directory || has_own_labels(known, &files)? {
            return Ok(Some(FoundFiles { folder, layout: as_published(known, files) }));
        }
    }
    Ok(None)
}

/// A folder with some files of a known dataset and without others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteFiles {
    /// The folder.
    pub folder: PathBuf,
    /// Files that are there, by their published names.
    pub present: Vec<&'static str>,
    /// Those that are not.
    pub missing: Vec<&'static str>,
}

impl From<IncompleteFiles> for Error {
    fn from(found: IncompleteFiles) -> Self {
        let IncompleteFiles { folder, present, missing } = found;
        let missing = missing.into_iter().map(str::to_owned).collect();
        Self::Incomplete { folder, present: present[0].to_owned(), missing }
    }
}

/// The first usual folder of `directories` that holds some files of a known dataset and not all.
pub fn find_incomplete(known: &KnownDataset, directories: &[PathBuf]) -> Option<IncompleteFiles> {
    usual_folders(known, directories).into_iter().find_map(|(directory, folder)| {
        // In a directory itself IDX files may be those of any dataset of the MNIST family.
        if folder == directory && matches!(known.files, Files::Idx(_)) {
            return None;
        }
        let names = known.files.all().into_iter().map(|file| file.name);
        let (present, missing): (Vec<_>, Vec<_>) =
            names.partition(|name| one_of(&folder, name).is_some());
        let is_part = !present.is_empty() && !missing.is_empty();
        is_part.then_some(IncompleteFiles { folder, present, missing })
    })
}

/// Every folder in which the files of a known dataset may lie, with its directory.
fn usual_folders(known: &KnownDataset, directories: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let below = |directory: &PathBuf| {
        let directory = directory.clone();
        known.folders.iter().map(move |&name| {
            let itself = name == ".";
            let folder = if itself { directory.clone() } else { directory.join(name) };
            (directory.clone(), folder)
        })
    };
    directories.iter().flat_map(below).collect()
}

/// The files of a known dataset that a folder holds, in the order of [`Files::all`].
fn published(known: &KnownDataset, folder: &Path) -> Vec<Option<PathBuf>> {
    known.files.all().iter().map(|file| one_of(folder, file.name)).collect()
}

/// MNIST and its successors use the same file names; their labels tell them apart.
fn has_own_labels(known: &KnownDataset, files: &[PathBuf]) -> Result<bool, Error> {
    match &known.files {
        Files::Idx([_, labels, ..]) => Ok(checksum::sha256_of_content(&files[1])? == labels.sha256),
        Files::CifarBinary { .. } => Ok(true),
    }
}

/// All files of a known dataset, in the order of [`Files::all`].
fn as_published(known: &KnownDataset, mut files: Vec<PathBuf>) -> Layout {
    let last = files.pop().expect("a dataset has files");
    match &known.files {
        Files::CifarBinary { .. } => Layout::CifarBinary { train: files, test: Some(last) },
        Files::Idx(_) => {
            let [images, labels, test_images] =
                files.try_into().expect("an IDX dataset has four files");
            let (train, test) = ([images, labels], Some([test_images, last]));
            Layout::Pairs { train, test, format: PairFormat::Idx }
        }
    }
}

/// What lies at a path that the user named: an `.npz` file, or a folder with IDX files, CIFAR-10
/// batches or `.npy` files, directly or in `raw` or `cifar-10-batches-bin` below it.
///
/// # Errors
/// [`Error::UnknownLayout`], [`Error::Unreadable`]; [`Error::Incomplete`] for images without labels
/// and for a gap between numbered batches; [`Error::Pickled`].
pub fn recognise(path: &Path) -> Result<FoundFiles, Error> {
    if path.is_file() {
        if npz::is_archive(path)? {
            return Ok(FoundFiles { folder: path.into(), layout: Layout::Npz(path.into()) });
        }
        return Err(Error::UnknownLayout(path.into()));
    }
    for folder in [path.into(), path.join("raw"), path.join("cifar-10-batches-bin")] {
        if let Some(layout) = in_folder(&folder)? {
            return Ok(FoundFiles { folder, layout });
        }
    }
    match pickles(path) {
        Some(folder) => Err(Error::Pickled(folder)),
        None => Err(Error::UnknownLayout(path.into())),
    }
}

/// The folder at or below `directory` that holds CIFAR-10 as Python pickles.
pub(crate) fn pickles(directory: &Path) -> Option<PathBuf> {
    let mut folders = [directory.into(), directory.join("cifar-10-batches-py")].into_iter();
    folders.find(|folder: &PathBuf| folder.join("data_batch_1").is_file())
}

fn in_folder(folder: &Path) -> Result<Option<Layout>, Error> {
    let idx =
        |part: &str| [format!("{part}-images-idx3-ubyte"), format!("{part}-labels-idx1-ubyte")];
    if let Some(train) = pair(folder, &idx("train"))? {
        let test = pair(folder, &idx("t10k"))?;
        return Ok(Some(Layout::Pairs { train, test, format: PairFormat::Idx }));
    }
    let train = batches::numbered(folder)?;
    if !train.is_empty() {
        return Ok(Some(Layout::CifarBinary { train, test: one_of(folder, "test_batch.bin") }));
    }
    let npy = |part: &str| pair(folder, &[format!("x{part}.npy"), format!("y{part}.npy")]);
    let train = match npy("")? {
        Some(train) => Some(train),
        None => npy("_train")?,
    };
    let Some(train) = train else { return Ok(None) };
    Ok(Some(Layout::Pairs { train, test: npy("_test")?, format: PairFormat::Npy }))
}

/// Both files, or neither.
fn pair(folder: &Path, names: &[String; 2]) -> Result<Option<[PathBuf; 2]>, Error> {
    let missing = |present: &str, missing: &str| Error::Incomplete {
        folder: folder.to_owned(),
        present: present.to_owned(),
        missing: vec![missing.to_owned()],
    };
    let [images, labels] = names;
    match [one_of(folder, images), one_of(folder, labels)] {
        [Some(images), Some(labels)] => Ok(Some([images, labels])),
        [None, None] => Ok(None),
        [Some(_), None] => Err(missing(images, labels)),
        [None, Some(_)] => Err(missing(labels, images)),
    }
}

/// The file, its `.gz`, or either under the name of mirrors that write `.idx3` for `-idx3`.
pub(crate) fn one_of(folder: &Path, name: &str) -> Option<PathBuf> {
    let mirrored = name.replace("-idx", ".idx");
    let names =
        [name, &mirrored].map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]);
    names.into_iter().flatten().find(|path| path.is_file())
}
