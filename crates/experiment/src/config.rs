//! A run's configuration as written: a preset or a file, then `key=value` from the command line.

pub mod assignment;
pub mod keys;
pub mod number;
pub mod sources;
