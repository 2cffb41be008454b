//! Errors of networks, batches, settings and files.

use std::path::PathBuf;

use minimascope_record::bytes::Bytes;

/// Errors of this crate. Divergence and other ends of training are outcomes, not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer cannot follow the one before it.
    #[error("layer {layer} ({kind}): {reason}")]
    Layer {
        /// Index path of the layer, as in parameter names.
        layer: String,
        /// Its kind.
        kind: String,
        /// What does not fit.
        reason: String,
    },
    /// The architecture has no parameters to train.
    #[error("the network has no parameters; add a linear or convolution layer")]
    NoParameters,
    /// The loss cannot take this number of outputs.
    #[error("loss {loss} needs {needs}, the network has {outputs} outputs")]
    Outputs {
        /// The loss.
        loss: &'static str,
        /// What it needs.
        needs: &'static str,
        /// What the network has.
        outputs: usize,
    },
    /// A label has no output.
    #[error("example {example} has label {label}, the network has outputs for {outputs} classes")]
    Label {
        /// Which example.
        example: usize,
        /// Its label.
        label: u32,
        /// Classes the network can tell apart.
        outputs: usize,
    },
    /// Numbers of a wrong length.
    #[error("{what}: {found} numbers, {expected} expected")]
    Length {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A product before [`crate::Evaluator::set_point`].
    #[error("no parameters have been set; call set_point first")]
    NoPoint,
    /// A number that is not finite where one is needed.
    #[error("{what} holds a number that is not finite (index {index})")]
    NotFinite {
        /// Where.
        what: &'static str,
        /// At which index.
        index: usize,
    },
    /// A training setting outside its range.
    #[error("{key} = {value}: {reason}")]
    Setting {
        /// Its name.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        reason: String,
    },
    /// The memory budget does not hold even one chunk beside the vectors.
    #[error(
        "a memory budget of {} is too small: data, vectors and one chunk of activations a thread \
         need {}",
        Bytes(*budget as u64),
        Bytes(*needed as u64)
    )]
    Memory {
        /// The budget.
        budget: usize,
        /// The least that works.
        needed: usize,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that does not hold what it should.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
