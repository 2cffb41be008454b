//! The core of the study: its two networks at the learning rates of its diagram, by gradient
//! descent and by small batches, beside what others saw.

mod theory;

use std::sync::atomic::AtomicBool;

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::batch_size::BatchSize;
use minimascope_record::outcome::Outcome;
use minimascope_record::published::{Published, PublishedCell};
use minimascope_record::reproduction::{Reference, Reproduction, ReproductionRow};
use serde::Deserialize;

use crate::Error;
use crate::config::assignment::Assignment;
use crate::config::sources::Sources;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::run::{self, Options};
use crate::study::published;

/// What is run: `presets/reproduction.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Study {
    row: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    title: String,
    preset: String,
    learning_rate: f64,
    batch_size: BatchSize,
}

impl Row {
    fn plan(&self) -> Result<Plan, Error> {
        let batch_size = match self.batch_size {
            BatchSize::All => toml::Value::String("all".to_owned()),
            BatchSize::Examples(batch) => toml::Value::Integer(batch as i64),
        };
        let mut sources = Sources::from_preset(&self.preset)?;
        sources.assign(assignment("learning_rate", self.learning_rate.into()));
        sources.assign(assignment("batch_size", batch_size));
        Plan::check(&sources.complete()?)
    }

    /// What others printed of this network, learning rate and batch size, for the usual gain.
    fn references(&self, published: &Published) -> Vec<Reference> {
        let cells = published.cell.iter().filter(|cell| {
            cell.network == self.preset
                && cell.learning_rate == self.learning_rate
                && cell.batch_size == self.batch_size
                && cell.gains == [1.0]
        });
        cells.map(PublishedCell::reference).collect()
    }
}

fn assignment(key: &str, value: toml::Value) -> Assignment {
    Assignment { path: vec!["train".to_owned(), key.to_owned()], value }
}

/// Whether every row was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Yes.
    Complete,
    /// Stopped from outside; the rows are those that were finished.
    Interrupted,
}

/// Runs what is not finished yet, one after the other, each saved before the next begins.
///
/// # Errors
/// Those of [`run::run`]; the runs before stay finished.
pub fn reproduce(
    options: &Options,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<(Reproduction, Ended), Error> {
    let published = published();
    let mut rows = Vec::new();
    let mut ended = Ended::Complete;
    for row in study().row {
        let result = run::run(&row.plan()?, options, progress, interrupt)?;
        if result.outcome == Some(Outcome::Interrupted) {
            ended = Ended::Interrupted;
            break;
        }
        let Some(theory) = theory::of(&result, options, progress, interrupt)? else {
            ended = Ended::Interrupted;
            break;
        };
        let references = row.references(&published);
        rows.push(ReproductionRow { title: row.title, result, references, theory });
    }
    Ok((Reproduction { schema_version: SCHEMA_VERSION, rows }, ended))
}

fn study() -> Study {
    let text = include_str!("../presets/reproduction.toml");
    toml::from_str(text).expect("the study is checked by a test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_two_networks_by_two_batch_sizes() {
        let (rows, published) = (study().row, published());
        assert_eq!(rows.len(), 4);
        for row in rows {
            let plan = row.plan().unwrap();
            assert_eq!(plan.config().train.learning_rate, row.learning_rate);
            assert_eq!(plan.batch_size(), row.batch_size.of(1_000));
            assert!(!row.references(&published).is_empty());
        }
    }
}
