//! Published values beside ours, in a table and in the figures of the general sections.

use std::collections::BTreeMap;

use minimascope_plot::Text;
use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;
use minimascope_report::figures::diagram::DiagramMinimum;
use minimascope_report::networks::{MeasuredRun, NetworkRuns, SeedGroup, seed_groups};
use minimascope_report::page::wording::{NONE, signed, spread};
use minimascope_report::page::{
    Content, PageTable, ReferenceValue, ReferenceValues, References, Section,
};
use minimascope_report::statistics::Summary;

use crate::published::{Published, PublishedCell, PublishedTable, Spread};

/// The published cells with the network, learning rate and batch size of a run, at any gain.
fn cells_for<'s>(
    published: &'s Published,
    run: &MeasuredRun<'_>,
) -> impl Iterator<Item = &'s PublishedCell> {
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

/// The published values for the figures of the general sections, by the runs that have their setting.
pub(super) fn references(runs: &[StoredRun], published: &Published) -> References {
    let (mut diagram, mut batch_size) = (BTreeMap::new(), BTreeMap::new());
    for run in runs.iter().filter_map(MeasuredRun::at_minimum) {
        let of_table = |table| cells_for(published, &run).find(|cell| cell.table == table);
        if let Some(minimum) = of_table(PublishedTable::Diagram).and_then(diagram_minimum) {
            diagram.insert(run.run.run.clone(), minimum);
        }
        if let Some(cell) = of_table(PublishedTable::BatchSize) {
            batch_size.insert(run.run.run.clone(), reference_values(cell));
        }
    }
    let power_laws = published.power_law.iter().map(|law| {
        format!(
            "{} ({}): slope about {}, *s*/*a* about {}, Pearson at least {}.",
            law.network, law.source, law.slope, law.ratio, law.correlation
        )
    });
    References { diagram, batch_size, power_laws: power_laws.collect() }
}

fn diagram_minimum(cell: &PublishedCell) -> Option<DiagramMinimum> {
    let s = cell.non_uniformity?;
    let (a, half) = match (cell.sharpness, cell.sharpness_range) {
        (Some(a), _) => (a.mean, a.deviation),
        (None, Some([low, high])) => (0.5 * (low + high), Some(0.5 * (high - low))),
        (None, None) => return None,
    };
    Some(DiagramMinimum {
        error: [half, s.deviation],
        note: Some(format!("{}, B = {}", cell.source, cell.batch_size)),
        ..DiagramMinimum::new(a, s.mean)
    })
}

fn reference_values(cell: &PublishedCell) -> ReferenceValues {
    let value = |spread: Option<Spread>| {
        spread.map(|Spread { mean, deviation }| ReferenceValue { mean, deviation })
    };
    ReferenceValues {
        source: cell.source.clone(),
        sharpness: value(cell.sharpness),
        non_uniformity: value(cell.non_uniformity),
        test_accuracy: value(cell.test_accuracy),
    }
}

/// Tables of published values beside ours.
pub(super) fn section(runs: &[StoredRun], published: &Published) -> Section {
    let networks = NetworkRuns::clean(runs);
    let ours: Vec<SeedGroup<'_>> =
        networks.iter().flat_map(|network| seed_groups(network.runs.iter().copied())).collect();
    let mut blocks = vec![Content::paragraph(
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
        blocks.extend(compared(published, &ours, table, caption));
    }
    blocks.extend(escapes(published));
    Section::new("Published values beside ours", blocks)
}

/// A table with one row for each published quantity.
fn compared(
    published: &Published,
    ours: &[SeedGroup<'_>],
    table: PublishedTable,
    caption: &str,
) -> Option<Content> {
    let mut rows = PageTable::new(
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
    for cell in published.cell.iter().filter(|cell| cell.table == table) {
        let matching: Vec<MeasuredRun<'_>> = ours
            .iter()
            .flat_map(|own| &own.runs)
            .filter(|run| cells_for(published, run).any(|found| std::ptr::eq(found, cell)))
            .filter(|run| cell.gains.contains(&run.gain()))
            .copied()
            .collect();
        for (name, printed, quantity, scale) in quantities(cell) {
            let values: Vec<f64> = matching.iter().filter_map(|run| quantity(run)).collect();
            let found = Summary::of(&values);
            rows.rows.push(cells_of(row(cell, &matching, name, printed, found, scale)));
        }
        if let Some([low, high]) = cell.sharpness_range {
            let values: Vec<f64> = matching.iter().map(MeasuredRun::sharpness).collect();
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
    (!rows.rows.is_empty()).then_some(Content::Table(rows))
}

/// The column with the name of the quantity, and the name of the sharpness.
const QUANTITY: usize = 3;
const SHARPNESS: &str = "*a*";

type PublishedQuantity = fn(&MeasuredRun<'_>) -> Option<f64>;

fn quantities(cell: &PublishedCell) -> Vec<(&'static str, Spread, PublishedQuantity, f64)> {
    let all: [(&str, Option<Spread>, PublishedQuantity, f64); 4] = [
        (SHARPNESS, cell.sharpness, |run| Some(run.sharpness()), 1.0),
        ("*s*", cell.non_uniformity, |run| run.non_uniformity(), 1.0),
        ("training accuracy %", cell.train_accuracy, |run| run.result.train_accuracy, 100.0),
        ("test accuracy %", cell.test_accuracy, |run| run.result.test_accuracy, 100.0),
    ];
    let printed = |(name, spread, quantity, scale): (
        &'static str,
        Option<Spread>,
        PublishedQuantity,
        f64,
    )| { Some((name, spread?, quantity, scale)) };
    all.into_iter().filter_map(printed).collect()
}

fn row(
    cell: &PublishedCell,
    runs: &[MeasuredRun<'_>],
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
            // Printed as 0.0: less than the last digit.
            Some(0.0) => format!("{} ± 0.0", reading(scale * printed.mean)),
            Some(deviation) => plus_minus(scale * printed.mean, scale * deviation),
            None => reading(scale * printed.mean),
        },
        ours.map_or(none(), |ours| spread(&scaled(ours))),
        count,
        difference.map_or(none(), |found| signed(found.percent, 1)),
        difference.and_then(|found| found.deviations).map_or(none(), |value| signed(value, 1)),
        difference.and_then(|found| found.standard_errors).map_or(none(), |value| signed(value, 1)),
        if name == SHARPNESS {
            reading(sharpness_limit(cell.learning_rate))
        } else {
            String::new()
        },
        cell.source.clone(),
    ]
}

/// The cells of a row. The name of the quantity is in the notation of labels, the rest is plain.
fn cells_of(row: [String; 12]) -> Vec<Text> {
    let cell = |(index, text): (usize, String)| {
        if index == QUANTITY { Text::markup(&text) } else { Text::plain(text) }
    };
    row.into_iter().enumerate().map(cell).collect()
}

/// Our mean minus the published one.
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
        // One seed of ours is taken to scatter as one of theirs.
        let own = ours.standard_error().or(deviation);
        let error = theirs.zip(own).map(|(theirs, own)| theirs.hypot(own));
        Difference {
            percent: 100.0 * gap / printed.mean,
            deviations: deviation.map(|deviation| gap / deviation),
            standard_errors: error.filter(|error| *error > 0.0).map(|error| gap / error),
        }
    }
}

/// The published launches.
fn escapes(published: &Published) -> Option<Content> {
    let mut table = PageTable::new(
        "Launches from a minimum that others saw. Ours are in the section on escape.",
        ["network", "from *a*", "*η*", "*B*", "", "*a* at the end", "seen besides", "source"],
        "",
    );
    for escape in &published.escape {
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
    (!published.escape.is_empty()).then_some(Content::Table(table))
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
