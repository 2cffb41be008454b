//! The datasets known by name: what they are, where they come from, and the checksums of their
//! files.

use std::sync::LazyLock;

use minimascope_record::architecture::Shape;
use serde::{Deserialize, Serialize};

use crate::dataset::Description;
use crate::error::Error;

/// A dataset known by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDataset {
    /// Its name on the command line and in configurations.
    pub name: &'static str,
    /// What it is, in one line.
    pub what: &'static str,
    /// Shape of one image.
    pub shape: Shape,
    /// Names of the classes in the order of their labels.
    pub class_names: Vec<&'static str>,
    /// Numbers of examples inside the program, where there are any.
    pub embedded: Option<Sizes>,
    /// Numbers of examples in the complete files.
    pub complete: Sizes,
    /// The complete files.
    pub files: Files,
    /// Folders, below a data directory, in which the complete files usually lie. The first is
    /// where a download goes.
    pub folders: Vec<&'static str>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Training examples.
    pub train: usize,
    /// Test examples.
    pub test: usize,
}

/// One published file.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct KnownFile {
    /// Its name, decompressed.
    pub name: &'static str,
    /// SHA-256 of the decompressed content, in hexadecimal.
    pub sha256: &'static str,
}

/// The complete files of a dataset, by format.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", bound = "'de: 'static")]
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
        classes: Option<Vec<u32>>,
    },
}

impl Files {
    /// Every file.
    pub fn all(&self) -> Vec<KnownFile> {
        match self {
            Self::Idx(files) => files.to_vec(),
            Self::CifarBinary { train, test, .. } => train.iter().chain([test]).copied().collect(),
        }
    }
}

/// Where complete files are published.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    pub fn description(&self) -> Description {
        Description {
            name: self.name.to_owned(),
            classes: Some(self.class_names.len()),
            class_names: Some(self.class_names.iter().map(|&name| name.to_owned()).collect()),
        }
    }
}

/// Every dataset known by name, as `catalogue.toml` beside this file has them.
pub static CATALOGUE: LazyLock<Vec<KnownDataset>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    #[serde(bound = "'de: 'static")]
    struct Catalogue {
        dataset: Vec<KnownDataset>,
    }
    let catalogue = toml::from_str::<Catalogue>(include_str!("catalogue.toml"));
    catalogue.expect("the catalogue is part of the program").dataset
});
