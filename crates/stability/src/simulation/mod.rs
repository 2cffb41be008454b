//! SGD on the linearised dynamics, simulated: the criteria's independent check.

mod batches;
mod ensemble;
mod walk;

pub use batches::BatchSampler;
pub(crate) use ensemble::on_sphere;
pub use ensemble::{
    Dynamics, Ensemble, Exponent, Interval, MeanSquare, lyapunov_exponent, lyapunov_exponent_along,
    mean_square,
};
pub use walk::Walk;

#[cfg(test)]
mod agreement_tests;
