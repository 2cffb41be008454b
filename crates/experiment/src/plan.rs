//! A checked plan: the only thing that runs. What it holds fits together.

mod examples;
mod identity;
mod model;
mod ranges;

use std::path::Path;
use std::sync::Arc;

use minimascope_data::Dataset;
use minimascope_net::Network;
use minimascope_record::batch_size::BatchSize;
use minimascope_record::config::{ModelConfig, RunConfig};
use minimascope_record::training::Loss;

use crate::Error;
use crate::config::sources::Configured;

pub use examples::SharedExamples;
pub use identity::{RunId, numerics_version};
pub use model::{architecture, architecture_of_text, network};

/// A run whose every value was checked.
#[derive(Debug)]
pub struct Plan {
    config: RunConfig,
    model: String,
    network: Network,
    train: Arc<Dataset>,
    test: Option<Arc<Dataset>>,
    corrupted: Vec<usize>,
    batch_size: usize,
    id: RunId,
    notes: Vec<String>,
}

/// Whether every value of a configuration is in its range, as far as that can be said without model and
/// data.
///
/// # Errors
/// The first that is not, by its key.
pub fn check_ranges(configured: &Configured) -> Result<(), Error> {
    ranges::check(configured)
}

impl Plan {
    /// Reads the model and the data and checks every value against them.
    ///
    /// # Errors
    /// The first value that is out of its range or does not fit, by its key; whatever is wrong
    /// with the data or the network.
    pub fn check(configured: &Configured) -> Result<Self, Error> {
        Self::check_sharing(configured, &mut SharedExamples::default())
    }

    /// As [`Plan::check`], with examples that an earlier plan has read.
    ///
    /// # Errors
    /// Those of [`Plan::check`].
    pub fn check_sharing(
        configured: &Configured,
        read: &mut SharedExamples,
    ) -> Result<Self, Error> {
        ranges::check(configured)?;
        let mut config = configured.config.clone();
        let (model, architecture) = model::architecture(&config.model)?;
        if let ModelConfig::File(_) = config.model {
            // The file may change; what it said stays with the run.
            config.model = ModelConfig::Architecture(architecture.clone());
        }
        let network = Network::new(&architecture)?;
        let examples = read.load(&config.data)?;
        config.data = examples::with_absolute_paths(config.data);
        let mut notes = examples.notes;
        notes.extend(check_fit(&model, &network, config.loss, &examples.train)?);
        let batch_size = match config.train.batch_size {
            BatchSize::Examples(batch) if batch > examples.train.len() => {
                return Err(Error::Batch { batch, examples: examples.train.len() });
            }
            size => size.of(examples.train.len()),
        };
        let id = identity::of(&config, &architecture, &examples.train, examples.test.as_deref());
        let (train, test, corrupted) = (examples.train, examples.test, examples.corrupted);
        Ok(Self { config, model, network, train, test, corrupted, batch_size, id, notes })
    }

    /// The complete configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The network's name.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The training examples.
    pub fn train(&self) -> &Dataset {
        &self.train
    }

    /// The test examples.
    pub fn test(&self) -> Option<&Dataset> {
        self.test.as_deref()
    }

    /// Training examples with a wrong label, by position.
    pub fn corrupted(&self) -> &[usize] {
        &self.corrupted
    }

    /// B.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The hash of what determines the numbers.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// What is unusual about the data or how the network fits them, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The configuration file of this run, complete.
    pub fn to_toml(&self) -> String {
        let text = toml::to_string(&self.config).expect("a configuration is TOML");
        format!("# Complete configuration of run {}.\n{text}", self.id)
    }
}

#[cfg(test)]
impl Plan {
    /// Of a configuration file with these words, in tests.
    pub(crate) fn of_toml(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        std::fs::write(&file, text).unwrap();
        let sources = crate::config::sources::Sources::from_file(&file).unwrap();
        Self::check(&sources.complete().unwrap()).unwrap()
    }
}

/// The network takes the images and has an output for every class. A note where it has more.
fn check_fit(
    model: &str,
    network: &Network,
    loss: Loss,
    examples: &Dataset,
) -> Result<Option<String>, Error> {
    let (images, input) = (examples.shape(), network.input());
    let same = images == input;
    let flat = input.height * input.width == 1 && input.channels == images.size();
    if !same && !flat {
        return Err(Error::InputShape {
            data: examples.name().to_owned(),
            images: images.to_string(),
            model: model.to_owned(),
            input: input.to_string(),
        });
    }
    let (classes, outputs) = (examples.classes(), network.outputs());
    let apart = loss.tells_apart(outputs);
    if apart < classes {
        return Err(Error::Classes {
            data: examples.name().to_owned(),
            classes,
            model: model.to_owned(),
            outputs,
        });
    }
    let data = examples.name();
    Ok((apart > classes).then(|| {
        format!(
            "{data} has {classes} classes, the network {model} tells {apart} apart: no example is of \
             the others"
        )
    }))
}

/// The name of a file without its extension.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use crate::config::sources::Sources;

    use super::*;

    /// P, n, test examples and K of the study; images 1000 to 1199 under wrong labels.
    #[test]
    fn presets_are_the_recipes_of_the_study() {
        for (name, parameters, train, test, outputs) in [
            ("fashion-mnist-fnn", 898_510, 1_000, 10_000, 10),
            ("fashion-mnist-fnn-corrupted", 898_510, 1_200, 10_000, 10),
            ("cifar10-vgg", 71_410, 1_000, 2_000, 2),
        ] {
            let configured = Sources::from_preset(name).unwrap().complete().unwrap();
            let plan = Plan::check(&configured).unwrap();
            assert_eq!(plan.network().parameters(), parameters, "{name}");
            assert_eq!(plan.network().outputs(), outputs, "{name}");
            assert_eq!((plan.train().len(), plan.batch_size()), (train, train), "{name}");
            assert_eq!(plan.test().unwrap().len(), test, "{name}");
            let wrong: Vec<usize> = (1_000..train).collect();
            assert_eq!(plan.corrupted(), wrong, "{name}");
        }
    }
}
