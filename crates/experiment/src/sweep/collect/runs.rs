//! A row a run: what it was, what it reached, and how sure each number is.
//!
//! Names, types and meanings come from the schemas of the records themselves.

use minimascope_record::config::RunConfig;
use minimascope_record::run::{Provenance, RunSummary, Timing};
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::table::{Column, Table, Values};
use crate::Error;
use crate::config::keys::{Keys, Leaf};
use crate::folder::{PROVENANCE, TIMING};
use crate::sweep::store::Store;

/// The outcome of a run that an error ended, which no result has.
const FAILED: &str = "failed";

/// Units of results; `loss` is the loss that the row names, with its normalisation. A quantity of
/// this list has its unit in a column of its own too.
const UNITS: [(&str, &str); 14] = [
    ("learning_rate", "parameter² / loss"),
    ("weight_decay", "loss / parameter²"),
    ("train_loss", "loss"),
    ("gradient_norm", "loss / parameter"),
    ("train_accuracy", "fraction"),
    ("test_accuracy", "fraction"),
    ("sharpness", "loss / parameter²"),
    ("sharpness_residual", "loss / parameter²"),
    ("non_uniformity", "loss / parameter²"),
    ("non_uniformity_residual", "(loss / parameter²)²"),
    ("sharpness_limit", "loss / parameter²"),
    ("non_uniformity_limit", "loss / parameter²"),
    ("train_seconds", "s"),
    ("measure_seconds", "s"),
];

/// One record of a run, and how its columns are named.
struct Source {
    keys: Keys,
    prefix: &'static str,
    /// Paths that are not columns: versions, places, and lists that no run of a sweep has.
    without: &'static [&'static str],
    /// The record of each run.
    records: Vec<Value>,
}

impl Source {
    fn of<T: JsonSchema>(prefix: &'static str, without: &'static [&'static str]) -> Self {
        Self { keys: Keys::of(schema_for!(T)), prefix, without, records: Vec::new() }
    }

    fn columns(&self) -> Vec<Column> {
        let is_column = |path: &str| !self.without.iter().any(|without| path.starts_with(without));
        let mut leaves = self.keys.leaves_with_schemas();
        leaves.retain(|leaf| is_column(&leaf.path));
        leaves.iter().map(|leaf| self.column(leaf)).collect()
    }

    fn column(&self, leaf: &Leaf<'_>) -> Column {
        let path = &leaf.path;
        let name = path.strip_suffix(".value").unwrap_or(path).replace('.', "_");
        let name = format!("{}{name}", self.prefix);
        let unit = UNITS.iter().find(|(of, _)| *of == name).map_or("", |(_, unit)| unit);
        let pointer = format!("/{}", path.replace('.', "/"));
        let values = self.records.iter().map(|record| record.pointer(&pointer));
        Column {
            unit: unit.to_owned(),
            meaning: leaf.meaning().replace('\n', " "),
            values: typed(self.keys.type_of(leaf), values),
            name,
        }
    }
}

/// The finished runs and those that failed.
pub(super) fn table(store: &Store, finished: &[String], failed: &[String]) -> Result<Table, Error> {
    let mut summaries = Source::of::<RunSummary>("", &["schema_version", "folder", "spectrum"]);
    let mut times = Source::of::<Timing>("", &[]);
    let mut origins = Source::of::<Provenance>("provenance_", &["schema_version", "run"]);
    let mut configurations = Source::of::<RunConfig>("config_", &["schema_version"]);
    let mut errors = Vec::new();
    for id in finished {
        let folder = store.run(id);
        summaries.records.push(store.result(id)?.map_or(Value::Null, json));
        times.records.push(folder.optional::<Timing>(TIMING)?.map_or(Value::Null, json));
        origins.records.push(folder.optional::<Provenance>(PROVENANCE)?.map_or(Value::Null, json));
        configurations.records.push(json(folder.configuration()?.0));
        errors.push(None);
    }
    for failure in failed.iter().map(|id| store.failure(id)) {
        let Some(failure) = failure? else { continue };
        summaries.records.push(serde_json::json!({
            "run": failure.run,
            "outcome": FAILED,
            "loss": failure.configuration.loss,
            "learning_rate": failure.configuration.train.learning_rate,
            "seed": failure.configuration.train.seed,
        }));
        times.records.push(Value::Null);
        origins.records.push(Value::Null);
        configurations.records.push(json(failure.configuration));
        errors.push(Some(failure.error));
    }
    let mut columns: Vec<Column> = [summaries.columns(), times.columns()].concat();
    // What names the row stands first.
    columns.sort_by_key(|column| column.name != "run");
    columns.push(Column {
        name: "error".into(),
        unit: String::new(),
        meaning: "What ended a run whose outcome is `failed`.".into(),
        values: Values::Text(errors),
    });
    let units: Vec<Column> = columns
        .iter()
        .filter(|column| !column.unit.is_empty())
        .map(|column| units_of(column, &summaries.records))
        .collect();
    columns.extend(units);
    columns.extend(origins.columns());
    columns.extend(configurations.columns());
    Ok(Table { columns })
}

/// Column, type, unit and meaning of a table.
pub(super) fn dictionary(table: &Table) -> Table {
    let column = |name: &str, cell: &dyn Fn(&Column) -> String| Column {
        name: name.to_owned(),
        unit: String::new(),
        meaning: String::new(),
        values: Values::Text(table.columns.iter().map(|column| Some(cell(column))).collect()),
    };
    Table {
        columns: vec![
            column("column", &|column| column.name.clone()),
            column("type", &|column| column.values.kind().to_owned()),
            column("unit", &|column| column.unit.clone()),
            column("meaning", &|column| column.meaning.clone()),
        ],
    }
}

/// The unit of each row, in words of the row's loss.
fn units_of(column: &Column, summaries: &[Value]) -> Column {
    let unit = |summary: &Value| {
        Some(column.unit.replace("loss", summary["loss"].as_str().unwrap_or("loss")))
    };
    Column {
        name: format!("{}_unit", column.name),
        unit: String::new(),
        meaning: format!("The unit of {}.", column.name),
        values: Values::Text(summaries.iter().map(unit).collect()),
    }
}

/// Values of the type that the schema names; of several types, or lists, as text.
fn typed<'v>(kind: Option<&str>, values: impl Iterator<Item = Option<&'v Value>>) -> Values {
    match kind {
        Some("boolean") => Values::Boolean(values.map(|value| value?.as_bool()).collect()),
        Some("integer") => Values::Integer(values.map(|value| value?.as_u64()).collect()),
        Some("number") => Values::Number(values.map(|value| value?.as_f64()).collect()),
        _ => Values::Text(values.map(|value| text(value?)).collect()),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        // An alternative with keys has columns for them.
        Value::Null | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn json(record: impl serde::Serialize) -> Value {
    serde_json::to_value(record).expect("a record is JSON")
}
