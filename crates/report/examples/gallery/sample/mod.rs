//! Sample data near the published results of Wu, Ma & E (NeurIPS 2018): enough to see every figure
//! as it will be. Curves between published points are drawn by formula, not measured.

mod minima;
mod runs;
mod stability;
pub(crate) mod stored_runs;

use minimascope_plot::Figure;

pub(crate) use minima::{attribution, diagram, spectral_density};
pub(crate) use runs::{escape, training_curves};
pub(crate) use stability::{agreement, boundary};

/// Every figure, once.
pub(crate) fn figures() -> Vec<Figure> {
    vec![
        diagram().figure(),
        training_curves().figure(),
        boundary().figure(),
        spectral_density().figure(),
        escape().figure(),
        agreement().figure(),
        attribution().figure(),
    ]
}

/// Numbers in [0, 1) that are the same everywhere (Knuth's MMIX generator).
pub(crate) struct Uniform(pub(crate) u64);

impl Uniform {
    pub(crate) fn next(&mut self) -> f64 {
        let (multiplier, increment) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(multiplier).wrapping_add(increment);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

const N: f64 = 1000.0;

fn noise_factor(batch_size: f64) -> f64 {
    (N - batch_size) / (batch_size * (N - 1.0))
}
