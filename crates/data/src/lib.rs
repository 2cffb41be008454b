//! Datasets: embedded subsets, IDX, CIFAR binary, npz; label noise; checksums.

mod checksum;
mod corruption;
mod dataset;
mod error;
mod pixels;
mod random;
mod stream;
mod subset;

pub mod cifar;
pub mod embedded;
pub mod idx;

pub use corruption::{ChangedLabel, Corruption, CorruptionRecord};
pub use dataset::{Dataset, Description, Examples, MOST_CLASSES, Shape, Split};
pub use error::Error;
pub use subset::Selection;
