//! From a model's configuration to its architecture and its name.

use std::path::Path;

use minimascope_net::{Network, presets};
use minimascope_record::architecture::Architecture;
use minimascope_record::config::ModelConfig;

use crate::Error;
use crate::config::keys::{ARCHITECTURE, nearest};
use crate::config::sources::parsed_toml;
use crate::error::ValueOrigin;
use crate::folder::text_of;

/// The name and the layers of a configured model.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::Read`], [`Error::Syntax`], [`Error::UnknownKey`],
/// [`Error::WrongValue`] for a file.
pub fn architecture(model: &ModelConfig) -> Result<(String, Architecture), Error> {
    match model {
        ModelConfig::Architecture(architecture) => {
            Ok(("architecture".to_owned(), architecture.clone()))
        }
        ModelConfig::Preset(name) => match presets::architecture(name) {
            Some(architecture) => Ok((name.clone(), architecture)),
            None => Err(Error::UnknownModel {
                name: name.clone(),
                nearest: nearest(name, presets::names()).map(str::to_owned),
            }),
        },
        ModelConfig::File(path) => {
            Ok((super::stem(path), architecture_of_text(path, &text_of(path)?)?))
        }
    }
}

/// The layers of a file at `path` that has this text.
///
/// # Errors
/// [`Error::Syntax`], [`Error::UnknownKey`], [`Error::WrongValue`].
pub fn architecture_of_text(path: &Path, text: &str) -> Result<Architecture, Error> {
    let table: toml::Table = parsed_toml(path, text)?;
    let origin = || ValueOrigin::File(path.to_owned());
    if let Some(unknown) = ARCHITECTURE.first_unknown(&table) {
        let (key, nearest) = (unknown.key, unknown.nearest);
        return Err(Error::UnknownKey { key, nearest, origin: origin() });
    }
    serde_path_to_error::deserialize(table).map_err(|error| Error::WrongValue {
        key: error.path().to_string(),
        message: error.inner().message().trim().to_owned(),
        origin: origin(),
    })
}

/// The network of a preset's name, or of a file whose name ends in `.toml`.
///
/// # Errors
/// As [`architecture`], and a layer that does not fit.
pub fn network(name: &str) -> Result<(String, Network), Error> {
    let model = if name.ends_with(".toml") {
        ModelConfig::File(name.into())
    } else {
        ModelConfig::Preset(name.to_owned())
    };
    let (name, architecture) = architecture(&model)?;
    Ok((name, Network::new(&architecture)?))
}
