//! The images embedded in the program: small subsets of Fashion-MNIST and CIFAR-10, unchanged pixels
//! and labels, so that an installed binary works anywhere, offline. Sources, licences and
//! checksums: `embedded/README.md`.

use std::path::Path;

use crate::dataset::{Description, LabelledImages};
use crate::error::Error;
use crate::split::Split;
use crate::stream::Stream;
use crate::{cifar, idx};

/// One compressed file inside the program.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedFile {
    /// Its path below `embedded/`, without `.gz`.
    pub name: &'static str,
    /// SHA-256 of the decompressed content, in hexadecimal.
    pub sha256: &'static str,
    /// The gzip bytes.
    compressed: &'static [u8],
}

impl EmbeddedFile {
    /// SHA-256 of the decompressed content as it is now, in hexadecimal.
    ///
    /// # Errors
    /// [`Error::DamagedGzip`] if the program file was damaged.
    pub fn actual_sha256(&self) -> Result<String, Error> {
        let file = Path::new(self.name);
        crate::checksum::sha256(Stream::from_bytes(file, self.compressed)?.into_reader())
            .map_err(|source| Error::DamagedGzip { file: file.to_path_buf(), source })
    }

    fn stream(&self) -> Result<Stream<'static>, Error> {
        Stream::from_bytes(&Path::new("embedded").join(self.name), self.compressed)
    }
}

macro_rules! embedded {
    ($name:literal, $sha256:literal) => {
        EmbeddedFile {
            name: $name,
            sha256: $sha256,
            compressed: include_bytes!(concat!("../embedded/", $name, ".gz")),
        }
    };
}

/// The first 5,000 training images of Fashion-MNIST and all 10,000 test images, with labels:
/// training images, training labels, test images, test labels.
pub static FASHION_MNIST: [EmbeddedFile; 4] = [
    embedded!(
        "fashion-mnist/train-images-idx3-ubyte",
        "626b8bf8433327de7912bae1d0e4c70fdcca53de33970297bf9a2205500c574a"
    ),
    embedded!(
        "fashion-mnist/train-labels-idx1-ubyte",
        "86cccad95ab36653e416733235fc8fbb50b9429417f4eb2feb35e0b9a294e83c"
    ),
    embedded!(
        "fashion-mnist/t10k-images-idx3-ubyte",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    embedded!(
        "fashion-mnist/t10k-labels-idx1-ubyte",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
];

/// The first 1,000 training records of CIFAR-10's classes 0 and 1 and all 2,000 test records:
/// training, test.
pub static CIFAR10_AIRPLANE_AUTOMOBILE: [EmbeddedFile; 2] = [
    embedded!(
        "cifar10-airplane-automobile/train_batch.bin",
        "b92c246b0b0e58537697a2faf2adde7b81d8bbe5ab72ee138f22c546384ff7c2"
    ),
    embedded!(
        "cifar10-airplane-automobile/test_batch.bin",
        "b6e88c881dd1b7d0886ab296c67c67403408f5575f66eb24e4926ac16ad3ef2f"
    ),
];

/// The embedded files of a known dataset; none for other names.
pub fn files(dataset: &str) -> &'static [EmbeddedFile] {
    match dataset {
        "fashion-mnist" => &FASHION_MNIST,
        "cifar10-airplane-automobile" => &CIFAR10_AIRPLANE_AUTOMOBILE,
        _ => &[],
    }
}

/// The embedded examples of a known dataset, described as `description` says.
///
/// # Errors
/// [`Error::NotHere`] if nothing of it is embedded.
pub fn load(dataset: &str, description: Description) -> Result<Split, Error> {
    let (mut train, mut test) = match files(dataset) {
        [train_images, train_labels, test_images, test_labels] => (
            idx::examples(train_images.stream()?, train_labels.stream()?)?,
            idx::examples(test_images.stream()?, test_labels.stream()?)?,
        ),
        [train, test] => (records(train)?, records(test)?),
        _ => {
            return Err(Error::NotHere {
                dataset: dataset.to_owned(),
                searched: vec!["embedded".into()],
            });
        }
    };
    for (examples, part) in [(&mut train, "training"), (&mut test, "test")] {
        examples.source = format!("embedded {dataset} ({} {part} images)", examples.labels.len());
    }
    Split::from_examples(description, train, Some(test))
}

/// Labels of the embedded records are already 0 and 1.
fn records(file: &EmbeddedFile) -> Result<LabelledImages, Error> {
    cifar::examples(std::iter::once(file.stream()), file.name.to_owned(), 2, None)
}
