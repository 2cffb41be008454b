//! Gradient descent beside SGD at one learning rate.

use minimascope_plot::Text;
use minimascope_plot::number::reading;
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;

use super::SWEEP;
use crate::figures::comparison::{Comparison, ComparisonRow, SeedMean};
use crate::networks::{MeasuredRun, NetworkRuns, SeedGroup};
use crate::page::wording::{listed, seeds};
use crate::page::{Caption, Content, Exhibit, Section, slug};

type ComparedQuantity = fn(&MeasuredRun<'_>) -> Option<f64>;

/// The heading, the axis label and the value of each quantity.
const QUANTITIES: [(&str, &str, ComparedQuantity); 6] = [
    ("Sharpness", "sharpness *a* = λ_{max}(*H*)", |run| Some(run.sharpness())),
    ("Non-uniformity", "non-uniformity *s* = √λ_{max}(Σ)", |run| run.non_uniformity()),
    ("Training accuracy", "training accuracy (%)", |run| Some(100.0 * run.result.train_accuracy?)),
    ("Test accuracy", "test accuracy (%)", |run| Some(100.0 * run.result.test_accuracy?)),
    ("Iterations to the stop rule", "iterations", |run| Some(run.result.steps as f64)),
    ("Time of training", "time of training (s, on the machine of each run)", |run| {
        Some(run.run.timing?.train_seconds)
    }),
];

/// One figure for each network that was trained by GD and by SGD at one learning rate.
pub(super) fn section(stored: &[StoredRun]) -> Section {
    let networks = NetworkRuns::clean(stored);
    let mut blocks: Vec<Content> = networks.iter().filter_map(exhibit).collect();
    if blocks.is_empty() {
        let what = "No network was trained by GD and by SGD at one learning rate";
        blocks.push(Content::missing(what, SWEEP));
    }
    Section::new("GD and SGD", blocks)
}

fn exhibit(network: &NetworkRuns<'_>) -> Option<Content> {
    let cells = network.plain_groups();
    let (rate, at) = compared(&cells)?;
    let label = |cell: &SeedGroup<'_>| {
        let first = cell.first();
        if first.is_gradient_descent() {
            "GD".to_owned()
        } else {
            format!("SGD, B = {}", first.result.batch_size)
        }
    };
    let rows = at.iter().map(|cell| ComparisonRow {
        label: label(cell),
        values: QUANTITIES
            .iter()
            .map(|(_, _, quantity)| {
                let found = cell.summary(quantity)?;
                Some(SeedMean { mean: found.mean, deviation: found.deviation })
            })
            .collect(),
    });
    let comparison = Comparison {
        identifier: slug(&format!("comparison-{}", network.label)),
        title: format!("GD and SGD side by side: {}", network.label),
        subtitle: Text::markup(&format!("*η* = {rate}, *n* = {}", network.train_examples())),
        quantities: QUANTITIES
            .iter()
            .map(|(title, label, _)| ((*title).to_owned(), Text::markup(label)))
            .collect(),
        rows: rows.collect(),
    };
    let measured = at.iter().filter_map(|cell| {
        let [a, s, _, test, steps, _] = QUANTITIES.map(|(_, _, of)| cell.summary(of));
        Some(format!(
            "{}: *a* = {}, *s* = {}, test {} %, {} iterations",
            label(cell),
            reading(a?.mean),
            s.map_or("–".to_owned(), |s| reading(s.mean)),
            test.map_or("–".to_owned(), |test| reading(test.mean)),
            reading(steps?.mean)
        ))
    });
    let caption = Caption::new(
        &format!(
            "GD is stable up to *a* = 2/*η* = {}, whatever *s* is; SGD is \
             stable only where *a* and *s* are small enough for its *B*.",
            reading(sharpness_limit(rate))
        ),
        &(listed(&measured.collect::<Vec<_>>()) + "."),
        &seeds(&at),
    );
    Some(Content::Exhibit(Box::new(Exhibit { figure: comparison.figure(), caption })))
}

/// The learning rate at which GD and the most batch sizes of SGD were run, with its runs, GD first.
fn compared<'a>(cells: &[SeedGroup<'a>]) -> Option<(f64, Vec<SeedGroup<'a>>)> {
    let with_both = cells.iter().filter(|cell| cell.first().is_gradient_descent());
    let candidates = with_both.map(|cell| {
        let rate = cell.first().result.learning_rate;
        let at = cells.iter().filter(|other| other.first().result.learning_rate == rate);
        let mut at: Vec<SeedGroup<'a>> = at.cloned().collect();
        at.reverse();
        (rate, at)
    });
    candidates.filter(|(_, at)| at.len() > 1).max_by_key(|(_, at)| at.len())
}
