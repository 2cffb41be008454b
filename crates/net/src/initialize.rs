//! Initial parameters, as the study draws them.

use minimascope_record::training::Initialization;
use rand::RngExt;

use crate::random::{Purpose, normal, stream};
use crate::{Network, Role};

impl Network {
    /// Initial parameters from a seed, in double precision, so that f32 and f64 runs of one seed
    /// start from the same point up to rounding.
    ///
    /// Linear weights U(±gain/√fan_in) and biases U(±1/√fan_in); filters N(0, σ) with
    /// σ = gain·√(2/(k²·C_out)) and their biases 0 (Wu, Ma, E 2018, as published with its code).
    #[must_use]
    pub fn initialize(&self, initialization: &Initialization, seed: u64) -> Vec<f64> {
        let mut random = stream(seed, Purpose::Initialization);
        let mut parameters = vec![0.0; self.parameters()];
        for tensor in self.tensors() {
            let values = &mut parameters[tensor.range.clone()];
            #[allow(clippy::cast_precision_loss)]
            let bound = 1.0 / (tensor.fan_in as f64).sqrt();
            match tensor.role {
                Role::LinearWeight => {
                    let bound = bound * initialization.gain;
                    values.fill_with(|| bound * (2.0 * random.random::<f64>() - 1.0));
                }
                Role::LinearBias => {
                    values.fill_with(|| bound * (2.0 * random.random::<f64>() - 1.0));
                }
                Role::Filter => {
                    let fan_out = tensor.shape[0] * tensor.shape[2] * tensor.shape[3];
                    #[allow(clippy::cast_precision_loss)]
                    let deviation = initialization.gain * (2.0 / fan_out as f64).sqrt();
                    values.fill_with(|| deviation * normal(&mut random));
                }
                Role::FilterBias => values.fill(0.0),
            }
        }
        parameters
    }
}
