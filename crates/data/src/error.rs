//! Errors of data. Each text says what happened and what to do.

use std::path::PathBuf;

use minimascope_record::architecture::Shape;
use minimascope_record::bytes::Bytes;

/// Why data was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system would not open or read a file.
    #[error("{file} cannot be read ({source}); check the path and its permissions")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Gzip data ends early or is not gzip after its first bytes.
    #[error(
        "{file} is truncated or damaged: its gzip data cannot be decompressed ({source}); copy or fetch it again"
    )]
    DamagedGzip {
        /// The file.
        file: PathBuf,
        /// The decompressor's reason.
        source: std::io::Error,
    },
    /// Fewer bytes than the header, or whole records, need.
    #[error(
        "{file} is truncated: {expected} bytes were expected and {found} are there; copy or fetch it again"
    )]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Bytes that should be there, decompressed.
        expected: u64,
        /// Bytes that are.
        found: u64,
    },
    /// More bytes than the header says.
    #[error(
        "{file} goes on after the {expected} bytes its header announces; it is damaged or not the file it seems, copy or fetch it again"
    )]
    TrailingBytes {
        /// The file.
        file: PathBuf,
        /// Bytes that should be there after the header, decompressed.
        expected: u64,
    },
    /// The first bytes are not those of the format.
    #[error(
        "{file} is not {format}: it starts with bytes {found:02x?} instead of {expected:02x?}; give the right file"
    )]
    WrongMagic {
        /// The file.
        file: PathBuf,
        /// What it was taken for.
        format: &'static str,
        /// The format's first bytes.
        expected: Vec<u8>,
        /// The file's.
        found: Vec<u8>,
    },
    /// The header's dimensions multiply to more than can exist.
    #[error(
        "{file} announces {dimensions:?} numbers, more than any file holds; its header is damaged, copy or fetch it again"
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The dimensions as the header has them.
        dimensions: Vec<u64>,
    },
    /// A file or selection without examples.
    #[error("{0} holds no examples; give another file or other classes")]
    Empty(PathBuf),
    /// Images and labels do not belong together.
    #[error(
        "{images_file} holds {images} images but {labels_file} holds {labels} labels; give files that belong together"
    )]
    LengthMismatch {
        /// Where the images are.
        images_file: PathBuf,
        /// Where the labels are.
        labels_file: PathBuf,
        /// Number of images.
        images: u64,
        /// Number of labels.
        labels: u64,
    },
    /// Not one image for each label.
    #[error(
        "{file} holds {pixels} pixels for {labels} labels of {shape} pixels; give files that belong together"
    )]
    PixelCount {
        /// The file or source.
        file: PathBuf,
        /// Number of pixels.
        pixels: usize,
        /// Number of labels.
        labels: usize,
        /// Shape of one image.
        shape: Shape,
    },
    /// A label that names no class.
    #[error(
        "{file}: the label of example {example} is {label}, but labels must be 0 to {}; correct the file or the number of classes",
        .classes.saturating_sub(1)
    )]
    LabelOutOfRange {
        /// The file or source.
        file: PathBuf,
        /// The example, counted from 0.
        example: usize,
        /// Its label.
        label: i128,
        /// Number of classes.
        classes: usize,
    },
    /// NaN or infinity among the pixels.
    #[error(
        "{file}: pixel {pixel} of example {example} is {value:?}, but pixels must be finite in single precision; correct the file"
    )]
    NonFinitePixel {
        /// The file or source.
        file: PathBuf,
        /// The example, counted from 0.
        example: usize,
        /// The pixel within the example, counted from 0 in C, H, W order.
        pixel: usize,
        /// Its value.
        value: f64,
    },
    /// Class names that do not fit the number of classes.
    #[error("{file}: {names} class names were given for {classes} classes; give one for each")]
    ClassNames {
        /// The file or source.
        file: PathBuf,
        /// Number of names.
        names: usize,
        /// Number of classes.
        classes: usize,
    },
    /// Training and test examples of different problems.
    #[error(
        "{train} ({train_shape}, {train_classes} classes) and {test} ({test_shape}, {test_classes} classes) do not belong together; give training and test files of one dataset"
    )]
    SplitMismatch {
        /// Source of the training examples.
        train: PathBuf,
        /// Source of the test examples.
        test: PathBuf,
        /// Shape of a training image.
        train_shape: Shape,
        /// Classes of the training set.
        train_classes: usize,
        /// Shape of a test image.
        test_shape: Shape,
        /// Classes of the test set.
        test_classes: usize,
    },
    /// More examples wanted than there are.
    #[error(
        "{file} holds {available} examples but {requested} were asked for; ask for at most {available} or give a larger file"
    )]
    TooFewExamples {
        /// The file or source.
        file: PathBuf,
        /// Number asked for.
        requested: usize,
        /// Number there.
        available: usize,
    },
    /// A class that the data does not have.
    #[error(
        "{file} has classes 0 to {}, not {class}; choose among them",
        .classes.saturating_sub(1)
    )]
    UnknownClass {
        /// The file or source.
        file: PathBuf,
        /// The class asked for.
        class: u32,
        /// Number of classes.
        classes: usize,
    },
    /// Zero examples asked for.
    #[error("0 examples of {0} were asked for; ask for at least 1")]
    NoneRequested(PathBuf),
    /// Label corruption with a single class.
    #[error(
        "{0} has a single class, so no label of it can be wrong; use data with two classes or more"
    )]
    NoWrongLabel(PathBuf),
    /// A fraction outside 0 to 1.
    #[error("the fraction of corrupted labels is {0}; it must be between 0 and 1")]
    Fraction(f64),
    /// A `.npy` header that this program does not read.
    #[error(
        "{file} has a NumPy header that cannot be used: {reason}; write numpy.ascontiguousarray of the array with numpy.save"
    )]
    NpyHeader {
        /// The file.
        file: PathBuf,
        /// What is wrong with the header.
        reason: String,
    },
    /// Elements of a type that is not read.
    #[error("{file} holds {found}, but it must be {wanted}; convert it with astype")]
    UnsupportedType {
        /// The file.
        file: PathBuf,
        /// The type found.
        found: String,
        /// The types that are read.
        wanted: &'static str,
    },
    /// An array of a shape that is not read.
    #[error("{file} has shape {shape:?}, but it must be {wanted}; reshape it")]
    UnsupportedShape {
        /// The file.
        file: PathBuf,
        /// The shape found.
        shape: Vec<u64>,
        /// The shapes that are read.
        wanted: &'static str,
    },
    /// Images with their channels last.
    #[error(
        "{file} has shape {shape:?} with the channels last, but images are read as (n, c, h, w); save numpy.ascontiguousarray(x.transpose(0, 3, 1, 2)) instead of x"
    )]
    ChannelsLast {
        /// The file.
        file: PathBuf,
        /// The shape found.
        shape: Vec<u64>,
    },
    /// A zip archive that cannot be read.
    #[error(
        "{file} cannot be read as a NumPy .npz archive ({reason}); copy it again or write it with numpy.savez"
    )]
    BadArchive {
        /// The file, or the member of the archive.
        file: PathBuf,
        /// The reader's reason.
        reason: String,
    },
    /// A downloaded tar archive that cannot be unpacked.
    #[error("{file} cannot be unpacked ({reason}); fetch it again")]
    BadTar {
        /// The archive.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An archive without the arrays of a dataset.
    #[error(
        "{file} holds the arrays [{}] but not {wanted}; name them so with numpy.savez",
        found.join(", ")
    )]
    MissingArray {
        /// The file.
        file: PathBuf,
        /// Names looked for.
        wanted: &'static str,
        /// Names found.
        found: Vec<String>,
    },
    /// A path at which no known format lies.
    #[error(
        "{0} is not a dataset: give an .npz file, or a folder with IDX files (train-images-idx3-ubyte …), CIFAR-10 batches (data_batch_1.bin …) or x.npy and y.npy"
    )]
    UnknownLayout(PathBuf),
    /// Some files of a dataset without the others.
    #[error(
        "{} holds {present} but not {}; copy there what is missing, or take the rest away",
        folder.display(),
        missing.join(", ")
    )]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// A file that is there.
        present: String,
        /// Files that should be there too.
        missing: Vec<String>,
    },
    /// CIFAR-10 as torchvision and Keras unpack it.
    #[error(
        "{0} holds CIFAR-10 as Python pickles, which are not read; give its binary version, whose batches end in .bin"
    )]
    Pickled(PathBuf),
    /// A folder that the user named and that is not there.
    #[error("{0} is not a folder; give one that exists with --data-dir or data.folder")]
    NoFolder(PathBuf),
    /// Neither a known name nor a path.
    #[error(
        "{dataset} is neither a known dataset ({}) nor a path that exists; give one of them",
        known.join(", ")
    )]
    UnknownDataset {
        /// What was asked for.
        dataset: String,
        /// The known names.
        known: Vec<&'static str>,
    },
    /// The files of a known dataset were not found.
    #[error(
        "{dataset} was not found in {}; fetch it with `minimascope data fetch {dataset}` or give its folder with --data-dir",
        folders(searched)
    )]
    NotHere {
        /// The dataset.
        dataset: String,
        /// Folders searched.
        searched: Vec<PathBuf>,
    },
    /// More wanted than the program holds, and the complete files were not found.
    #[error(
        "{requested} examples of {dataset} were asked for, {available} are built in and the complete files were not found in {}; fetch them with `minimascope data fetch {dataset}` or give their folder with --data-dir",
        folders(searched)
    )]
    MoreThanEmbedded {
        /// The dataset.
        dataset: String,
        /// Number asked for.
        requested: usize,
        /// Number built in, after the choice of classes.
        available: usize,
        /// Folders searched.
        searched: Vec<PathBuf>,
    },
    /// A file or folder could not be written.
    #[error(
        "{file} cannot be written ({source}); free space or give another folder with --data-dir"
    )]
    Unwritable {
        /// The file or folder.
        file: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// No connection to a server.
    #[error("{address} cannot be reached ({reason}); check the network or copy the files by hand")]
    Connection {
        /// The address.
        address: String,
        /// Why not.
        reason: String,
    },
    /// A server refused.
    #[error(
        "{address} answered with HTTP status {status}; try again later or give a mirror's address"
    )]
    HttpStatus {
        /// The address.
        address: String,
        /// The status.
        status: u16,
    },
    /// A download ended early; what came is kept.
    #[error(
        "the download of {address} stopped after {}{} ({reason}); run the same command again to continue",
        Bytes(*bytes),
        total.map(|total| format!(" of {}", Bytes(total))).unwrap_or_default()
    )]
    Interrupted {
        /// The address.
        address: String,
        /// Bytes on disk.
        bytes: u64,
        /// Bytes in all, where the server said so.
        total: Option<u64>,
        /// What ended it.
        reason: String,
    },
    /// A complete download is not the published file; it was deleted.
    #[error(
        "{address} is not the published file: its SHA-256 should be {expected} and is {found}; try again or give a mirror's address"
    )]
    WrongChecksum {
        /// The address.
        address: String,
        /// The published checksum.
        expected: String,
        /// The checksum found, or why there is none.
        found: String,
    },
}

fn folders(searched: &[PathBuf]) -> String {
    searched.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
