//! Figures of records: what each figure takes from stored results.

mod escape;
mod spectrum;
mod stability;
mod training;

pub(crate) use escape::escape_with;
pub use escape::{escape, grid};
pub use spectrum::spectral_density;
pub(crate) use spectrum::{density_curve, floor};
pub(crate) use stability::reached;
pub use stability::{attribution, boundary};
pub use training::training_curves;
