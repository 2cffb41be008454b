//! Datasets: embedded subsets, IDX, CIFAR binary, NumPy files; subsets and label noise; checksums
//! and downloads. This crate knows no model.
//!
//! ```
//! use minimascope_data::{Corruption, Request, Selection, load};
//!
//! let split = load(&Request {
//!     dataset: "fashion-mnist".into(),
//!     train: Selection::First { examples: 1200 },
//!     ..Request::default()
//! })?;
//! let study = Corruption::AfterClean { clean: 1000, corrupted: 200 };
//! let (train, record) = split.train().corrupted(study, 0)?;
//! assert_eq!((train.len(), record.changed.len()), (1200, 200));
//! # Ok::<(), minimascope_data::Error>(())
//! ```
//!
//! Reading trusts no header: memory grows with the bytes that are there, and whatever is wrong is an
//! [`Error`] that names the file and says what to do.

mod checksum;
mod corruption;
mod dataset;
mod download;
mod error;
mod load;
mod npy_header;
mod pixels;
mod random;
mod split;
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
pub use dataset::{Dataset, Description, Examples, MOST_CLASSES, Shape};
pub use error::Error;
pub use load::{Request, load, load_from, read};
pub use split::Split;
pub use subset::Selection;
