//! Options that several commands take, as typed.

mod configuration;
mod machine;
mod minimum;
mod number;
mod plan;

pub(crate) use configuration::Configuration;
pub(crate) use machine::MachineArguments;
pub(crate) use minimum::{MinimumPlace, OptimizerArguments, parse_batch_size};
pub(crate) use number::parse_number;
pub(crate) use plan::PlanPlace;
