//! Published values in the settings of stored runs, to be shown beside them.

use std::collections::BTreeMap;

use crate::figures::diagram::DiagramMinimum;

/// A published mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceValue {
    /// The mean over runs.
    pub mean: f64,
    /// The standard deviation over runs, where it is known.
    pub deviation: Option<f64>,
}

/// Published values of one setting.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceValues {
    /// Where they are published.
    pub source: String,
    /// Of the sharpness.
    pub sharpness: Option<ReferenceValue>,
    /// Of the non-uniformity.
    pub non_uniformity: Option<ReferenceValue>,
    /// Of the test accuracy, as a fraction.
    pub test_accuracy: Option<ReferenceValue>,
}

/// Published values for the figures of a page; empty by default. Whoever makes a page decides which
/// values are about which run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    /// Minima on the sharpness–non-uniformity diagram, by the id of the run that has their setting.
    pub diagram: BTreeMap<String, DiagramMinimum>,
    /// Values against the batch size, by the id of the run that has their setting.
    pub batch_size: BTreeMap<String, ReferenceValues>,
    /// Power laws of non-uniformity against sharpness: a sentence each, in the notation of labels.
    pub power_laws: Vec<String>,
}
