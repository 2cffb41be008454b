//! Answers to the questions a user asks, from all criteria together.

mod applicability;
pub mod blame;
mod critical;
mod inverse;
mod verdict;

pub use applicability::{Applicability, Note};
pub use critical::{
    CriticalLearningRates, FixedCriteria, Questions, boundary, boundary_batch_sizes,
    critical_learning_rates, top_of_perron,
};
pub use inverse::{SmallestBatch, smallest_batch};
pub use verdict::{Bracket, Judgement, Verdict};
