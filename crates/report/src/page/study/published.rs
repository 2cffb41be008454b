//! Published values beside ours.

use minimascope_plot::Text;
use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::published::{PublishedCell, PublishedTable};
use minimascope_record::reproduction::Spread;
use minimascope_record::study::Study;

use super::wording::{NONE, signed, spread};
use crate::minima::{Cell, Network, Reached, cells};
use crate::page::document::{Block, Section};
use crate::page::table::Table;
use crate::statistics::Summary;

/// What others printed of the run's network, learning rate and batch size, whatever the gains.
pub(super) fn cells_for<'s>(
    study: &'s Study,
    run: &Reached<'_>,
) -> impl Iterator<Item = &'s PublishedCell> {
    let published = &study.published;
    let result = run.result;
    let (n, rate, size) = (result.train_examples, result.learning_rate, result.batch_size);
    let comparable = run.is_plain()
        && !run.is_corrupted()
        && result.loss == published.loss
        && n == published.train_examples;
    let model = result.model.clone();
    published.cell.iter().filter(move |cell| {
        comparable
            && cell.network == model
            && cell.learning_rate == rate
            && cell.batch_size.of(n) == size
    })
}

pub(super) fn section(study: &Study) -> Section {
    let networks = Network::clean(study);
    let ours: Vec<Cell<'_>> =
        networks.iter().flat_map(|network| cells(network.runs.iter().copied())).collect();
    let mut blocks = vec![Block::paragraph(
        "Published values are means ± standard deviation over runs where a deviation is printed. \
         The difference is in percent of the published value, in published standard deviations, \
         and in standard errors of the difference of the two means: the published one's, deviation \
         over the root of its number of runs, and ours. Where ours is one seed, its scatter is \
         taken to be the published one. A deviation printed as 0.0 is not used; – is what was not run or not printed.",
    )];
    for (table, caption) in [
        (
            PublishedTable::GradientDescent,
            "Sharpness that gradient descent finds (Table 1 of the study). Prediction: 2/*η*.",
        ),
        (PublishedTable::BatchSize, "Sharpness, non-uniformity and test accuracy by batch size."),
        (PublishedTable::Diagram, "Minima of the diagram, over the gains of the initialisation."),
        (PublishedTable::Slides, "A student reproduction (the slides)."),
    ] {
        blocks.extend(compared(study, &ours, table, caption));
    }
    blocks.extend(escapes(study));
    Section::new("Published values beside ours", blocks)
}

/// One row a quantity that was printed.
fn compared(
    study: &Study,
    ours: &[Cell<'_>],
    table: PublishedTable,
    caption: &str,
) -> Option<Block> {
    let mut rows = Table::new(
        caption,
        [
            "network",
            "*η*",
            "*B*",
            "quantity",
            "published",
            "ours",
            "seeds × gains",
            "difference %",
            "deviations",
            "standard errors",
            "2/*η*",
            "source",
        ],
        "",
    );
    let mut notes = Vec::new();
    for cell in study.published.cell.iter().filter(|cell| cell.table == table) {
        let matching: Vec<Reached<'_>> = ours
            .iter()
            .flat_map(|own| &own.runs)
            .filter(|run| cells_for(study, run).any(|found| std::ptr::eq(found, cell)))
            .filter(|run| cell.gains.contains(&run.gain()))
            .copied()
            .collect();
        for (name, printed, quantity, scale) in quantities(cell) {
            let values: Vec<f64> = matching.iter().filter_map(|run| quantity(run)).collect();
            let found = Summary::of(&values);
            rows.rows.push(cells_of(row(cell, &matching, name, printed, found, scale)));
        }
        if let Some([low, high]) = cell.sharpness_range {
            let values: Vec<f64> = matching.iter().map(Reached::sharpness).collect();
            let mut row =
                row(cell, &matching, SHARPNESS, Spread { mean: 0.0, deviation: None }, None, 1.0);
            row[4] = format!("{} to {}", reading(low), reading(high));
            let ends = [f64::min, f64::max].map(|end| values.iter().copied().reduce(end));
            if let [Some(low), Some(high)] = ends {
                row[5] = format!("{} to {}", reading(low), reading(high));
            }
            rows.rows.push(cells_of(row));
        }
        if let Some(note) = &cell.note {
            let line = format!(
                "{}, η = {}, B = {}: {note}.",
                cell.network, cell.learning_rate, cell.batch_size
            );
            notes.push(line);
        }
    }
    rows.note = Text::plain(notes.join(" "));
    (!rows.rows.is_empty()).then_some(Block::Table(rows))
}

/// The column of the quantity's name, and the name of a.
const QUANTITY: usize = 3;
const SHARPNESS: &str = "*a*";

type Quantity = fn(&Reached<'_>) -> Option<f64>;

fn quantities(cell: &PublishedCell) -> Vec<(&'static str, Spread, Quantity, f64)> {
    let all: [(&str, Option<Spread>, Quantity, f64); 4] = [
        (SHARPNESS, cell.sharpness, |run| Some(run.sharpness()), 1.0),
        ("*s*", cell.non_uniformity, |run| run.non_uniformity(), 1.0),
        ("training accuracy %", cell.train_accuracy, |run| run.result.train_accuracy, 100.0),
        ("test accuracy %", cell.test_accuracy, |run| run.result.test_accuracy, 100.0),
    ];
    let printed =
        |(name, spread, quantity, scale): (&'static str, Option<Spread>, Quantity, f64)| {
            Some((name, spread?, quantity, scale))
        };
    all.into_iter().filter_map(printed).collect()
}

fn row(
    cell: &PublishedCell,
    runs: &[Reached<'_>],
    name: &str,
    printed: Spread,
    ours: Option<Summary>,
    scale: f64,
) -> [String; 12] {
    let scaled = |summary: Summary| Summary {
        mean: scale * summary.mean,
        deviation: summary.deviation.map(|deviation| scale * deviation),
        ..summary
    };
    let none = || NONE.to_owned();
    let difference = ours.map(|ours| Difference::of(ours, printed, cell.runs));
    let mut gains: Vec<u64> = runs.iter().map(|run| run.gain().to_bits()).collect();
    gains.sort_unstable();
    gains.dedup();
    let count = match gains.len() {
        0 => none(),
        1 => runs.len().to_string(),
        gains => format!("{} in {gains} gains", runs.len()),
    };
    [
        cell.network.clone(),
        cell.learning_rate.to_string(),
        cell.batch_size.to_string(),
        name.to_owned(),
        match printed.deviation {
            // Printed so: less than the last digit.
            Some(0.0) => format!("{} ± 0.0", reading(scale * printed.mean)),
            Some(deviation) => plus_minus(scale * printed.mean, scale * deviation),
            None => reading(scale * printed.mean),
        },
        ours.map_or(none(), |ours| spread(&scaled(ours))),
        count,
        difference.map_or(none(), |found| signed(found.percent, 1)),
        difference.and_then(|found| found.deviations).map_or(none(), |value| signed(value, 1)),
        difference.and_then(|found| found.standard_errors).map_or(none(), |value| signed(value, 1)),
        if name == SHARPNESS { reading(2.0 / cell.learning_rate) } else { String::new() },
        cell.source.clone(),
    ]
}

/// The name of a quantity is in the notation of labels, the rest as it is.
fn cells_of(row: [String; 12]) -> Vec<Text> {
    let cell = |(index, text): (usize, String)| {
        if index == QUANTITY { Text::markup(&text) } else { Text::plain(text) }
    };
    row.into_iter().enumerate().map(cell).collect()
}

/// Ours minus theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Difference {
    percent: f64,
    deviations: Option<f64>,
    standard_errors: Option<f64>,
}

impl Difference {
    fn of(ours: Summary, printed: Spread, runs: Option<usize>) -> Difference {
        let gap = ours.mean - printed.mean;
        let deviation = printed.deviation.filter(|deviation| *deviation > 0.0);
        let theirs = deviation.zip(runs).map(|(deviation, runs)| deviation / (runs as f64).sqrt());
        // One seed scatters as one of theirs does.
        let own = ours.standard_error().or(deviation);
        let error = theirs.zip(own).map(|(theirs, own)| theirs.hypot(own));
        Difference {
            percent: 100.0 * gap / printed.mean,
            deviations: deviation.map(|deviation| gap / deviation),
            standard_errors: error.filter(|error| *error > 0.0).map(|error| gap / error),
        }
    }
}

/// Launches that others saw.
fn escapes(study: &Study) -> Option<Block> {
    let published = &study.published.escape;
    let mut table = Table::new(
        "Launches from a minimum that others saw. Ours are in the section on escape.",
        ["network", "from *a*", "*η*", "*B*", "", "*a* at the end", "seen besides", "source"],
        "",
    );
    for escape in published {
        table.row([
            escape.network.clone(),
            reading(escape.start_sharpness),
            escape.learning_rate.to_string(),
            escape.batch_size.to_string(),
            if escape.left { "leaves" } else { "stays" }.to_owned(),
            escape.end_sharpness.map_or(NONE.to_owned(), reading),
            escape.note.clone().unwrap_or_default(),
            escape.source.clone(),
        ]);
    }
    (!published.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_both_errors() {
        let printed = Spread { mean: 20.0, deviation: Some(0.3) };
        let ours = Summary { mean: 20.6, deviation: Some(0.4), count: 4 };
        let found = Difference::of(ours, printed, Some(9));
        // √((0.3/3)² + (0.4/2)²) = √0.05.
        assert!((found.percent - 3.0).abs() < 1e-12);
        assert!((found.deviations.unwrap() - 2.0).abs() < 1e-12);
        assert!((found.standard_errors.unwrap() - 0.6 / 0.05_f64.sqrt()).abs() < 1e-12);
        let single = Summary { deviation: None, count: 1, ..ours };
        let found = Difference::of(single, printed, Some(9));
        assert!((found.standard_errors.unwrap() - 0.6 / 0.1_f64.sqrt()).abs() < 1e-12);
        let unknown = Difference::of(single, Spread { deviation: Some(0.0), ..printed }, Some(5));
        assert_eq!((unknown.deviations, unknown.standard_errors), (None, None));
    }
}
