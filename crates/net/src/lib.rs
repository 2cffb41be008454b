//! Models, losses, derivative passes, optimisers and the training loop.

mod chunks;
mod error;
mod evaluator;
mod examples;
pub mod files;
mod initialize;
pub mod presets;
mod random;
mod execution;
mod kernels;
mod layers;
mod network;
mod loss;
mod passes;
mod scalar;
mod tape;

pub use error::Error;
pub use evaluator::{Curvature, Evaluator, MemoryEstimate};
pub use examples::Examples;
pub use execution::Execution;
pub use network::{LayerSummary, Network, Role, Tensor};
pub use scalar::Scalar;
