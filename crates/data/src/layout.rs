//! Finds the files of a dataset on disk, and recognises what lies at a path.

use std::path::{Path, PathBuf};

use crate::catalogue::{Files, KnownDataset};
use crate::error::Error;
use crate::stream::Stream;
use crate::{checksum, npz};

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

/// The complete files of a known dataset in the first of `directories` that has all of them, in
/// one of its usual folders or, if the labels are its own, in the directory itself.
pub fn find(known: &KnownDataset, directories: &[PathBuf]) -> Option<FoundFiles> {
    directories.iter().find_map(|directory| {
        known.folders.iter().find_map(|&name| {
            let itself = name == ".";
            let folder = if itself { directory.clone() } else { directory.join(name) };
            let layout = match &known.files {
                Files::Idx(files) => {
                    let [train, _, test, _] = files;
                    let (train, test) =
                        (idx_pair(&folder, train.name)?, idx_pair(&folder, test.name)?);
                    // MNIST and its successors use the same file names.
                    let own = |labels: &Path| {
                        let reader = Stream::open(labels).ok()?.into_reader();
                        Some(checksum::sha256(reader).ok()? == files[1].sha256)
                    };
                    if itself && own(&train[1]) != Some(true) {
                        return None;
                    }
                    Layout::Pairs { train, test: Some(test), format: PairFormat::Idx }
                }
                Files::CifarBinary { train, test, .. } => Layout::CifarBinary {
                    train: train
                        .iter()
                        .map(|batch| either(&folder, batch.name))
                        .collect::<Option<_>>()?,
                    test: Some(either(&folder, test.name)?),
                },
            };
            Some(FoundFiles { folder, layout })
        })
    })
}

/// What lies at a path that the user named: an `.npz` file, or a folder with IDX files, CIFAR-10
/// batches or `.npy` files, directly or in `raw` or `cifar-10-batches-bin` below it.
///
/// # Errors
/// [`Error::UnknownLayout`], [`Error::Unreadable`].
pub fn recognise(path: &Path) -> Result<FoundFiles, Error> {
    if path.is_file() {
        if npz::is_archive(path)? {
            return Ok(FoundFiles { folder: path.into(), layout: Layout::Npz(path.into()) });
        }
        return Err(Error::UnknownLayout(path.into()));
    }
    for folder in [path.into(), path.join("raw"), path.join("cifar-10-batches-bin")] {
        if let Some(layout) = in_folder(&folder) {
            return Ok(FoundFiles { folder, layout });
        }
    }
    Err(Error::UnknownLayout(path.into()))
}

fn in_folder(folder: &Path) -> Option<Layout> {
    if let Some(train) = idx_pair(folder, "train-images-idx3-ubyte") {
        let test = idx_pair(folder, "t10k-images-idx3-ubyte");
        return Some(Layout::Pairs { train, test, format: PairFormat::Idx });
    }
    let train: Vec<PathBuf> =
        (1..).map_while(|batch| either(folder, &format!("data_batch_{batch}.bin"))).collect();
    if !train.is_empty() {
        return Some(Layout::CifarBinary { train, test: either(folder, "test_batch.bin") });
    }
    let npy = |images: &str, labels: &str| Some([either(folder, images)?, either(folder, labels)?]);
    let train = npy("x.npy", "y.npy").or_else(|| npy("x_train.npy", "y_train.npy"))?;
    Some(Layout::Pairs { train, test: npy("x_test.npy", "y_test.npy"), format: PairFormat::Npy })
}

/// Images and labels from the images' published name; some mirrors write `.idx3` for `-idx3`.
fn idx_pair(folder: &Path, images: &str) -> Option<[PathBuf; 2]> {
    let labels = images.replace("images-idx3", "labels-idx1");
    let named =
        |name: &str| either(folder, name).or_else(|| either(folder, &name.replace("-idx", ".idx")));
    Some([named(images)?, named(&labels)?])
}

/// The file itself or its `.gz`.
fn either(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}
