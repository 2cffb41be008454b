//! Plain views of records: what each figure takes from stored results.

use minimascope_record::training::Loss;

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

/// The loss with its normalisation, in words.
pub(crate) fn loss_name(loss: Loss) -> &'static str {
    match loss {
        Loss::MeanSquaredError => "squared error averaged over outputs",
        Loss::HalfSumOfSquares => "half the sum of squared errors",
        Loss::SoftmaxCrossEntropy => "softmax cross-entropy",
        Loss::BinaryLogistic => "binary logistic loss",
    }
}
