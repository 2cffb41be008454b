//! The serialised schema of configurations and results, versioned. A leaf: it knows nothing of
//! how a number is computed, and every other crate may speak its words.

pub mod architecture;
pub mod training;
