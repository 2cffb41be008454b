//! The general sections of a page, one module each. A section is computed from a folder of runs, and
//! says what is missing and which command makes it.

pub mod batch_size;
pub mod comparison;
pub mod corruption;
pub mod density;
pub mod diagram;
pub mod escape;
pub mod listing;
pub mod margins;
pub mod noise_scale;
pub mod plane;
pub mod power_law;
pub mod setup;
pub mod training;

/// A command that trains one network by gradient descent and by SGD with two batch sizes.
const SWEEP: &str = "minimascope sweep fashion-mnist-fnn train.batch_size=10,100,all";
