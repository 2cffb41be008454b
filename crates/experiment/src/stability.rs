//! Which (learning rate, batch size) can stay at a trained minimum.
//!
//! [`Minimum::open`] measures the point once: full Hessian, Gauss–Newton factors, applicability.
//! Every question after it is a matter of the factors alone.

mod answers;
mod blame;
mod examples;
mod factors;
mod minimum;
mod query;
pub(crate) mod records;
mod simulated;

use minimascope_record::training as recorded;
use minimascope_stability::Sampling;

pub(crate) use answers::{Wanted, Watch, not_settled};
pub use minimum::Minimum;
pub use query::Query;
pub(crate) use simulated::{ensemble, step_work};

/// The theory's name of a law of batches.
pub(crate) fn law(sampling: recorded::Sampling) -> Sampling {
    match sampling {
        recorded::Sampling::ReshuffledEpochs => Sampling::ReshuffledEpochs,
        recorded::Sampling::IndependentBatches => Sampling::IndependentWithoutReplacement,
        recorded::Sampling::WithReplacement => Sampling::IndependentWithReplacement,
    }
}

/// The independent law closest to one of an optimiser: what the criteria assume of it.
pub(crate) fn assumed(sampling: recorded::Sampling) -> recorded::Sampling {
    match sampling {
        recorded::Sampling::ReshuffledEpochs => recorded::Sampling::IndependentBatches,
        other => other,
    }
}
