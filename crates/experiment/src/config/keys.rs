//! The keys that a configuration may have. They are read from the schema of its type, so that
//! names, nesting and choices stand once.

use std::sync::LazyLock;

use minimascope_record::architecture::Architecture;
use minimascope_record::config::RunConfig;
use schemars::schema_for;
use serde_json::Value as Schema;

/// The keys of one kind of file.
#[derive(Debug)]
pub struct Keys {
    schema: Schema,
}

/// A key with a value of its own.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// The dotted path.
    pub path: String,
    schema: &'a Schema,
    around: &'a Schema,
}

impl Leaf<'_> {
    /// What it means; of the key that chooses an alternative, what the alternative is.
    pub fn meaning(&self) -> &str {
        if self.schema["const"].is_string() {
            return "Which of the alternatives.";
        }
        let said = |schema: &'_ Schema| schema["description"].is_string();
        let schema = if said(self.schema) { self.schema } else { self.around };
        schema["description"].as_str().unwrap_or_default()
    }
}

/// A key that the schema does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The dotted path.
    pub key: String,
    /// The key that was probably meant.
    pub nearest: Option<String>,
}

/// How a table holds one of several alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It does not.
    None,
    /// Its one key names the alternative: `model = { preset = "lenet5" }`.
    ByKey,
    /// `kind` names it: `optimizer = { kind = "sgd" }`.
    ByKind,
}

/// Keys of a run's configuration.
pub static RUN: LazyLock<Keys> = LazyLock::new(|| Keys::of(schema_for!(RunConfig)));

/// Keys of a network's file.
pub static ARCHITECTURE: LazyLock<Keys> = LazyLock::new(|| Keys::of(schema_for!(Architecture)));

impl Keys {
    /// The keys of a type's schema.
    pub fn of(schema: schemars::Schema) -> Self {
        Self { schema: schema.into() }
    }

    /// The JSON schema itself.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The first key of `table` that the schema does not have.
    pub fn first_unknown(&self, table: &toml::Table) -> Option<UnknownKey> {
        self.unknown_in(&self.schema, table, &mut Vec::new())
    }

    /// Whether the table at `path` is one of several alternatives.
    pub fn choice(&self, path: &[String]) -> Choice {
        let mut nodes = vec![&self.schema];
        for key in path {
            nodes = nodes
                .iter()
                .flat_map(|node| self.objects(node))
                .filter_map(|object| object["properties"].get(key))
                .collect();
        }
        let objects: Vec<&Schema> = nodes.iter().flat_map(|node| self.objects(node)).collect();
        let alternatives = nodes.iter().any(|node| self.resolve(node).get("oneOf").is_some());
        if !alternatives || objects.is_empty() {
            Choice::None
        } else if objects.iter().all(|object| object["properties"].get("kind").is_some()) {
            Choice::ByKind
        } else {
            Choice::ByKey
        }
    }

    fn unknown_in(
        &self,
        node: &Schema,
        table: &toml::Table,
        path: &mut Vec<String>,
    ) -> Option<UnknownKey> {
        let mut objects = self.objects(node);
        if let Some(kind) = table.get("kind").and_then(toml::Value::as_str) {
            let of_kind = |object: &&Schema| object["properties"]["kind"]["const"] == kind;
            if objects.iter().any(&of_kind) {
                objects.retain(of_kind);
            }
        }
        if objects.is_empty() {
            return None;
        }
        for (key, value) in table {
            let found = objects.iter().find_map(|object| object["properties"].get(key));
            path.push(key.clone());
            let unknown = match found {
                None => Some(self.unknown(path, &objects)),
                Some(inner) => self.unknown_in_value(inner, value, path),
            };
            if unknown.is_some() {
                return unknown;
            }
            path.pop();
        }
        None
    }

    fn unknown_in_value(
        &self,
        node: &Schema,
        value: &toml::Value,
        path: &mut Vec<String>,
    ) -> Option<UnknownKey> {
        match value {
            toml::Value::Table(table) => self.unknown_in(node, table, path),
            toml::Value::Array(values) => {
                let items = self.resolve(node).get("items")?;
                values.iter().find_map(|value| self.unknown_in_value(items, value, path))
            }
            _ => None,
        }
    }

    /// The nearest among the table's own keys, else the key of that name (or nearly) elsewhere.
    fn unknown(&self, path: &[String], objects: &[&Schema]) -> UnknownKey {
        let key = path.last().expect("a key was pushed");
        let prefix = &path[..path.len() - 1];
        let siblings = objects.iter().flat_map(|object| property_names(object));
        let sibling = nearest(key, siblings).map(|name| {
            prefix.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
        });
        let elsewhere = || {
            let leaves = self.leaves();
            let last = |leaf: &str| leaf.rsplit('.').next() == Some(key.as_str());
            leaves.iter().find(|leaf| last(leaf)).cloned().or_else(|| {
                nearest(&path.join("."), leaves.iter().map(String::as_str)).map(str::to_owned)
            })
        };
        UnknownKey { key: path.join("."), nearest: sibling.or_else(elsewhere) }
    }

    /// Every dotted path to a value, outside lists.
    pub fn leaves(&self) -> Vec<String> {
        self.leaves_with_schemas().into_iter().map(|leaf| leaf.path).collect()
    }

    /// Every dotted path to a value, outside lists, with what the schema says of it.
    pub fn leaves_with_schemas(&self) -> Vec<Leaf<'_>> {
        let mut leaves = Vec::new();
        self.collect_leaves(&self.schema, &mut Vec::new(), &mut leaves);
        leaves
    }

    /// The type that the schema names, past `$ref` and past "or null"; `None` where it is one of
    /// several.
    pub fn type_of<'a>(&'a self, leaf: &Leaf<'a>) -> Option<&'a str> {
        match &self.resolve(leaf.schema)["type"] {
            Schema::Array(types) => types.iter().filter_map(Schema::as_str).find(|t| *t != "null"),
            one => one.as_str(),
        }
    }

    fn collect_leaves<'a>(
        &'a self,
        node: &'a Schema,
        path: &mut Vec<&'a str>,
        leaves: &mut Vec<Leaf<'a>>,
    ) {
        for object in self.objects(node) {
            for name in property_names(object) {
                path.push(name);
                let inner = &object["properties"][name];
                let is_object = !self.objects(inner).is_empty();
                // "all" or a table.
                let is_word = self.resolve(inner)["oneOf"]
                    .as_array()
                    .is_some_and(|options| options.iter().any(|one| one["const"].is_string()));
                if !is_object || is_word {
                    let path = path.join(".");
                    if !leaves.iter().any(|leaf| leaf.path == path) {
                        leaves.push(Leaf { path, schema: inner, around: object });
                    }
                }
                if is_object {
                    self.collect_leaves(inner, path, leaves);
                }
                path.pop();
            }
        }
    }

    /// The schema that `node` refers to, past `$ref` and past "or null".
    fn resolve<'a>(&'a self, node: &'a Schema) -> &'a Schema {
        if let Some(reference) = node["$ref"].as_str() {
            let target = self.schema.pointer(reference.trim_start_matches('#'));
            return self.resolve(target.expect("references of a generated schema resolve"));
        }
        match node["anyOf"].as_array() {
            Some(options) => match options.iter().find(|option| option["type"] != "null") {
                Some(option) => self.resolve(option),
                None => node,
            },
            None => node,
        }
    }

    /// The objects that `node` allows.
    fn objects<'a>(&'a self, node: &'a Schema) -> Vec<&'a Schema> {
        let node = self.resolve(node);
        match node["oneOf"].as_array() {
            Some(options) => options.iter().flat_map(|option| self.objects(option)).collect(),
            None if node.get("properties").is_some() => vec![node],
            None => Vec::new(),
        }
    }
}

fn property_names(object: &Schema) -> impl Iterator<Item = &str> {
    object["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

/// The candidate that the fewest slips of the keyboard make of `word`, if a slip in every three
/// letters does: the rule of the Rust compiler. (Jaro–Winkler likeness, which rewards a common
/// beginning, found `train.seed` in `train.epochs`.)
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = word.chars().count().max(3) / 3;
    candidates
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(slips, _)| *slips <= most)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(text: &str) -> Option<(String, Option<String>)> {
        let table: toml::Table = text.parse().unwrap();
        RUN.first_unknown(&table).map(|unknown| (unknown.key, unknown.nearest))
    }

    #[test]
    fn known_keys_pass() {
        assert_eq!(unknown("train.stop.max_steps = 3\ndata.train.first = 3"), None);
        assert_eq!(unknown("train.optimizer = { kind = \"adam\", beta1 = 0.5 }"), None);
        assert_eq!(unknown("data.corruption = { kind = \"number\", examples = 2 }"), None);
        assert_eq!(
            unknown("model.architecture.layers = [{ kind = \"residual\", layers = [] }]"),
            None
        );
    }

    #[test]
    fn a_misspelt_key_gets_the_nearest() {
        for (text, key, nearest) in [
            ("train.learning_rat = 1", "train.learning_rat", "train.learning_rate"),
            ("tran.learning_rate = 1", "tran", "train"),
            ("learning_rate = 1", "learning_rate", "train.learning_rate"),
            ("train.max_steps = 1", "train.max_steps", "train.stop.max_steps"),
            (
                "train.optimizer = { kind = \"sgd\", momentum = 0.9 }",
                "train.optimizer.momentum",
                "train.optimizer.momentum",
            ),
            (
                "model.architecture.layers = [{ kind = \"linear\", output = 3 }]",
                "model.architecture.layers.output",
                "model.architecture.layers.outputs",
            ),
        ] {
            assert_eq!(unknown(text), Some((key.into(), Some(nearest.into()))), "{text}");
        }
        for (text, key) in [
            ("zzz = 1", "zzz"),
            ("train.epochs = 1", "train.epochs"),
            ("train.lr = 1", "train.lr"),
            ("train.shuffle = true", "train.shuffle"),
            ("data.path = 1", "data.path"),
            ("model.dropout = 1", "model.dropout"),
            ("measure.threads = 1", "measure.threads"),
        ] {
            assert_eq!(unknown(text), Some((key.into(), None)), "{text}");
        }
    }

    #[test]
    fn choices_are_found_in_the_schema() {
        let choice =
            |path: &str| RUN.choice(&path.split('.').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(choice("model"), Choice::ByKey);
        assert_eq!(choice("data.source"), Choice::None);
        assert_eq!(choice("data.train"), Choice::ByKey);
        assert_eq!(choice("train.optimizer"), Choice::ByKind);
        assert_eq!(choice("data.corruption"), Choice::ByKind);
        assert_eq!(choice("train"), Choice::None);
        assert_eq!(choice("train.batch_size"), Choice::None);
    }
}
