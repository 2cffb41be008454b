//! Plain views of records: what each figure takes from stored results.

use minimascope_record::training::Loss;

mod escape;
mod reproduction;
mod stability;

pub use escape::{escape, grid};
pub use reproduction::minima;
pub use stability::{blame, boundary};

/// The loss with its normalisation, in words.
fn loss_name(loss: Loss) -> &'static str {
    match loss {
        Loss::MeanSquaredError => "squared error averaged over outputs",
        Loss::HalfSumOfSquares => "half the sum of squared errors",
        Loss::SoftmaxCrossEntropy => "softmax cross-entropy",
        Loss::BinaryLogistic => "binary logistic loss",
    }
}
