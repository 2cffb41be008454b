//! Every run: those that reached no minimum, then all settings with their results.

use minimascope_plot::number::{decimal, reading};
use minimascope_record::config::ModelConfig;
use minimascope_record::outcome::Outcome;
use minimascope_record::stored_run::StoredRun;

use crate::networks::{MeasuredRun, SeedGroup, seed_groups};
use crate::page::wording::{NONE, listed, percent, plural, spread};
use crate::page::{Content, PageTable, Section};
use crate::statistics::Summary;

/// The runs that reached no minimum, and all settings with their results.
pub fn section(stored: &[StoredRun]) -> Section {
    let mut blocks = Vec::new();
    let mut table = PageTable::new(
        "Runs that reached no minimum.",
        [
            "run",
            "network",
            "*η*",
            "*B*",
            "seed",
            "gain",
            "what happened",
            "iterations",
            "*a*",
            "test %",
        ],
        "A network that dies gives the same output for every input. A diverged one has no last \
         point whose curvature means something. One that ended at a limit before \
         its stop rule held was still on its way: no finding, fit or figure of minima counts it.",
    );
    let failed: Vec<&StoredRun> = stored.iter().filter(|run| is_failed(run)).collect();
    for run in &failed {
        table.row(failure(run));
    }
    blocks.push(Content::paragraph(&count(stored)));
    if !failed.is_empty() {
        blocks.push(Content::Table(table));
    }
    blocks.push(Content::Table(every_cell(stored)));
    Section::new("Every run", blocks)
}

/// The number of runs by outcome, in a sentence.
fn count(stored: &[StoredRun]) -> String {
    let ended = |outcome: Outcome| {
        let results = stored.iter().filter_map(|run| run.result.as_ref());
        results.filter(|result| result.outcome == Some(outcome)).count()
    };
    let failed = stored.iter().filter(|run| run.error.is_some());
    let unfinished =
        stored.iter().filter(|run| run.result.is_none() && run.error.is_none()).count();
    let parts = [
        (ended(Outcome::Converged), "converged by the stop rule"),
        (ended(Outcome::StepLimit) + ended(Outcome::TimeLimit), "ended at a limit"),
        (ended(Outcome::Dead), "died"),
        (ended(Outcome::Diverged), "diverged"),
        (failed.count(), "failed"),
        (unfinished, if unfinished == 1 { "is not finished" } else { "are not finished" }),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    let all = plural(stored.len(), "run");
    if parts.is_empty() { format!("{all}.") } else { format!("Of {all} {}.", listed(&parts)) }
}

fn is_failed(run: &StoredRun) -> bool {
    MeasuredRun::at_minimum(run).is_none()
}

fn failure(run: &StoredRun) -> [String; 10] {
    let (train, result) = (&run.config.train, run.result.as_ref());
    let what = match (&run.error, result) {
        (Some(error), _) => format!("failed: {error}"),
        (None, None) => "not finished".to_owned(),
        (None, Some(result)) => result.outcome.map_or("not measured".into(), |at| at.to_string()),
    };
    [
        run.run.clone(),
        result.map_or_else(|| model(&run.config.model), |result| result.model.clone()),
        train.learning_rate.to_string(),
        train.batch_size.to_string(),
        train.seed.to_string(),
        run.config.initialization.gain.to_string(),
        what,
        result.map_or(NONE.to_owned(), |result| result.steps.to_string()),
        result.and_then(|at| at.sharpness).map_or(NONE.to_owned(), |a| reading(a.value)),
        result.and_then(|at| at.test_accuracy).map_or(NONE.to_owned(), percent),
    ]
}

/// The mean number of iterations.
fn steps(cell: &SeedGroup<'_>) -> String {
    let found = cell.summary(|run| Some(run.result.steps as f64));
    found.map_or(NONE.to_owned(), |found| decimal(found.mean, 0))
}

fn model(config: &ModelConfig) -> String {
    match config {
        ModelConfig::Preset(name) => name.clone(),
        ModelConfig::File(path) => path.display().to_string(),
        ModelConfig::Architecture(_) => "architecture".to_owned(),
    }
}

fn every_cell(stored: &[StoredRun]) -> PageTable {
    let mut table = PageTable::new(
        "Every cell: runs that differ in their seed alone.",
        [
            "network",
            "data",
            "*n*",
            "wrong",
            "optimiser",
            "*η*",
            "gain",
            "seeds",
            "iterations",
            "*a*",
            "*a*/(2/*η*)",
            "*s*",
            "*s*/*s*_{max}",
            "train %",
            "test %",
        ],
        "*s*/*s*_{max} is of the rectangle and proves nothing by itself. Largest relative residuals of \
         the eigenpairs stand in the records.",
    );
    let mut all = seed_groups(stored.iter().filter_map(MeasuredRun::at_minimum));
    all.sort_by(|left, right| {
        let [left, right] = [left, right].map(|cell| {
            let result = cell.first().result;
            (&result.model, result.train_examples, result.learning_rate, result.batch_size)
        });
        left.partial_cmp(&right).unwrap_or(std::cmp::Ordering::Equal)
    });
    for cell in &all {
        let first = cell.first();
        let result = first.result;
        let value = |scale: f64, of: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>| {
            let scaled = cell.summary(|run| Some(scale * of(run)?));
            scaled.map_or(NONE.to_owned(), |found: Summary| spread(&found))
        };
        let over =
            |run: &MeasuredRun<'_>| Some(run.non_uniformity()? / run.result.non_uniformity_limit?);
        table.row([
            result.model.clone(),
            result.data.clone(),
            result.train_examples.to_string(),
            result.corrupted_examples.len().to_string(),
            first.optimizer(),
            result.learning_rate.to_string(),
            first.gain().to_string(),
            cell.runs.len().to_string(),
            steps(cell),
            value(1.0, &|run| Some(run.sharpness())),
            value(1.0, &|run| Some(run.over_sharpness_threshold())),
            value(1.0, &|run| run.non_uniformity()),
            value(1.0, &over),
            value(100.0, &|run| run.result.train_accuracy),
            value(100.0, &|run| run.result.test_accuracy),
        ]);
    }
    table
}
