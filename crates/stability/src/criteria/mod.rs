//! The criteria that need no iteration on second moments, one file each.

pub mod batch_sharpness;
pub mod decoupled;
pub mod heavy_ball;
pub mod necessary;
pub mod rectangle;
pub mod theorem_one;
pub mod variance;
pub mod worst;
