//! The quick reproduction: the study's two networks at the learning rates of its diagram, trained by
//! gradient descent and by SGD, beside the published values.

pub mod diagram;
mod theory;

use std::sync::atomic::AtomicBool;

use minimascope_experiment::Error;
use minimascope_experiment::config::assignment::Assignment;
use minimascope_experiment::config::sources::Sources;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::progress::Progress;
use minimascope_experiment::run::{self, Options};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::batch_size::BatchSize;
use minimascope_record::outcome::Outcome;
use serde::Deserialize;

use crate::Completion;
use crate::published::{Published, PublishedCell, Reference};
use crate::reproduction::{Reproduction, ReproductionRow};

/// The runs of the reproduction: `presets/reproduction.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReproductionPlan {
    row: Vec<PlannedRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedRow {
    title: String,
    preset: String,
    learning_rate: f64,
    batch_size: BatchSize,
}

impl PlannedRow {
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

    /// Published values of this network, learning rate and batch size, at gain 1.
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

/// Runs the rows that are not finished yet, one after the other. Each is saved before the next begins.
///
/// # Errors
/// Those of [`run::run`]. Rows that are finished stay on disk.
pub fn reproduce(
    options: &Options,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<(Reproduction, Completion), Error> {
    let published = Published::built_in();
    let mut rows = Vec::new();
    let mut ended = Completion::Complete;
    for row in plan().row {
        let result = run::run(&row.plan()?, options, progress, interrupt)?;
        if result.outcome == Some(Outcome::Interrupted) {
            ended = Completion::Interrupted;
            break;
        }
        let theory = match theory::of(&result, options, progress, interrupt) {
            Err(Error::Interrupted) => {
                ended = Completion::Interrupted;
                break;
            }
            other => other?,
        };
        let references = row.references(&published);
        rows.push(ReproductionRow { title: row.title, result, references, theory });
    }
    Ok((Reproduction { schema_version: SCHEMA_VERSION, rows }, ended))
}

fn plan() -> ReproductionPlan {
    let text = include_str!("../presets/reproduction.toml");
    toml::from_str(text).expect("the plan is checked by a test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_two_networks_by_two_batch_sizes() {
        let (rows, published) = (plan().row, Published::built_in());
        assert_eq!(rows.len(), 4);
        for row in rows {
            let plan = row.plan().unwrap();
            assert_eq!(plan.config().train.learning_rate, row.learning_rate);
            assert_eq!(plan.batch_size(), row.batch_size.of(1_000));
            assert!(!row.references(&published).is_empty());
        }
    }
}
