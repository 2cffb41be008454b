//! Models, losses, derivative passes, optimisers and the training loop.

mod chunks;
mod error;
mod evaluator;
mod examples;
mod execution;
pub mod files;
mod initialize;
mod kernels;
mod layers;
mod loss;
mod network;
mod passes;
pub mod presets;
mod random;
mod scalar;
mod tape;
pub mod train;

pub use error::Error;
pub use evaluator::{Curvature, Evaluator, MemoryEstimate};
pub use examples::Examples;
pub use execution::Execution;
pub use network::{LayerSummary, Network, Role, Tensor};
pub use scalar::Scalar;
