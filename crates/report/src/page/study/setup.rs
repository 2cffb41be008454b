//! What was trained, on which images, to which end.

use minimascope_record::study::{StoredRun, Study};

use super::wording::listed;
use crate::page::document::{Block, Section};
use crate::page::exhibit::{Caption, Exhibit};
use crate::page::table::Table;
use crate::page::{Inputs, slug};
use crate::views::{batches, loss_name};

pub(super) fn section(inputs: &Inputs<'_>) -> Section {
    let mut blocks = vec![Block::Table(table(inputs.study))];
    for (index, sheet) in inputs.sheets.iter().enumerate() {
        let figure = sheet.figure(&slug(&format!("images-{}-{index}", sheet.data)));
        let theory = if sheet.corrupted > 0 {
            "A network with more parameters than examples can fit wrong labels too. At one *η* \
             GD’s minima of them are as sharp as those of clean labels, and less uniform: *s*, not \
             *a*, tells them apart."
        } else {
            "With more parameters than examples many minima fit every one of them. Which is found \
             depends on the optimiser; the examples decide what a minimum’s *H*_{i} are."
        };
        let caption = Caption::new(
            theory,
            &format!("{}: the first of them in the training set.", sheet.shown()),
            "The images and their labels are the same for all seeds; nothing here has an error.",
        );
        blocks.push(Block::Exhibit(Box::new(Exhibit { figure, caption })));
    }
    if inputs.sheets.is_empty() {
        let what = "The training images are not shown: their files were not found";
        blocks.push(Block::missing(what, "minimascope data fetch NAME"));
    }
    Section::new("Setup", blocks)
}

/// Runs of which each has a training set that no earlier one has; few wrong labels first.
pub(in crate::page) fn training_sets(study: &Study) -> Vec<&StoredRun> {
    let mut sets: Vec<&StoredRun> = Vec::new();
    for run in study.runs.iter().filter(|run| run.result.is_some()) {
        if !sets.iter().any(|other| other.config.data == run.config.data) {
            sets.push(run);
        }
    }
    let wrong =
        |run: &StoredRun| run.result.as_ref().map_or(0, |result| result.corrupted_examples.len());
    sets.sort_by(|left, right| {
        let sources = left.config.data.source.cmp(&right.config.data.source);
        sources.then(wrong(left).cmp(&wrong(right)))
    });
    // The fewest wrong labels show what all of them look like.
    sets.dedup_by_key(|run| (run.config.data.source.clone(), wrong(run) > 0));
    sets
}

fn table(study: &Study) -> Table {
    let mut table = Table::new(
        "What was trained.",
        [
            "network",
            "parameters",
            "data",
            "*n*",
            "wrong labels",
            "loss of an example",
            "sampling",
            "stop rule",
            "*η*",
            "*B*",
            "runs",
        ],
        "The stop rule’s average is exponential, 0.9 old + 0.1 new, of the batch loss. The limit of \
         iterations is the largest of the runs.",
    );
    let mut groups: Vec<Vec<&StoredRun>> = Vec::new();
    for run in study.runs.iter().filter(|run| run.result.is_some()) {
        match groups.iter_mut().find(|group| key(group[0]) == key(run)) {
            None => groups.push(vec![run]),
            Some(group) => group.push(run),
        }
    }
    groups.sort_by(|left, right| {
        key(left[0]).partial_cmp(&key(right[0])).unwrap_or(std::cmp::Ordering::Equal)
    });
    for group in groups {
        let Some(result) = group[0].result.as_ref() else { continue };
        let config = &group[0].config;
        let values = |value: &dyn Fn(&StoredRun) -> Option<f64>| {
            let mut all: Vec<f64> = group.iter().filter_map(|run| value(run)).collect();
            all.sort_by(f64::total_cmp);
            all.dedup();
            listed(&all.iter().map(f64::to_string).collect::<Vec<_>>())
        };
        table.row([
            result.model.clone(),
            minimascope_plot::number::decimal(result.parameters as f64, 0),
            result.data.clone(),
            minimascope_plot::number::decimal(result.train_examples as f64, 0),
            result.corrupted_examples.len().to_string(),
            loss_name(result.loss).to_owned(),
            batches(config.train.sampling).to_owned(),
            stop(&group),
            values(&|run| Some(run.config.train.learning_rate)),
            values(&|run| run.result.as_ref().map(|result| result.batch_size as f64)),
            group.len().to_string(),
        ]);
    }
    table
}

fn key(run: &StoredRun) -> impl PartialOrd + use<> {
    let result = run.result.as_ref();
    (
        result.map(|result| (result.model.clone(), result.data.clone(), result.train_examples)),
        result.map(|result| (loss_name(result.loss), result.corrupted_examples.len())),
        batches(run.config.train.sampling),
        run.config.train.stop.average_batch_loss_below,
    )
}

fn stop(group: &[&StoredRun]) -> String {
    let stop = group[0].config.train.stop;
    let limit = group.iter().map(|run| run.config.train.stop.max_steps).max().unwrap_or(0);
    let limit =
        format!("at most {} iterations", minimascope_plot::number::decimal(limit as f64, 0));
    match stop.average_batch_loss_below {
        Some(loss) => format!("average batch loss below {loss}, {limit}"),
        None => limit,
    }
}
