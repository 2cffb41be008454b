//! What was trained: networks, data, losses, stop rules, and images of the training sets.

use minimascope_plot::Text;
use minimascope_record::stored_run::StoredRun;

use crate::figures::contact_sheet::ContactSheet;
use crate::page::wording::listed;
use crate::page::{Caption, Content, Exhibit, PageTable, Section, slug};

/// A table of what was trained, and images of the training sets.
pub fn section(stored: &[StoredRun], sheets: &[ContactSheet]) -> Section {
    let mut blocks = vec![Content::Table(table(stored))];
    for (index, sheet) in sheets.iter().enumerate() {
        if sheet.pictures.is_empty() {
            let text = format!(
                "The training examples of {} are not shown: a picture has one channel or three.",
                sheet.data
            );
            blocks.push(Content::Paragraph(Text::plain(text)));
            continue;
        }
        let figure = sheet.figure(&slug(&format!("images-{}-{index}", sheet.data)));
        let theory = if sheet.corrupted > 0 {
            "A network with more parameters than examples can fit wrong labels too. At one *η* \
             GD is stable up to the same *a* as with clean labels, whatever *s* is."
        } else {
            "With more parameters than examples many minima fit every one of them. Which is found \
             depends on the optimiser; the examples decide what a minimum’s *H*_{i} are."
        };
        let caption = Caption::new(
            theory,
            &format!("{}: the first of them in the training set.", sheet.shown()),
            "The images and their labels are the same for all seeds; nothing here has an error.",
        );
        blocks.push(Content::Exhibit(Box::new(Exhibit { figure, caption })));
    }
    if sheets.is_empty() {
        let what = "The training images are not shown: their files were not found";
        blocks.push(Content::missing(what, "minimascope data fetch NAME"));
    }
    Section::new("Setup", blocks)
}

/// One run for each training set, with few wrong labels before many.
pub(in crate::page) fn training_sets(stored: &[StoredRun]) -> Vec<&StoredRun> {
    let mut sets: Vec<&StoredRun> = Vec::new();
    for run in stored.iter().filter(|run| run.result.is_some()) {
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
    // Of the sets with wrong labels of one data set, keep the one with the fewest.
    sets.dedup_by_key(|run| (run.config.data.source.clone(), wrong(run) > 0));
    sets
}

fn table(stored: &[StoredRun]) -> PageTable {
    let mut table = PageTable::new(
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
    for run in stored.iter().filter(|run| run.result.is_some()) {
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
            result.loss.description().to_owned(),
            config.train.sampling.description().to_owned(),
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
        result.map(|result| (result.loss.description(), result.corrupted_examples.len())),
        run.config.train.sampling.description(),
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
