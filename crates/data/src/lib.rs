//! Datasets: embedded subsets, IDX, CIFAR binary, npz; label noise; checksums.

mod checksum;
mod corruption;
mod dataset;
mod download;
mod error;
mod load;
mod npy_header;
mod pixels;
mod random;
mod stream;
mod subset;

pub mod catalogue;
pub mod cifar;
pub mod embedded;
pub mod fetch;
pub mod idx;
pub mod layout;
pub mod npy;
pub mod npz;
pub mod verify;

pub use corruption::{ChangedLabel, Corruption, CorruptionRecord};
pub use dataset::{Dataset, Description, Examples, MOST_CLASSES, Shape, Split};
pub use error::Error;
pub use load::{Request, load, load_from, read};
pub use subset::Selection;
