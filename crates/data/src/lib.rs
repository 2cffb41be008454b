//! Labelled images: those inside the program, IDX files, CIFAR-10 batches and NumPy files; subsets
//! and wrong labels; checksums and downloads. This crate knows no model.
//!
//! ```
//! use minimascope_data::{Request, load};
//! use minimascope_record::dataset::{Corruption, Subset};
//!
//! let split = load(&Request {
//!     dataset: "fashion-mnist".into(),
//!     train: Subset::First(1200),
//!     ..Request::default()
//! })?;
//! let study = Corruption::AfterClean { clean: 1000, corrupted: 200, seed: 0 };
//! let (train, changed) = split.train().corrupted(study)?;
//! assert_eq!((train.len(), changed.len()), (1200, 200));
//! # Ok::<(), minimascope_data::Error>(())
//! ```
//!
//! Reading trusts no header: memory grows with the bytes that are there, and whatever is wrong is an
//! [`Error`] that names the file and says what to do.

mod batches;
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
mod subset;

pub mod catalogue;
pub mod cifar;
pub mod embedded;
pub mod fetch;
pub mod idx;
pub mod layout;
pub mod listing;
pub mod npy;
pub mod npz;
pub mod stream;
pub mod verify;

pub use corruption::ChangedLabel;
pub use dataset::{Dataset, Description, LabelledImages, MOST_CLASSES};
pub use error::Error;
pub use load::{Request, load, load_from, read};
pub use split::Split;
