//! Sharpness, non-uniformity and test error against the number of wrong labels.

use minimascope_plot::number::reading;
use minimascope_plot::{Axis, DataPoint, Series, Text};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;

use crate::figures::trends::{Trend, TrendPanel, Trends};
use crate::networks::{MeasuredRun, NetworkRuns, SeedGroup, seed_groups};
use crate::page::wording::{listed, plural, seeds};
use crate::page::{Caption, Content, Exhibit, Section, slug};

/// One figure for each network that was trained on wrong labels, beside the same network on clean ones.
pub(super) fn section(stored: &[StoredRun]) -> Section {
    let clean = NetworkRuns::clean(stored);
    let corrupted = NetworkRuns::corrupted(stored);
    let mut blocks: Vec<Content> =
        corrupted.iter().filter_map(|network| exhibit(network, &clean)).collect();
    if blocks.is_empty() {
        blocks.push(Content::missing(
            "Wrong labels are not drawn: no such run is stored",
            "minimascope run fashion-mnist-fnn-corrupted train.learning_rate=0.5",
        ));
    }
    Section::new("Wrong labels", blocks)
}

fn wrong(run: &MeasuredRun<'_>) -> usize {
    run.result.corrupted_examples.len()
}

fn exhibit(network: &NetworkRuns<'_>, clean: &[NetworkRuns<'_>]) -> Option<Content> {
    let settings = |run: &MeasuredRun<'_>| {
        let size = (!run.is_gradient_descent()).then_some(run.result.batch_size);
        (run.result.learning_rate.to_bits(), size)
    };
    let usual = |run: &&MeasuredRun<'_>| run.is_plain() && run.gain() == 1.0;
    let mut runs: Vec<MeasuredRun<'_>> = network.runs.iter().filter(usual).copied().collect();
    let first = *runs.first()?;
    let same_images = |other: &&NetworkRuns<'_>| {
        let result = other.runs[0].result;
        // The clean set holds the same examples without the corrupted ones.
        result.model == first.result.model
            && result.data == first.result.data
            && result.loss == first.result.loss
            && result.train_examples == first.result.train_examples - wrong(&first)
    };
    let present: Vec<_> = runs.iter().map(settings).collect();
    let clean = clean.iter().filter(same_images).flat_map(|network| &network.runs);
    runs.extend(clean.filter(usual).filter(|run| present.contains(&settings(run))));
    let mut all = seed_groups(runs);
    all.sort_by_key(|cell| wrong(cell.first()));
    let mut kinds: Vec<_> = all.iter().map(|cell| settings(cell.first())).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let label = |run: &MeasuredRun<'_>| {
        let rate = run.result.learning_rate;
        if run.is_gradient_descent() {
            format!("GD, *η* = {rate}")
        } else {
            format!("SGD, *B* = {}, *η* = {rate}", run.result.batch_size)
        }
    };
    let of_kind = |kind: &_| -> Vec<&SeedGroup<'_>> {
        all.iter().filter(|cell| settings(cell.first()) == *kind).collect()
    };
    let panel = |title: &str, y: Axis, quantity: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>| {
        let trends = kinds.iter().map(|kind| {
            let own = of_kind(kind);
            Trend {
                label: Text::markup(&label(own[0].first())),
                points: own.iter().filter_map(|cell| data_point(cell, quantity)).collect(),
                joined: true,
                published: Vec::new(),
            }
        });
        TrendPanel {
            title: Text::plain(title),
            x: Axis::count(Text::plain("examples with a wrong label")),
            y,
            references: Vec::new(),
            trends: trends.collect(),
        }
    };
    let mut sharpness = panel(
        "Sharpness",
        Axis::linear(Text::markup("sharpness *a* = λ_{max}(*H*)")).including(&[0.0]),
        &|run| Some(run.sharpness()),
    );
    for (rate, _) in &kinds {
        let limit = sharpness_limit(f64::from_bits(*rate));
        let name = Text::markup(&format!("2/*η* = {}", reading(limit)));
        let line = Series::horizontal(limit).named(name);
        if !sharpness.references.contains(&line) {
            sharpness.references.push(line);
        }
    }
    let panels = vec![
        sharpness,
        panel(
            "Non-uniformity",
            Axis::linear(Text::markup("non-uniformity *s* = √λ_{max}(Σ)")).including(&[0.0]),
            &|run| run.non_uniformity(),
        ),
        panel("Test error", Axis::linear(Text::plain("test error (%)")), &|run| {
            Some(100.0 * (1.0 - run.result.test_accuracy?))
        }),
        panel(
            "Time to converge",
            Axis::count(Text::plain("iterations to the stop rule")),
            &|run| Some(run.result.steps as f64),
        ),
    ];
    let measured = kinds.iter().map(|kind| {
        let own = of_kind(kind);
        let points = own.iter().map(|cell| {
            let value = |quantity: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>| {
                cell.summary(quantity).map_or("–".to_owned(), |found| reading(found.mean))
            };
            format!(
                "{} wrong: *a* = {}, *s* = {}, test error {} %",
                wrong(cell.first()),
                value(&|run| Some(run.sharpness())),
                value(&|run| run.non_uniformity()),
                value(&|run| Some(100.0 * (1.0 - run.result.test_accuracy?)))
            )
        });
        format!("{}: {}", label(own[0].first()), listed(&points.collect::<Vec<_>>()))
    });
    let measured = measured.collect::<Vec<_>>().join(". ") + ".";
    let trends = Trends {
        identifier: slug(&format!("corruption-{}", network.label)),
        title: format!("Wrong labels: {}", network.label),
        subtitle: Text::plain("added to the clean examples, with 0 for the clean set alone"),
        description: format!("Sharpness, non-uniformity and test error. {measured}"),
        columns: 2,
        panels,
        notes: Vec::new(),
    };
    let caption = Caption::new(
        "Wrong labels need sharper minima, but GD is unstable above *a* = 2/*η*: with more wrong \
         labels *a* stays there, while *s* and the test error can rise.",
        &measured,
        &format!("{} {}", plural(kinds.len(), "optimiser") + ":", seeds(&all)),
    );
    Some(Content::Exhibit(Box::new(Exhibit { figure: trends.figure(), caption })))
}

fn data_point(
    cell: &SeedGroup<'_>,
    quantity: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>,
) -> Option<DataPoint> {
    let found = cell.summary(quantity)?;
    let note = Some(cell.first().note());
    let at = DataPoint::new(wrong(cell.first()) as f64, found.mean);
    Some(DataPoint { error: [None, found.deviation], note, ..at })
}
