//! The state of a training run between two steps: enough to continue it with the same bits.

use std::collections::HashMap;
use std::path::Path;

use crate::files;
use crate::{Error, Network, Scalar};

use super::optimizer::OptimizerMemory;

/// The state of a [`crate::train::Trainer`] between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<T> {
    pub(super) step: u64,
    pub(super) average: Option<f64>,
    pub(super) seconds: f64,
    pub(super) parameters: Vec<T>,
    pub(super) memory: OptimizerMemory<T>,
}

const PARAMETERS: &str = "parameters.";
const MOMENTUM: &str = "momentum.";
const SQUARE: &str = "square.";

impl<T: Scalar> Checkpoint<T> {
    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// θ.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// Writes a safetensors file, whole or not at all. Floating-point state goes by its bits.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, network: &Network) -> Result<(), Error> {
        files::write_whole(path, &self.to_bytes(network)?)
    }

    /// The content of the file that [`Checkpoint::write`] writes.
    ///
    /// # Errors
    /// None that a network and its own state cause.
    pub fn to_bytes(&self, network: &Network) -> Result<Vec<u8>, Error> {
        let mut metadata = HashMap::from([
            ("format".to_owned(), "minimascope checkpoint 1".to_owned()),
            ("step".to_owned(), self.step.to_string()),
            ("seconds".to_owned(), self.seconds.to_string()),
        ]);
        if let Some(average) = self.average {
            metadata.insert("average_bits".to_owned(), format!("{:016x}", average.to_bits()));
        }
        let torch = |values: &[T]| {
            if values.is_empty() { Vec::new() } else { network.to_torch_order(values) }
        };
        let (parameters, momentum, square) =
            (torch(&self.parameters), torch(&self.memory.momentum), torch(&self.memory.square));
        let mut views = files::parameter_views(network, &parameters, PARAMETERS)?;
        for (values, prefix) in [(&momentum, MOMENTUM), (&square, SQUARE)] {
            if !values.is_empty() {
                views.extend(files::parameter_views(network, values, prefix)?);
            }
        }
        files::serialize(&views, metadata)
    }

    /// Reads what [`Checkpoint::write`] wrote for the same network.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::File`] that says what is wrong with it.
    pub fn read(path: &Path, network: &Network) -> Result<Self, Error> {
        Self::from_bytes(path, &files::read(path)?, network)
    }

    /// As [`Checkpoint::read`], from the content of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn from_bytes(path: &Path, bytes: &[u8], network: &Network) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::File { path: path.into(), reason: reason.to_owned() };
        let file = files::parse(path, bytes)?;
        let (_, header) = safetensors::SafeTensors::read_metadata(bytes)
            .map_err(|error| wrong(&error.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let value = |key: &str| metadata.get(key).map(String::as_str);
        if value("format") != Some("minimascope checkpoint 1") {
            return Err(wrong("it is not a checkpoint of this program"));
        }
        let step = value("step").and_then(|s| s.parse().ok());
        let average = value("average_bits").map(|bits| u64::from_str_radix(bits, 16));
        let seconds = value("seconds").and_then(|s| s.parse().ok());
        let seconds = seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
        let (Some(step), Some(seconds)) = (step, seconds) else {
            return Err(wrong("its header does not say which step it is of"));
        };
        let average = average.transpose().map_err(|_| wrong("its header is damaged"))?;
        let dtype = files::dtype::<T>();
        if file.tensors().iter().any(|(_, view)| view.dtype() != dtype) {
            return Err(wrong("it is of another precision; a run keeps the one it began with"));
        }
        let has = |prefix: &&str| file.names().iter().any(|name| name.starts_with(prefix));
        let remembered = [MOMENTUM, SQUARE].into_iter().filter(has);
        let prefixes: Vec<&str> = [PARAMETERS].into_iter().chain(remembered).collect();
        files::check_names(path, &file, network, &prefixes)?;
        let vector = |prefix: &str| match has(&prefix) {
            true => files::parameters_from(path, &file, network, prefix),
            false => Ok(Vec::new()),
        };
        let parameters = vector(PARAMETERS)?;
        let memory = OptimizerMemory { momentum: vector(MOMENTUM)?, square: vector(SQUARE)? };
        Ok(Self { step, average: average.map(f64::from_bits), seconds, parameters, memory })
    }
}
