//! The program's commands, started as a user starts them.

#[path = "../program/mod.rs"]
mod program;

mod bad_input;
mod escape;
mod notes;
mod odd_runs;
mod report;
mod results;
mod same_bits;
mod saved;
mod stability;
mod sweep;
mod thresholds;
