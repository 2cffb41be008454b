//! Published numbers of the study's networks, with their sources: the words of
//! `presets/published.toml`.

use minimascope_record::batch_size::BatchSize;
use minimascope_record::training::Loss;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every published number that this program is compared with: `presets/published.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The unit of every curvature.
    pub loss: Loss,
    /// n, where no label is wrong.
    pub train_examples: usize,
    /// Minima, one entry a source, network, learning rate and batch size.
    #[serde(default)]
    pub cell: Vec<PublishedCell>,
    /// Launches from a minimum.
    #[serde(default)]
    pub escape: Vec<PublishedEscape>,
    /// Non-uniformity against sharpness over many runs.
    #[serde(default)]
    pub power_law: Vec<PublishedPowerLaw>,
}

/// Minima that others measured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCell {
    /// Who, and where it is printed.
    pub source: String,
    /// Which comparison it belongs to.
    pub table: PublishedTable,
    /// The network, by its preset.
    pub network: String,
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: BatchSize,
    /// Gains of the initialisation over which the runs went.
    #[serde(default = "one_gain")]
    pub gains: Vec<f64>,
    /// Runs behind a mean, where known.
    pub runs: Option<usize>,
    /// a.
    pub sharpness: Option<Spread>,
    /// s.
    pub non_uniformity: Option<Spread>,
    /// A fraction.
    pub train_accuracy: Option<Spread>,
    /// A fraction.
    pub test_accuracy: Option<Spread>,
    /// Smallest and largest a of the runs.
    pub sharpness_range: Option<[f64; 2]>,
    /// What a reader must know to compare.
    pub note: Option<String>,
}

impl Published {
    /// The numbers inside the program.
    pub fn built_in() -> Self {
        let text = include_str!("../presets/published.toml");
        toml::from_str(text).expect("the published numbers are checked by a test")
    }

    /// Whether a network is one of those of which there are published numbers.
    pub fn has_network(&self, preset: &str) -> bool {
        self.cell.iter().any(|cell| cell.network == preset)
    }
}

impl PublishedCell {
    /// Its values and their source, without the setting.
    pub fn reference(&self) -> Reference {
        Reference {
            source: self.source.clone(),
            sharpness: self.sharpness,
            non_uniformity: self.non_uniformity,
            train_accuracy: self.train_accuracy,
            test_accuracy: self.test_accuracy,
            note: self.note.clone(),
        }
    }
}

/// The published tables and figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedTable {
    /// The sharpness that gradient descent finds, against 2/η.
    GradientDescent,
    /// Sharpness, non-uniformity and test accuracy against the batch size.
    BatchSize,
    /// The minima of the sharpness–non-uniformity diagram.
    Diagram,
    /// A student reproduction.
    Slides,
}

/// A launch that others saw.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedEscape {
    /// Who, and where it is printed.
    pub source: String,
    /// The network, by its preset.
    pub network: String,
    /// a of the minimum it started from.
    pub start_sharpness: f64,
    /// η of the launch.
    pub learning_rate: f64,
    /// B of the launch.
    pub batch_size: BatchSize,
    /// Whether SGD left the minimum.
    pub left: bool,
    /// a at the end.
    pub end_sharpness: Option<f64>,
    /// What else was seen.
    pub note: Option<String>,
}

/// s ∝ a^slope.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPowerLaw {
    /// Who, and where it is printed.
    pub source: String,
    /// The network, by its preset.
    pub network: String,
    /// The slope on logarithmic axes.
    pub slope: f64,
    /// s/a.
    pub ratio: f64,
    /// Pearson's correlation; at least this.
    pub correlation: f64,
}

/// Published values at one network, learning rate and batch size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Who, and where it is printed.
    pub source: String,
    /// a.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Spread>,
    /// s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_uniformity: Option<Spread>,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<Spread>,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<Spread>,
    /// What a reader must know to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A mean over runs and, where known, the standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation over the runs, not an error of the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
}

fn one_gain() -> Vec<f64> {
    vec![1.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers_are_read_and_belong_to_presets() {
        let published = Published::built_in();
        for cell in &published.cell {
            assert!(
                minimascope_experiment::presets::text(&cell.network).is_ok(),
                "{}",
                cell.network
            );
            for accuracy in [cell.train_accuracy, cell.test_accuracy].into_iter().flatten() {
                assert!(accuracy.mean > 0.0 && accuracy.mean <= 1.0, "a fraction: {cell:?}");
            }
        }
        let table_1 = |cell: &&_| -> bool {
            let cell: &PublishedCell = cell;
            cell.table == PublishedTable::GradientDescent
        };
        assert_eq!(published.cell.iter().filter(table_1).count(), 10);
        assert_eq!((published.escape.len(), published.power_law.len()), (7, 2));
    }
}
