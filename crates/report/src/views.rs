//! Figures of records: what each figure takes from stored results.

use minimascope_record::training::{Loss, Sampling};

mod escape;
mod stability;
mod training;

pub(crate) use escape::escape_with;
pub use escape::{escape, grid};
pub(crate) use stability::reached;
pub use stability::{attribution, boundary};
pub use training::training_curves;

/// The loss with its normalisation, in words.
pub fn loss_name(loss: Loss) -> &'static str {
    match loss {
        Loss::MeanSquaredError => "squared error averaged over outputs",
        Loss::HalfSumOfSquares => "half the sum of squared errors",
        Loss::SoftmaxCrossEntropy => "softmax cross-entropy",
        Loss::BinaryLogistic => "binary logistic loss",
    }
}

/// The sampling scheme of batches, in words.
pub fn sampling_name(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::ReshuffledEpochs => "reshuffled epochs",
        Sampling::IndependentBatches => "independent batches",
        Sampling::WithReplacement => "with replacement",
    }
}
