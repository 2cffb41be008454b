//! Initial parameters of a network.

use minimascope_record::training::Initialization;
use rand::RngExt;

use crate::Network;
use crate::random::{RandomUse, normal, stream};
use crate::tensor::InitialValues;

impl Network {
    /// Initial parameters from a seed, in double precision, so that f32 and f64 runs of one seed
    /// start from the same point up to rounding. Each tensor says how it is drawn.
    pub fn initialize(&self, initialization: &Initialization, seed: u64) -> Vec<f64> {
        let gain = initialization.gain;
        let mut random = stream(seed, RandomUse::Initialization);
        let mut parameters = vec![0.0; self.parameters()];
        for tensor in self.tensors() {
            let values = &mut parameters[tensor.range.clone()];
            match tensor.initial {
                InitialValues::ScaledUniform { bound } => {
                    let bound = bound * gain;
                    values.fill_with(|| bound * (2.0 * random.random::<f64>() - 1.0));
                }
                InitialValues::Uniform { bound } => {
                    values.fill_with(|| bound * (2.0 * random.random::<f64>() - 1.0));
                }
                InitialValues::ScaledNormal { deviation } => {
                    let deviation = gain * deviation;
                    values.fill_with(|| deviation * normal(&mut random));
                }
                InitialValues::Constant(value) => values.fill(value),
            }
        }
        parameters
    }
}
