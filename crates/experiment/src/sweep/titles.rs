//! What tells the runs of a plan apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Plan;

/// The values in which runs differ, without those that another value determines.
#[derive(Clone, Debug)]
pub struct Titles {
    keys: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Keys that change no number of a run.
const SILENT: [&str; 3] = ["observe.", "checkpoint.", "data.folder"];

/// Where a key is not set.
const ABSENT: &str = "–";

impl Titles {
    pub(super) fn of_runs(runs: &[Plan]) -> Self {
        let values: Vec<BTreeMap<String, String>> = runs.iter().map(values).collect();
        let keys: BTreeSet<&String> = values.iter().flat_map(BTreeMap::keys).collect();
        let mut columns: Vec<(&String, Vec<&str>)> = keys
            .into_iter()
            .map(|key| {
                (
                    key,
                    values.iter().map(|run| run.get(key).map_or(ABSENT, String::as_str)).collect(),
                )
            })
            .collect();
        let distinct = |column: &[&str]| column.iter().collect::<BTreeSet<_>>().len();
        columns.retain(|(_, column)| distinct(column) > 1);
        // Of two that determine each other the one of training stays, as the most telling.
        columns.sort_by_key(|(key, column)| {
            let of_training = key.starts_with("train.") || key.starts_with("model.");
            (std::cmp::Reverse(distinct(column)), !of_training, key.as_str())
        });
        let mut kept: Vec<(&String, Vec<&str>)> = Vec::new();
        for (key, column) in columns {
            if !kept.iter().any(|(_, other)| determines(other, &column)) {
                kept.push((key, column));
            }
        }
        kept.sort_by_key(|(key, _)| {
            // From what is trained to how, the seed last.
            (key.as_str() == "train.seed", !key.starts_with("model."), key.as_str())
        });
        let keys = kept.iter().map(|(key, _)| (*key).clone()).collect();
        let rows = (0..runs.len())
            .map(|index| kept.iter().map(|(_, column)| column[index].to_owned()).collect())
            .collect();
        Self { keys, rows }
    }

    /// The keys, as they are shown: without the table that most are in.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.strip_prefix("train.").unwrap_or(key))
    }

    /// The values of a run, by key.
    pub fn values(&self, run: usize) -> Vec<(String, String)> {
        self.keys.iter().cloned().zip(self.rows[run].iter().cloned()).collect()
    }

    /// A run in one line.
    pub fn of(&self, run: usize) -> String {
        let part = |(key, value): (&str, &String)| format!("{key}={value}");
        let parts = self.keys().zip(&self.rows[run]).filter(|(_, value)| *value != ABSENT);
        let title = parts.map(part).collect::<Vec<_>>().join(" ");
        if title.is_empty() { "the run".to_owned() } else { title }
    }
}

/// Whether runs with the same value in one column have the same value in the other.
fn determines(one: &[&str], other: &[&str]) -> bool {
    let mut known = BTreeMap::new();
    one.iter().zip(other).all(|(value, follows)| *known.entry(value).or_insert(follows) == follows)
}

fn values(run: &Plan) -> BTreeMap<String, String> {
    let table = toml::Table::try_from(run.config()).expect("a configuration is TOML");
    crate::config::sources::assignments(table)
        .into_iter()
        .map(|value| {
            let shown = match &value.value {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (value.path.join("."), shown)
        })
        .filter(|(key, _)| !SILENT.iter().any(|silent| key.starts_with(silent)))
        .collect()
}
