//! Figures of records: what each figure takes from stored results.

mod escape;
mod stability;
mod training;

pub(crate) use escape::escape_with;
pub use escape::{escape, grid};
pub(crate) use stability::reached;
pub use stability::{attribution, boundary};
pub use training::training_curves;
