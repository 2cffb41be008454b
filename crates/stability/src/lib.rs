//! Which learning rates and batch sizes can stay at a minimum.

pub mod almost_sure;
pub mod answers;
mod batching;
pub mod criteria;
mod dense;
mod eigen;
mod error;
mod factors;
pub mod mean_square;
#[cfg(test)]
mod problems;
pub mod simulation;
pub mod toy;

pub use batching::{Batching, Estimate, LearningRate, Momentum, Sampling};
pub use eigen::Leading;
pub use error::Error;
pub use factors::ExampleFactors;
