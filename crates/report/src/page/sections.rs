//! The general sections of a page, one module each. A section is computed from a folder of runs, and
//! says what is missing and which command makes it.

mod batch_size;
mod comparison;
mod corruption;
pub mod density;
mod diagram;
pub mod escape;
pub mod listing;
mod margins;
mod noise_scale;
pub mod plane;
mod power_law;
pub mod setup;
pub mod training;

use minimascope_record::stored_run::StoredRun;

use super::{References, Section};

/// Where minima lie, what decides it, and whether SGD leaves them: sections in the order of the
/// argument.
pub fn minima(runs: &[StoredRun], references: &References) -> Vec<Section> {
    vec![
        diagram::section(runs, references),
        batch_size::section(runs, references),
        power_law::section(runs, references),
        comparison::section(runs),
        escape::section(runs),
        plane::section(runs),
        margins::section(runs),
        noise_scale::section(runs),
        density::section(runs),
        corruption::section(runs),
    ]
}

/// A command that trains one network by gradient descent and by SGD with two batch sizes.
const SWEEP: &str = "minimascope sweep fashion-mnist-fnn train.batch_size=10,100,all";
