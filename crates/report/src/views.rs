//! Plain views of records: what each figure takes from stored results.

mod reproduction;

pub use reproduction::minima;
