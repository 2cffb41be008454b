//! The layer table of a network.

use minimascope_record::architecture::Shape;

/// One line of the layer table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// Index path, as in parameter names.
    pub name: String,
    /// What the layer is, with its sizes.
    pub kind: String,
    /// Shape of its output.
    pub output: Shape,
    /// Its parameters.
    pub parameters: usize,
    /// Multiply–adds of its forward pass for one example.
    pub multiply_adds: usize,
}
