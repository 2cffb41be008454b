//! How far a search for η* goes, and where it stands.

use minimascope_record::threshold::RankStop;

use crate::{ExampleFactors, Momentum};

/// How far to go.
#[derive(Clone, Debug)]
pub struct CriticalParameters {
    /// With truncated factors the rank is doubled until η* changes by less than this, relatively.
    pub tolerance: f64,
    /// Relative residual at which an eigenproblem stops; its square bounds the value's error.
    pub eigen_tolerance: f64,
    /// First rank.
    pub first_rank: usize,
    /// Bytes that the working arrays may take; the rank stops there.
    pub memory: u64,
    /// Relative distance between the ends of the bracket at which its proof stops.
    pub width: f64,
    /// Most applications of the map that the proof may take.
    pub proof_steps: usize,
    /// The largest rank of a certificate for truncated factors, whose right sides are dense; 0 for
    /// none but Theorem 1's.
    pub certificate_rank: usize,
    /// β.
    pub momentum: Momentum,
}

impl Default for CriticalParameters {
    /// 0.5 % in the rank from 100 on, eigenproblems to 1e-3, 4 GiB, a bracket of 0.1 % where range(H)
    /// is covered, certificates up to rank 800 where it is not.
    fn default() -> Self {
        Self {
            tolerance: 5e-3,
            eigen_tolerance: 1e-3,
            first_rank: 100,
            memory: 4 << 30,
            width: 1e-3,
            proof_steps: 40,
            certificate_rank: 800,
            momentum: Momentum::NONE,
        }
    }
}

/// What the search for η* is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalProgress {
    /// The rank at work.
    pub rank: usize,
    /// Products at this rank.
    pub products: usize,
    /// The present value of η*; of its lower end while that is being proved.
    pub critical_learning_rate: f64,
}

/// What a search says that has used every direction of the factors.
pub(super) fn all_known(factors: &ExampleFactors) -> RankStop {
    if factors.covers_range() { RankStop::AllDirections } else { RankStop::KnownDirections }
}
