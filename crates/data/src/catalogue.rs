//! The datasets known by name: what they are, where they come from, and the checksums of their
//! files.

use minimascope_record::architecture::Shape;
use serde::Serialize;

use crate::dataset::Description;
use crate::error::Error;

/// A dataset known by name.
#[derive(Debug)]
pub struct KnownDataset {
    /// Its name on the command line and in configurations.
    pub name: &'static str,
    /// What it is, in one line.
    pub what: &'static str,
    /// Shape of one image.
    pub shape: Shape,
    /// Names of the classes in the order of their labels.
    pub class_names: &'static [&'static str],
    /// Numbers of examples inside the program, where there are any.
    pub embedded: Option<Sizes>,
    /// Numbers of examples in the complete files.
    pub complete: Sizes,
    /// The complete files.
    pub files: Files,
    /// Folders, below a data directory, in which the complete files usually lie. The first is
    /// where a download goes.
    pub folders: &'static [&'static str],
    /// Where the complete files are published.
    pub remote: Remote,
    /// Terms of use.
    pub licence: &'static str,
    /// What to cite.
    pub citation: &'static str,
    /// The dataset's page.
    pub homepage: &'static str,
}

/// Numbers of examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Training examples.
    pub train: usize,
    /// Test examples.
    pub test: usize,
}

/// One published file.
#[derive(Clone, Copy, Debug)]
pub struct KnownFile {
    /// Its name, decompressed.
    pub name: &'static str,
    /// SHA-256 of the decompressed content, in hexadecimal.
    pub sha256: &'static str,
}

/// The complete files of a dataset, by format.
#[derive(Debug)]
pub enum Files {
    /// Training images, training labels, test images, test labels.
    Idx([KnownFile; 4]),
    /// CIFAR-10 records.
    CifarBinary {
        /// Training batches in order.
        train: [KnownFile; 5],
        /// The test batch.
        test: KnownFile,
        /// The classes kept and relabelled in this order; all if absent.
        classes: Option<&'static [u32]>,
    },
}

impl Files {
    /// Every file.
    #[must_use]
    pub fn all(&self) -> Vec<KnownFile> {
        match self {
            Self::Idx(files) => files.to_vec(),
            Self::CifarBinary { train, test, .. } => train.iter().chain([test]).copied().collect(),
        }
    }
}

/// Where complete files are published.
#[derive(Debug)]
pub enum Remote {
    /// Each file by itself, as `base` + name + `.gz`.
    Gzip {
        /// Address of the folder, with a slash at the end.
        base: &'static str,
    },
    /// One tar archive, gzip, as `base` + name.
    Archive {
        /// Address of the folder, with a slash at the end.
        base: &'static str,
        /// The archive and the SHA-256 of its compressed bytes.
        archive: KnownFile,
    },
}

impl KnownDataset {
    /// The known dataset of this name.
    ///
    /// # Errors
    /// [`Error::UnknownDataset`] with the names there are.
    pub fn by_name(name: &str) -> Result<&'static Self, Error> {
        CATALOGUE.iter().find(|known| known.name == name).ok_or_else(|| Error::UnknownDataset {
            dataset: name.to_owned(),
            known: CATALOGUE.iter().map(|known| known.name).collect(),
        })
    }

    /// Name, number and names of the classes.
    #[must_use]
    pub fn description(&self) -> Description {
        Description {
            name: self.name.to_owned(),
            classes: Some(self.class_names.len()),
            class_names: Some(self.class_names.iter().map(|&name| name.to_owned()).collect()),
        }
    }
}

const GREY: Shape = Shape { channels: 1, height: 28, width: 28 };

const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const fn file(name: &'static str, sha256: &'static str) -> KnownFile {
    KnownFile { name, sha256 }
}

const CIFAR10_TRAIN: [KnownFile; 5] = [
    file("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    file("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    file("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    file("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    file("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
];

const CIFAR10_TEST: KnownFile =
    file("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b");

const CIFAR10_FOLDERS: &[&str] = &["cifar-10-batches-bin", "cifar10/cifar-10-batches-bin", "."];

const CIFAR10_ARCHIVE: Remote = Remote::Archive {
    base: "https://www.cs.toronto.edu/~kriz/",
    archive: file(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
};

const CIFAR10_LICENCE: &str = "free for research, cite the report";

const CIFAR10_CITATION: &str =
    "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009";

/// Every dataset known by name.
pub static CATALOGUE: [KnownDataset; 4] = [
    KnownDataset {
        name: "fashion-mnist",
        what: "Zalando's article images, grey, 10 classes",
        shape: GREY,
        class_names: &[
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ],
        embedded: Some(Sizes { train: 5_000, test: 10_000 }),
        complete: Sizes { train: 60_000, test: 10_000 },
        files: Files::Idx([
            file(
                "train-images-idx3-ubyte",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            file(
                "train-labels-idx1-ubyte",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            file(
                "t10k-images-idx3-ubyte",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            file(
                "t10k-labels-idx1-ubyte",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ]),
        folders: &["FashionMNIST/raw", "fashion-mnist", "."],
        remote: Remote::Gzip {
            base: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        },
        licence: "MIT, Zalando SE",
        citation: "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747",
        homepage: "https://github.com/zalandoresearch/fashion-mnist",
    },
    KnownDataset {
        name: "cifar10-airplane-automobile",
        what: "CIFAR-10's airplanes and automobiles, colour, 2 classes",
        shape: crate::cifar::SHAPE,
        class_names: &["airplane", "automobile"],
        embedded: Some(Sizes { train: 1_000, test: 2_000 }),
        complete: Sizes { train: 10_000, test: 2_000 },
        files: Files::CifarBinary {
            train: CIFAR10_TRAIN,
            test: CIFAR10_TEST,
            classes: Some(&[0, 1]),
        },
        folders: CIFAR10_FOLDERS,
        remote: CIFAR10_ARCHIVE,
        licence: CIFAR10_LICENCE,
        citation: CIFAR10_CITATION,
        homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    },
    KnownDataset {
        name: "cifar10",
        what: "CIFAR-10, photographs, colour, 10 classes",
        shape: crate::cifar::SHAPE,
        class_names: &CIFAR10_CLASSES,
        embedded: None,
        complete: Sizes { train: 50_000, test: 10_000 },
        files: Files::CifarBinary { train: CIFAR10_TRAIN, test: CIFAR10_TEST, classes: None },
        folders: CIFAR10_FOLDERS,
        remote: CIFAR10_ARCHIVE,
        licence: CIFAR10_LICENCE,
        citation: CIFAR10_CITATION,
        homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    },
    KnownDataset {
        name: "mnist",
        what: "handwritten digits, grey, 10 classes",
        shape: GREY,
        class_names: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        embedded: None,
        complete: Sizes { train: 60_000, test: 10_000 },
        files: Files::Idx([
            file(
                "train-images-idx3-ubyte",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            file(
                "train-labels-idx1-ubyte",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            file(
                "t10k-images-idx3-ubyte",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            file(
                "t10k-labels-idx1-ubyte",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ]),
        folders: &["MNIST/raw", "mnist", "."],
        remote: Remote::Gzip { base: "https://ossci-datasets.s3.amazonaws.com/mnist/" },
        licence: "CC BY-SA 3.0",
        citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, 1998",
        homepage: "http://yann.lecun.com/exdb/mnist/",
    },
];
