//! How much a measurement may cost.

use minimascope_record::config::MeasureConfig;

/// How accurate eigenvalues must be, and what they may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// The relative residual that an eigenvalue must reach.
    pub tolerance: f64,
    /// The most products that one eigenvalue may take.
    pub max_products: usize,
    /// Seed of the first direction of every eigensolver.
    pub seed: u64,
    /// Bytes that factors and their eigenproblems may take. It decides how many directions are
    /// known: all of them, where 48(nK)² bytes fit.
    pub memory_bytes: usize,
}

impl Default for Budget {
    /// The defaults of a configuration, seed 0, 1 GiB.
    fn default() -> Self {
        Self::of(MeasureConfig::default(), 0, 1 << 30)
    }
}

impl Budget {
    /// With the settings of a configuration.
    pub fn of(settings: MeasureConfig, seed: u64, memory_bytes: usize) -> Self {
        let MeasureConfig { tolerance, max_products } = settings;
        Self { tolerance, max_products, seed, memory_bytes }
    }
}
