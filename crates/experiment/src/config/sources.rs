//! Layers of configuration, and where each value came from.

use std::collections::BTreeMap;
use std::path::Path;

use minimascope_data::catalogue::KnownDataset;
use minimascope_record::config::{ModelConfig, RunConfig};
use serde::de::DeserializeOwned;

use crate::Error;
use crate::config::assignment::Assignment;
use crate::config::keys::{Choice, RUN};
use crate::config::number::{WrongNumber, meant, number};
use crate::error::ValueOrigin;
use crate::folder::{parse_toml, text_of};
use crate::presets;

/// Values as written, later ones over earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    values: toml::Table,
    origins: BTreeMap<String, ValueOrigin>,
}

/// A configuration with every value known, and the origin of each.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The values.
    pub config: RunConfig,
    origins: BTreeMap<String, ValueOrigin>,
}

impl Sources {
    /// A run preset's values, or those of a file: `name` is a file if it ends in `.toml` or holds a
    /// path separator.
    pub fn open(name: &str) -> Result<Self, Error> {
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension == "toml") || name.contains('/') {
            Self::from_file(path)
        } else {
            Self::from_preset(name)
        }
    }

    /// A run preset's values.
    pub fn from_preset(name: &str) -> Result<Self, Error> {
        let text = presets::text(name)?;
        let table = text.parse().expect("presets are checked by a test");
        let mut sources = Self::default();
        sources.overlay(table, &ValueOrigin::Preset(name.to_owned()));
        Ok(sources)
    }

    /// A file's values. Relative paths in it are relative to the file.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        Self::from_text(path, &text_of(path)?)
    }

    /// The values of a file at `path` that has this text.
    ///
    /// # Errors
    /// [`Error::Syntax`].
    pub fn from_text(path: &Path, text: &str) -> Result<Self, Error> {
        let mut sources = Self::default();
        sources.overlay(parsed_toml(path, text)?, &ValueOrigin::File(path.to_owned()));
        Ok(sources)
    }

    /// One value over what stands.
    pub fn assign(&mut self, assignment: Assignment) {
        self.assign_from(assignment, &ValueOrigin::CommandLine);
    }

    /// One value over what stands, written by `origin`.
    pub(crate) fn assign_from(&mut self, assignment: Assignment, origin: &ValueOrigin) {
        self.set(&assignment.path, assignment.value, origin);
    }

    /// A path over what stands, relative to the working directory.
    pub fn assign_path(&mut self, key: &str, path: &Path) {
        let value = toml::Value::String(path.to_string_lossy().into_owned());
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        self.set(&path, value, &ValueOrigin::CommandLine);
    }

    /// The values with defaults filled in, every key known and every value of its type.
    pub fn complete(self) -> Result<Configured, Error> {
        if let Some(unknown) = RUN.first_unknown(&self.values) {
            let origin = self.origin_under(&unknown.key);
            return Err(Error::UnknownKey { key: unknown.key, nearest: unknown.nearest, origin });
        }
        let mut config: RunConfig = serde_path_to_error::deserialize(self.values.clone())
            .map_err(|error| self.wrong_value(&error))?;
        self.resolve_paths(&mut config);
        Ok(Configured { config, origins: self.origins })
    }

    /// Paths that a file wrote are relative to the file.
    fn resolve_paths(&self, config: &mut RunConfig) {
        let folder = |key| match self.origin_under(key) {
            ValueOrigin::File(file) => file.parent().map(Path::to_owned),
            _ => None,
        };
        if let (ModelConfig::File(file), Some(folder)) = (&mut config.model, folder("model.file")) {
            *file = folder.join(&*file);
        }
        if let (Some(data), Some(folder)) = (&mut config.data.folder, folder("data.folder")) {
            *data = folder.join(&*data);
        }
        if let Some(folder) = folder("data.source")
            && KnownDataset::by_name(&config.data.source).is_err()
        {
            config.data.source = folder.join(&config.data.source).to_string_lossy().into_owned();
        }
    }

    fn wrong_value(&self, error: &serde_path_to_error::Error<toml::de::Error>) -> Error {
        let key = error.path().to_string();
        let message = error.inner().message().trim().to_owned();
        // A missing field's error stands at its table and names the field.
        match message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(field) => {
                let key = if key == "." { field.to_owned() } else { format!("{key}.{field}") };
                Error::MissingKey(key)
            }
            None => {
                let origin = self.origin_under(&key);
                match wrong_number(&message) {
                    Some(wrong) => Error::NotANumber { key, wrong: wrong.into(), origin },
                    None => Error::WrongValue { key, message, origin },
                }
            }
        }
    }

    fn overlay(&mut self, table: toml::Table, origin: &ValueOrigin) {
        for assignment in assignments(table) {
            self.assign_from(assignment, origin);
        }
    }

    /// Puts a value at a path. Where that changes the alternative of a choice, the keys of the
    /// alternative that stood there go.
    fn set(&mut self, path: &[String], value: toml::Value, origin: &ValueOrigin) {
        let (last, parents) = path.split_last().expect("a path has a key");
        let mut table = &mut self.values;
        for depth in 0..=parents.len() {
            let (here, key) = (&path[..depth], &path[depth]);
            let other_alternative = match RUN.choice(here) {
                Choice::ByKey => !table.contains_key(key),
                Choice::ByKind => key == "kind" && table.get(key) != Some(&value),
                Choice::None => false,
            };
            if other_alternative {
                table.clear();
                let prefix = format!("{}.", here.join("."));
                self.origins.retain(|known, _| !known.starts_with(&prefix));
            }
            if depth < parents.len() {
                let entry = table.entry(key.clone()).or_insert_with(|| toml::Table::new().into());
                if !entry.is_table() {
                    *entry = toml::Table::new().into();
                    self.origins.remove(&path[..=depth].join("."));
                }
                table = entry.as_table_mut().expect("made one above");
            }
        }
        let dotted = path.join(".");
        let below = format!("{dotted}.");
        self.origins.retain(|known, _| !known.starts_with(&below));
        table.insert(last.clone(), value);
        self.origins.insert(dotted, origin.clone());
    }

    fn origin_under(&self, key: &str) -> ValueOrigin {
        origin_of(&self.origins, key)
    }
}

impl Configured {
    /// Every value with its dotted key and where it came from, by key.
    pub fn rows(&self) -> Vec<(String, toml::Value, ValueOrigin)> {
        let table = toml::Value::try_from(&self.config).expect("a configuration is TOML");
        let mut leaves = Vec::new();
        flatten(&mut Vec::new(), table, &mut leaves);
        leaves
            .into_iter()
            .map(|(path, value)| {
                let key = path.join(".");
                let origin = origin_of(&self.origins, &key);
                (key, value, origin)
            })
            .collect()
    }

    /// Where the value of a dotted key came from.
    pub fn origin(&self, key: &str) -> ValueOrigin {
        origin_of(&self.origins, key)
    }
}

/// From the message about a text where a number is expected, or a fraction where a whole number is.
fn wrong_number(message: &str) -> Option<WrongNumber> {
    let (found, expected) = message.strip_prefix("invalid type: ")?.rsplit_once(", expected ")?;
    let is_whole = ["u8", "u16", "u32", "u64", "usize"].contains(&expected);
    if !is_whole && expected != "f64" {
        return None;
    }
    if let Some(text) = found.strip_prefix("string ") {
        let text = text.trim_matches('"').to_owned();
        let example =
            if is_whole { "a whole number such as 10" } else { "a number such as 0.5 or 1e-3" };
        let instead = match number(&text) {
            Ok(_) => format!("{text} without quotation marks"),
            Err(_) => meant(&text).unwrap_or_else(|| example.to_owned()),
        };
        return Some(WrongNumber { text, fault: "it is not a number", instead });
    }
    let text = found.strip_prefix("floating point ")?.trim_matches('`').to_owned();
    let value: f64 = text.parse().ok()?;
    let instead = match value.fract() {
        0.0 if value >= 0.0 && value < 2_f64.powi(53) => format!("{}", value as u64),
        _ => "a number without a point".to_owned(),
    };
    Some(WrongNumber { text, fault: "it must be a whole number", instead })
}

/// The origin recorded for the key, for the table or list around it, or for something within it.
fn origin_of(origins: &BTreeMap<String, ValueOrigin>, key: &str) -> ValueOrigin {
    let mut outer = key;
    loop {
        if let Some(origin) = origins.get(outer) {
            return origin.clone();
        }
        match outer.rfind(['.', '[']) {
            Some(end) => outer = &outer[..end],
            None => break,
        }
    }
    let below = format!("{key}.");
    let inner = origins.iter().find(|(known, _)| known.starts_with(&below));
    inner.map_or(ValueOrigin::Default, |(_, origin)| origin.clone())
}

/// A table's values one by one, in an order in which they can be put over others.
pub(crate) fn assignments(table: toml::Table) -> Vec<Assignment> {
    let mut leaves = Vec::new();
    flatten(&mut Vec::new(), toml::Value::Table(table), &mut leaves);
    leaves.into_iter().map(|(path, value)| Assignment { path, value }).collect()
}

fn flatten(
    path: &mut Vec<String>,
    value: toml::Value,
    leaves: &mut Vec<(Vec<String>, toml::Value)>,
) {
    match value {
        toml::Value::Table(table) if !table.is_empty() || path.is_empty() => {
            // `kind` first: it clears the keys of another alternative.
            let (kind, rest): (Vec<_>, Vec<_>) =
                table.into_iter().partition(|(key, _)| key == "kind");
            for (key, value) in kind.into_iter().chain(rest) {
                path.push(key);
                flatten(path, value, leaves);
                path.pop();
            }
        }
        value => leaves.push((path.clone(), value)),
    }
}

/// The text of a TOML file as a value.
pub(crate) fn parsed_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    parse_toml(text).map_err(|message| Error::Syntax { path: path.to_owned(), message })
}

#[cfg(test)]
mod tests {
    use minimascope_record::batch_size::BatchSize;
    use minimascope_record::dataset::Subset;
    use minimascope_record::training::Optimizer;

    use super::*;

    fn fnn(assignments: &[&str]) -> Result<Configured, Error> {
        let mut sources = Sources::from_preset("fashion-mnist-fnn")?;
        for text in assignments {
            sources.assign(text.parse()?);
        }
        sources.complete()
    }

    #[test]
    fn the_command_line_stands_over_the_preset_and_defaults_are_named() {
        let configured = fnn(&["train.learning_rate=0.5", "train.batch_size=10"]).unwrap();
        assert_eq!(configured.config.train.learning_rate, 0.5);
        assert_eq!(configured.config.train.batch_size, BatchSize::Examples(10));
        assert_eq!(configured.origin("train.learning_rate"), ValueOrigin::CommandLine);
        assert_eq!(configured.origin("loss"), ValueOrigin::Preset("fashion-mnist-fnn".into()));
        assert_eq!(configured.origin("checkpoint.every_seconds"), ValueOrigin::Default);
        assert_eq!(configured.origin("train.schedule.kind"), ValueOrigin::Default);
    }

    #[test]
    fn another_alternative_replaces_the_one_that_stood() {
        let configured = fnn(&[
            "model.file=net.toml",
            "data.source=a.npz",
            "data.train=all",
            "train.optimizer.kind=adam",
            "train.optimizer.beta1=0.5",
        ])
        .unwrap();
        assert_eq!(configured.config.model, ModelConfig::File("net.toml".into()));
        assert_eq!(configured.config.data.source, "a.npz");
        assert_eq!(configured.config.data.train, Subset::All);
        let adam = Optimizer::Adam { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
        assert_eq!(configured.config.train.optimizer, adam);
        let back = fnn(&["data.train=all", "data.train.first=7"]).unwrap();
        assert_eq!(back.config.data.train, Subset::First(7));
    }

    #[test]
    fn rows_are_toml_that_gives_the_same_configuration() {
        let configured = fnn(&["data.train.first=20"]).unwrap();
        let rows = configured.rows();
        let text: String =
            rows.iter().map(|(key, value, _)| format!("{key} = {value}\n")).collect();
        assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), configured.config, "{text}");
        let first = rows.iter().find(|(key, ..)| key == "data.train.first").unwrap();
        assert_eq!(first.2, ValueOrigin::CommandLine);
    }

    #[test]
    fn what_is_almost_a_number_is_said_with_what_to_write() {
        let hint = |text: &str| fnn(&[text]).unwrap_err().hint().unwrap();
        assert_eq!(hint("train.learning_rate=0,1"), "write 0.1");
        assert_eq!(hint("train.learning_rate=0.1f"), "write 0.1");
        assert_eq!(hint("train.learning_rate=1/128"), "write 0.0078125");
        assert_eq!(hint("train.learning_rate='0.1'"), "write 0.1 without quotation marks");
        assert_eq!(hint("train.learning_rate=fast"), "write a number such as 0.5 or 1e-3");
        assert_eq!(hint("train.stop.max_steps=1e5"), "write 100000");
        assert_eq!(hint("train.seed=0..3"), "write a whole number such as 10");
    }

    #[test]
    fn a_wrong_value_names_its_key_and_origin() {
        let message = |assignments: &[&str]| fnn(assignments).unwrap_err().to_string();
        assert_eq!(
            message(&["train.learning_rate=fast"]),
            "train.learning_rate = fast (command line): it is not a number"
        );
        assert_eq!(
            message(&["train.batch_size=0"]),
            "train.batch_size (command line): invalid value: integer `0`, expected a number of \
             examples from 1 or \"all\""
        );
        assert_eq!(
            message(&["train.learning_rat=1"]),
            "unknown key train.learning_rat (command line)"
        );
        assert_eq!(
            message(&["train.optimizer.kind=heavy-ball"]),
            "train.optimizer.momentum is missing"
        );
    }
}
