//! SGD launched from a minimum: does it stay?

pub mod toy;
