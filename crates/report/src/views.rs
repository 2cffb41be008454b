//! Plain views of records: what each figure takes from stored results.

mod escape;
mod reproduction;
mod stability;
mod toy;
mod training;

pub(crate) use escape::escape_with;
pub use escape::{escape, grid};
pub use reproduction::minima;
pub(crate) use stability::reached;
pub use stability::{blame, boundary};
pub(crate) use toy::batches;
pub use toy::toy;
pub use training::training_curves;
