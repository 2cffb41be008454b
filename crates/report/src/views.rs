//! Plain views of records: what each figure takes from stored results.

mod reproduction;
mod stability;

pub use reproduction::minima;
pub use stability::{blame, boundary};
