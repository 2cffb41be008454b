//! The ratio of the learning rate to the threshold of each criterion, at every minimum.

use minimascope_plot::number::reading;
use minimascope_plot::{Axis, Dash, DataPoint, Ink, Marker, Series, Text};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::{CriterionName, Threshold, by};

use super::SWEEP;
use crate::figures::trends::{Trend, TrendPanel, Trends};
use crate::networks::{MeasuredRun, NetworkRuns};
use crate::page::findings::at_threshold;
use crate::page::wording::{FEW, NONE, listed, plural, spread, values};
use crate::page::{Caption, Content, Exhibit, PageTable, Section};
use crate::statistics::Summary;

/// A criterion: the title of its panel, the ratio of η to its threshold, and the bracket of that ratio.
struct ThresholdRatio {
    title: &'static str,
    ratio: fn(&MeasuredRun<'_>) -> Option<f64>,
    bracket: fn(&MeasuredRun<'_>) -> Option<[f64; 2]>,
}

const CRITERIA: [ThresholdRatio; 6] = [
    ThresholdRatio {
        title: "*η* over 2/*a*",
        ratio: |run| Some(run.over_sharpness_threshold()),
        bracket: |_| None,
    },
    ThresholdRatio {
        title: "*η* over the rectangle’s", ratio: over_rectangle, bracket: |_| None
    },
    ThresholdRatio {
        title: "*η* over Theorem 1’s",
        ratio: |run| over_criterion(run, &CriterionName::THEOREM_ONE),
        bracket: |_| None,
    },
    ThresholdRatio {
        title: "*η* over the exact mean-square threshold",
        ratio: |run| over_criterion(run, &CriterionName::MEAN_SQUARE),
        bracket: |run| {
            let exact = threshold(run, &CriterionName::MEAN_SQUARE)?.ends();
            Some([over(run, exact.upper)?, over(run, exact.lower)?])
        },
    },
    ThresholdRatio {
        title: "*η* over the reshuffled threshold",
        ratio: |run| over_criterion(run, &CriterionName::RESHUFFLED),
        bracket: |run| {
            let ends = threshold(run, &CriterionName::RESHUFFLED)?.ends();
            Some([over(run, ends.upper)?, over(run, ends.lower)?])
        },
    },
    ThresholdRatio {
        title: "*η* over the worst example’s threshold",
        ratio: |run| over_criterion(run, &CriterionName::WORST_EXAMPLE),
        bracket: |_| None,
    },
];

fn over(run: &MeasuredRun<'_>, critical: f64) -> Option<f64> {
    (critical > 0.0).then(|| run.result.learning_rate / critical)
}

/// A criterion's threshold at the run's own batch size.
fn threshold<'a>(run: &MeasuredRun<'a>, criterion: &CriterionName) -> Option<&'a Threshold> {
    by(&run.run.own_judgement()?.thresholds, criterion)
}

fn over_criterion(run: &MeasuredRun<'_>, criterion: &CriterionName) -> Option<f64> {
    over(run, threshold(run, criterion)?.learning_rate)
}

fn over_rectangle(run: &MeasuredRun<'_>) -> Option<f64> {
    let sharpness = run.over_sharpness_threshold();
    match run.result.non_uniformity_limit {
        Some(limit) => Some(sharpness.max(run.non_uniformity()? / limit)),
        None => Some(sharpness),
    }
}

/// The ratio of η to its threshold at every minimum, for each criterion.
pub(super) fn section(stored: &[StoredRun]) -> Section {
    const TITLE: &str = "Distance to each threshold";
    let mut networks = NetworkRuns::clean(stored);
    for mut network in NetworkRuns::corrupted(stored) {
        network.label += ", some labels wrong";
        networks.push(network);
    }
    for network in &mut networks {
        network.runs.retain(MeasuredRun::is_plain);
    }
    networks.retain(|network| !network.runs.is_empty());
    if networks.is_empty() {
        let what = "No run of plain SGD or GD reached a minimum";
        return Section::new(TITLE, vec![Content::missing(what, SWEEP)]);
    }
    let shown: Vec<&ThresholdRatio> = CRITERIA
        .iter()
        .filter(|criterion| runs(&networks).any(|run| (criterion.ratio)(run).is_some()))
        .collect();
    let trends = Trends {
        identifier: "margins".into(),
        title: "Learning rate over the threshold of each criterion".into(),
        subtitle: Text::markup("*η* over its critical value at the minimum; 1 is the threshold"),
        description: format!("Ratios against the batch size. {}", measured(&networks, &shown)),
        columns: 2,
        panels: shown.iter().map(|criterion| panel(criterion, &networks)).collect(),
        notes: notes(&shown),
    };
    let all = runs(&networks).count();
    let known = runs(&networks).filter(|run| run.run.own_judgement().is_some()).count();
    let caption = Caption::new(
        "GD is unstable for *ηa*/2 > 1, and progressive sharpening raises *a* until then. SGD is stable \
         in mean square up to a ratio of 1 to the exact threshold. Theorem 1 is sufficient, and stricter \
         than necessary; the half of the rectangle on *s* proves nothing. No theorem says that SGD \
         converges to a minimum *at* a threshold.",
        &measured(&networks, &shown),
        &format!(
            "One mark a run, {}; the mean-square criteria are known for {known} of them. Errors are \
             standard deviations over runs.",
            plural(all, "run")
        ),
    );
    let figure = trends.figure();
    let mut blocks = vec![Content::Exhibit(Box::new(Exhibit { figure, caption }))];
    if known < all {
        blocks.push(Content::missing(
            &format!("The mean-square criteria are not known for {}", plural(all - known, "run")),
            "minimascope stability RUN",
        ));
    }
    blocks.push(Content::Table(table(&networks, &shown)));
    Section::new(TITLE, blocks)
}

fn notes(shown: &[&ThresholdRatio]) -> Vec<Text> {
    let mut notes = vec![Text::markup("Rings: mean ± deviation over the runs of one *B*.")];
    if shown.iter().any(|criterion| criterion.title.contains("exact")) {
        notes.push(Text::plain("Grey strokes: the proved bracket of the exact threshold."));
    }
    notes
}

fn runs<'n, 'a>(networks: &'n [NetworkRuns<'a>]) -> impl Iterator<Item = &'n MeasuredRun<'a>> {
    networks.iter().flat_map(|network| &network.runs)
}

fn panel(criterion: &ThresholdRatio, networks: &[NetworkRuns<'_>]) -> TrendPanel {
    let mut references =
        vec![Series::horizontal(1.0).named(Text::plain("threshold")).dashed(Dash::Solid)];
    for run in runs(networks) {
        if let Some([low, high]) = (criterion.bracket)(run) {
            let x = run.result.batch_size as f64;
            references.push(Series::line(vec![[x, low], [x, high]], Ink::Muted));
        }
    }
    for (index, network) in networks.iter().enumerate() {
        let means = batch_sizes(networks).into_iter().filter_map(|size| {
            let at = network.runs.iter().filter(|run| run.result.batch_size == size);
            let Summary { mean, deviation, count } =
                Summary::of(&at.filter_map(criterion.ratio).collect::<Vec<_>>())?;
            // An error bar that reaches zero cannot be drawn on a logarithmic axis.
            let error = Some(deviation.filter(|half| *half < mean)?);
            let note = Some(format!("B = {size}: mean of {count} runs, {}", reading(mean)));
            Some(DataPoint { error: [None, error], note, ..DataPoint::new(size as f64, mean) })
        });
        let means: Vec<DataPoint> = means.collect();
        if !means.is_empty() {
            references.push(Series::points(means, Marker::Ring, Ink::Series(index)));
        }
    }
    let trends = networks.iter().map(|network| Trend {
        label: Text::plain(&network.label),
        points: network
            .runs
            .iter()
            .filter_map(|run| {
                let ratio = (criterion.ratio)(run)?;
                let note = Some(format!("{}: {}", run.note(), reading(ratio)));
                Some(DataPoint { note, ..DataPoint::new(run.result.batch_size as f64, ratio) })
            })
            .collect(),
        joined: false,
        published: Vec::new(),
    });
    TrendPanel {
        title: Text::markup(criterion.title),
        x: Axis::log10(Text::markup("batch size *B*")),
        y: Axis::log10(Text::plain("ratio (1: at the threshold)")),
        references,
        trends: trends.filter(|trend| !trend.points.is_empty()).collect(),
    }
}

fn ratios<'n, 'a: 'n>(
    runs: impl Iterator<Item = &'n MeasuredRun<'a>>,
    criterion: &ThresholdRatio,
    gradient_descent: bool,
) -> Vec<f64> {
    runs.filter(|run| run.is_gradient_descent() == gradient_descent)
        .filter_map(criterion.ratio)
        .collect()
}

/// The ratios of GD, those of SGD by batch size, and of many runs how many are at the threshold and which
/// criterion's ratio varies least over all runs of SGD.
fn measured(networks: &[NetworkRuns<'_>], shown: &[&ThresholdRatio]) -> String {
    let mut text = String::new();
    let own = ratios(runs(networks), &CRITERIA[0], true);
    if !own.is_empty() {
        let wrong = runs(networks).filter(|run| run.is_gradient_descent() && run.is_corrupted());
        let wrong = match wrong.count() {
            0 => String::new(),
            count => format!(", {count} of them with wrong labels"),
        };
        let count = plural(own.len(), "run");
        text = format!("GD has *η* at {} of 2/*a* ({count}{wrong}). ", values(&own));
    }
    let sgd = shown.iter().filter_map(|criterion| {
        let all = ratios(runs(networks), criterion, false);
        let (low, high) = ends(&all)?;
        let sizes = batch_sizes(networks).into_iter().filter_map(|size| {
            let at = runs(networks).filter(|run| run.result.batch_size == size);
            let (low, high) = ends(&ratios(at, criterion, false))?;
            Some(format!("*B* = {size}: {}", range(low, high)))
        });
        let sizes = listed(&sizes.collect::<Vec<_>>());
        let place = if all.len() <= FEW {
            sizes
        } else {
            let (near, count) = (at_threshold(&all), plural(all.len(), "run"));
            format!("within 3 % of 1 in {near} of {count}, {} ({sizes})", range(low, high))
        };
        Some((criterion, high / low, all.len(), format!("{}: {place}", criterion.title)))
    });
    let sgd: Vec<_> = sgd.collect();
    let sentences: Vec<&str> = sgd.iter().map(|(_, _, _, text)| text.as_str()).collect();
    if !sentences.is_empty() {
        text += &format!("SGD has {}. ", sentences.join("; "));
    }
    // Only criteria that are known for every run: a range over fewer runs is narrower by chance.
    let most = sgd.iter().map(|(_, _, count, _)| *count).max().unwrap_or(0);
    let comparable = || sgd.iter().filter(|(_, _, count, _)| *count == most);
    let tightest = comparable().min_by(|left, right| left.1.total_cmp(&right.1));
    if let Some((criterion, factor, _, _)) =
        tightest.filter(|_| most > FEW && comparable().count() > 1)
    {
        text += &format!(
            "The tightest of the criteria known for all of them is “{}”, within a factor of {}.",
            criterion.title,
            reading(*factor)
        );
    }
    text
}

fn batch_sizes(networks: &[NetworkRuns<'_>]) -> Vec<usize> {
    let mut sizes: Vec<usize> = runs(networks).map(|run| run.result.batch_size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn range(low: f64, high: f64) -> String {
    if low == high { reading(low) } else { format!("{} to {}", reading(low), reading(high)) }
}

fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().reduce(f64::min)?;
    Some((low, values.iter().copied().reduce(f64::max)?))
}

fn table(networks: &[NetworkRuns<'_>], shown: &[&ThresholdRatio]) -> PageTable {
    let mut table = PageTable::new(
        "*η* over its critical value at the minimum that a run found: mean ± deviation over runs, \
         smallest to largest, number of runs.",
        ["network", "optimiser"],
        "",
    );
    table.heading.extend(shown.iter().map(|criterion| Text::markup(criterion.title)));
    for network in networks {
        for (name, gradient_descent) in [("GD", true), ("SGD", false)] {
            let entry = |criterion: &&ThresholdRatio| {
                let values = ratios(network.runs.iter(), criterion, gradient_descent);
                let Some((found, (low, high))) = Summary::of(&values).zip(ends(&values)) else {
                    return Text::plain(NONE);
                };
                let range = match found.count {
                    1 => String::new(),
                    count => format!("; {} to {}; {count} runs", reading(low), reading(high)),
                };
                Text::plain(spread(&found) + &range)
            };
            let entries: Vec<Text> = shown.iter().map(entry).collect();
            if entries.iter().any(|text| text.bare() != NONE) {
                let mut row = vec![Text::plain(&network.label), Text::plain(name)];
                row.extend(entries);
                table.rows.push(row);
            }
        }
    }
    table
}
