//! The criteria that need no iteration on second moments, one file each.

pub mod necessary;
pub mod theorem_one;
