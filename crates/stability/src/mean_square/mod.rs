//! The exact mean-square theory: the map of second moments, its threshold and its growth.

mod certificate;
mod climb;
mod collatz;
mod critical;
mod feedback;
mod growth;
pub mod kronecker;
mod largest_noise;
mod momentum;
mod packed;
mod parameters;
mod second_moment;
pub mod theorem_one;

pub use certificate::{Certificate, certify};
pub use critical::{MeanSquareCritical, critical, critical_near, largest_ratio};
pub use growth::{MeanSquareGrowth, growth};
pub use largest_noise::{LargestNoise, largest_noise};
pub use momentum::{JointMoments, MomentumGrowth, MomentumMap, momentum_growth};
pub use packed::Packed;
pub use parameters::{CriticalParameters, CriticalProgress};
pub use second_moment::SecondMomentMap;

#[cfg(test)]
mod order_tests;
