//! A network of ours at parameters of the caller's.

use std::sync::Arc;

use minimascope_net::{Examples, Execution, Network, Scalar, presets};
use minimascope_record::architecture::Architecture;
use minimascope_record::config::Precision;
use minimascope_record::training::Loss;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use crate::error::{WorkFailure, refused};
use crate::native_point::{NativePoint, NetworkRecipe, Recipe};
use crate::records;

/// The names of a network's parameter tensors with their shapes, as `torch.nn.Sequential` has them.
pub(crate) type Tensors = Vec<(String, Vec<usize>)>;

pub(crate) fn tensors_of(network: &Network) -> Tensors {
    let tensors = network.tensors().iter();
    tensors.map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect()
}

/// An architecture, checked: its tensors, the shape of an input (channels, height, width) and K.
#[pyfunction]
pub(crate) fn check_architecture(
    py: Python<'_>,
    architecture: &str,
) -> PyResult<(Tensors, (usize, usize, usize), usize)> {
    let network = checked(py, architecture)?;
    let input = network.input();
    let input = (input.channels, input.height, input.width);
    Ok((tensors_of(&network), input, network.outputs()))
}

/// The architecture of a preset, as JSON.
#[pyfunction]
pub(crate) fn preset_architecture(py: Python<'_>, name: &str) -> PyResult<String> {
    match presets::architecture(name) {
        Some(architecture) => Ok(records::json(&architecture)),
        None => {
            let known: Vec<&str> = presets::names().collect();
            let known = known.join(", ");
            Err(refused(py, format!("there is no network {name:?}: the presets are {known}")))
        }
    }
}

fn checked(py: Python<'_>, architecture: &str) -> PyResult<Network> {
    let architecture: Architecture = records::parsed(py, "architecture", architecture)?;
    Network::new(&architecture).map_err(|error| WorkFailure::from(error).into_exception(py))
}

/// A network at its parameters: `inputs` and `targets` one example after the other, `parameters` in
/// PyTorch's order, `threads` 0 for all processors, `memory` in bytes.
#[pyfunction]
#[pyo3(signature = (*, architecture, loss, inputs, targets, parameters, precision, weight_decay, threads, memory))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn network_point(
    py: Python<'_>,
    architecture: &str,
    loss: &str,
    inputs: PyReadonlyArray1<'_, f64>,
    targets: PyReadonlyArray1<'_, f64>,
    parameters: PyReadonlyArray1<'_, f64>,
    precision: &str,
    weight_decay: f64,
    threads: usize,
    memory: usize,
) -> PyResult<NativePoint> {
    let network = checked(py, architecture)?;
    let loss: Loss = records::choice(py, "loss", loss)?;
    let numbers = Numbers {
        inputs: inputs.as_slice()?,
        targets: targets.as_slice()?,
        parameters: parameters.as_slice()?,
    };
    let settings = (loss, weight_decay, threads, memory);
    let made = match records::choice(py, "precision", precision)? {
        Precision::F32 => recipe(network, &numbers, settings).map(Recipe::Single),
        Precision::F64 => recipe(network, &numbers, settings).map(Recipe::Double),
    };
    NativePoint::new(py, made.map_err(|failure| failure.into_exception(py))?)
}

struct Numbers<'a> {
    inputs: &'a [f64],
    targets: &'a [f64],
    parameters: &'a [f64],
}

fn recipe<T: Scalar>(
    network: Network,
    numbers: &Numbers<'_>,
    (loss, weight_decay, threads, memory): (Loss, f64, usize, usize),
) -> Result<NetworkRecipe<T>, WorkFailure> {
    let examples = Examples::from_targets(&network, loss, numbers.inputs, numbers.targets)?;
    let parameters: Vec<T> = numbers.parameters.iter().map(|x| T::from_f64(*x)).collect();
    if parameters.len() != network.parameters() {
        let (found, expected) = (parameters.len(), network.parameters());
        return Err(WorkFailure::input(format!(
            "{found} parameters where the network has {expected}"
        )));
    }
    let parameters = network.from_torch_order(&parameters).into();
    let execution = Execution::new(threads, memory)?;
    let (network, examples) = (Arc::new(network), Arc::new(examples));
    Ok(NetworkRecipe { network, loss, weight_decay, examples, execution, parameters })
}
