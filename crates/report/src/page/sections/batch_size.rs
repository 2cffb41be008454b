//! Sharpness, non-uniformity and test accuracy against the batch size.

use minimascope_plot::number::reading;
use minimascope_plot::{Axis, DataPoint, Series, Text};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;

use crate::figures::trends::{Trend, TrendPanel, Trends};
use crate::networks::{MeasuredRun, NetworkRuns, SeedGroup};
use crate::page::wording::{listed, plural, seeds, sentence};
use crate::page::{
    Caption, Content, Exhibit, ReferenceValue, ReferenceValues, References, Section, slug,
};
use crate::statistics::Summary;

/// One figure for each network that was trained with several batch sizes at one learning rate.
pub(super) fn section(stored: &[StoredRun], references: &References) -> Section {
    let networks = NetworkRuns::clean(stored);
    let mut blocks: Vec<Content> =
        networks.iter().filter_map(|network| exhibit(references, network)).collect();
    if blocks.is_empty() {
        blocks.push(Content::missing(
            "No network was trained with several batch sizes",
            "minimascope run fashion-mnist-fnn train.batch_size=10",
        ));
    }
    Section::new("Batch size", blocks)
}

type RunQuantity = fn(&MeasuredRun<'_>) -> Option<f64>;
type ReferenceQuantity = fn(&ReferenceValues) -> Option<ReferenceValue>;

fn exhibit(references: &References, network: &NetworkRuns<'_>) -> Option<Content> {
    let cells = network.plain_groups();
    let rates = rates_with_several_sizes(&cells);
    if rates.is_empty() {
        return None;
    }
    let shown: Vec<SeedGroup<'_>> = cells
        .into_iter()
        .filter(|cell| rates.contains(&cell.first().result.learning_rate))
        .collect();
    let panel = |title: &str,
                 y: Axis,
                 quantity: RunQuantity,
                 published: ReferenceQuantity,
                 scale: f64| {
        let trends = rates.iter().map(|rate| {
            let at: Vec<&SeedGroup<'_>> =
                shown.iter().filter(|cell| cell.first().result.learning_rate == *rate).collect();
            Trend {
                label: Text::markup(&format!("*η* = {rate}")),
                points: at.iter().filter_map(|cell| data_point(cell, quantity, scale)).collect(),
                joined: true,
                published: at
                    .iter()
                    .filter_map(|cell| ring(references, cell, published, scale))
                    .collect(),
            }
        });
        TrendPanel {
            title: Text::plain(title),
            x: Axis::log10(Text::markup("batch size *B*")),
            y,
            references: Vec::new(),
            trends: trends.collect(),
        }
    };
    let mut sharpness = panel(
        "Sharpness",
        Axis::log10(Text::markup("sharpness *a* = λ_{max}(*H*)")),
        |run| Some(run.sharpness()),
        |cell| cell.sharpness,
        1.0,
    );
    sharpness.references = rates
        .iter()
        .map(|rate| {
            let label = Text::markup(&format!("2/*η* = {}", reading(sharpness_limit(*rate))));
            Series::horizontal(sharpness_limit(*rate)).named(label)
        })
        .collect();
    let non_uniformity = panel(
        "Non-uniformity",
        Axis::log10(Text::markup("non-uniformity *s* = √λ_{max}(Σ)")),
        |run| run.non_uniformity(),
        |cell| cell.non_uniformity,
        1.0,
    );
    let accuracy = panel(
        "Test accuracy",
        Axis::linear(Text::plain("test accuracy (%)")),
        |run| run.result.test_accuracy,
        |cell| cell.test_accuracy,
        100.0,
    );
    let steps = panel(
        "Time to converge",
        Axis::log10(Text::plain("iterations to the stop rule")),
        |run| Some(run.result.steps as f64),
        |_| None,
        1.0,
    );
    let mut panels = vec![sharpness, non_uniformity, accuracy, steps];
    panels.retain(|panel| panel.trends.iter().any(|trend| !trend.points.is_empty()));
    let measured = measured(&rates, &shown);
    let trends = Trends {
        identifier: slug(&format!("batch-size-{}", network.label)),
        title: format!("Minima against the batch size: {}", network.label),
        subtitle: Text::markup(&format!(
            "*n* = {}; the largest *B* of a line is gradient descent where it is *n*",
            network.train_examples()
        )),
        description: format!("Sharpness, non-uniformity and test accuracy against B. {measured}"),
        columns: 2,
        panels,
        notes: Vec::new(),
    };
    let caption = Caption::new(
        "Staying at a minimum asks for *a* ≤ 2/*η* at every *B*, and less of both *a* and *s* the \
         smaller *B* is: SGD's noise has variance *p*Σ with *p* = (*n* − *B*)/(*B*(*n* − 1)).",
        &measured,
        &seeds(&shown),
    );
    Some(Content::Exhibit(Box::new(Exhibit { figure: trends.figure(), caption })))
}

fn rates_with_several_sizes(cells: &[SeedGroup<'_>]) -> Vec<f64> {
    let mut rates: Vec<f64> = Vec::new();
    for cell in cells {
        let rate = cell.first().result.learning_rate;
        let sizes = cells.iter().filter(|other| other.first().result.learning_rate == rate);
        if sizes.count() > 1 && !rates.contains(&rate) {
            rates.push(rate);
        }
    }
    rates
}

fn data_point(cell: &SeedGroup<'_>, quantity: RunQuantity, scale: f64) -> Option<DataPoint> {
    let Summary { mean, deviation, count } = cell.summary(quantity)?;
    let result = cell.first().result;
    // An error bar that reaches zero cannot be drawn on a logarithmic axis.
    let error = deviation.filter(|half| *half < mean).map(|half| scale * half);
    Some(DataPoint {
        error: [None, error],
        note: Some(format!(
            "η = {}, B = {}: {} over {}",
            result.learning_rate,
            result.batch_size,
            reading(scale * mean),
            plural(count, "seed")
        )),
        ..DataPoint::new(result.batch_size as f64, scale * mean)
    })
}

fn ring(
    references: &References,
    cell: &SeedGroup<'_>,
    published: ReferenceQuantity,
    scale: f64,
) -> Option<DataPoint> {
    let first = cell.first();
    let found = references.batch_size.get(&first.run.run)?;
    let value = published(found)?;
    Some(DataPoint {
        error: [None, value.deviation.filter(|half| *half > 0.0).map(|half| scale * half)],
        note: Some(format!("{}: {}", found.source, reading(scale * value.mean))),
        ..DataPoint::new(first.result.batch_size as f64, scale * value.mean)
    })
}

/// The change from the largest to the smallest batch size at each learning rate.
fn measured(rates: &[f64], cells: &[SeedGroup<'_>]) -> String {
    let changes = rates.iter().filter_map(|rate| {
        let mut at = cells.iter().filter(|cell| cell.first().result.learning_rate == *rate);
        let (small, large) = (at.next()?, at.next_back()?);
        let both = |quantity: RunQuantity| {
            let [small, large] = [small, large].map(|cell| cell.summary(quantity));
            Some((reading(large?.mean), reading(small?.mean)))
        };
        let (from_a, to_a) = both(|run| Some(run.sharpness()))?;
        let (from_s, to_s) = both(|run| run.non_uniformity())?;
        Some(format!(
            "at *η* = {rate} from *B* = {} to {} *a* goes from {from_a} to {to_a} and *s* from \
             {from_s} to {to_s}",
            large.first().result.batch_size,
            small.first().result.batch_size
        ))
    });
    sentence(&listed(&changes.collect::<Vec<_>>())) + "."
}
