//! Networks, losses, derivative passes, optimisers and the training loop.

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
mod tensor;
pub mod train;
mod workspace;

pub use error::Error;
pub use evaluator::{Curvature, Evaluator, MemoryEstimate};
pub use examples::Examples;
pub use execution::Execution;
pub use loss::constant_output_loss;
pub use network::Network;
pub use scalar::Scalar;
pub use tensor::{InitialValues, Tensor, TensorOrder};
