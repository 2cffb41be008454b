//! Training: one loop for every optimiser, sampling, schedule and stop rule.

mod assess;
mod checkpoint;
mod gradient;
mod in_place;
mod memory;
mod optimizer;
mod sampling;
mod schedule;
mod team_choice;
mod trainer;

pub use assess::{Assessment, Assessor};
pub use checkpoint::Checkpoint;
pub use memory::{passing_memory, training_memory};
pub use sampling::Batches;
pub use schedule::learning_rate_factor;
pub use trainer::{CompletedStep, Observer, Settings, Trainer, averaged};
