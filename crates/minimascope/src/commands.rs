//! One file a command.

pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod escape;
pub(crate) mod measure;
pub(crate) mod model;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod stability;
pub(crate) mod sweep;
