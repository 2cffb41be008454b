//! The noise scale η/B, and the minima of other optimisers.

use minimascope_plot::number::{decimal, plus_minus, reading};
use minimascope_plot::{Axis, Dash, DataPoint, Ink, Series, Text};
use minimascope_record::stored_run::StoredRun;

use crate::figures::trends::{Trend, TrendPanel, Trends};
use crate::networks::{MeasuredRun, NetworkRuns};
use crate::page::wording::{NONE, percent, plural};
use crate::page::{Caption, Content, Exhibit, Section};
use crate::statistics::PowerLaw;

/// Sharpness and test accuracy against η/B, and the diagram of all optimisers.
pub(super) fn section(stored: &[StoredRun]) -> Section {
    let networks = NetworkRuns::clean(stored);
    let blocks = vec![
        noise(&networks).unwrap_or_else(|| {
            let what = "The noise scale is not drawn: no run of SGD reached a minimum";
            Content::missing(what, "minimascope run fashion-mnist-fnn train.batch_size=10")
        }),
        optimizers(&networks).unwrap_or_else(|| {
            Content::missing(
                "Minima of Adam and of GD with momentum are not drawn: no such run is stored",
                "minimascope run fashion-mnist-fnn train.optimizer.kind=adam \
                 train.learning_rate=0.001",
            )
        }),
    ];
    Section::new("Noise scale and other optimisers", blocks)
}

fn noise_scale(run: &MeasuredRun<'_>) -> f64 {
    run.result.learning_rate / run.result.batch_size as f64
}

fn sgd<'n, 'a>(network: &'n NetworkRuns<'a>) -> impl Iterator<Item = &'n MeasuredRun<'a>> {
    network.runs.iter().filter(|run| run.is_plain() && !run.is_gradient_descent())
}

fn noise(networks: &[NetworkRuns<'_>]) -> Option<Content> {
    let with_sgd: Vec<&NetworkRuns<'_>> =
        networks.iter().filter(|network| sgd(network).next().is_some()).collect();
    let panels: Vec<TrendPanel> =
        with_sgd.iter().flat_map(|network| noise_panels(network)).collect();
    if panels.is_empty() {
        return None;
    }
    let sentences = with_sgd.iter().map(|network| sentence(network));
    let measured = sentences.collect::<Vec<_>>().join(" ");
    let runs: usize = with_sgd.iter().map(|network| sgd(network).count()).sum();
    let trends = Trends {
        identifier: "noise-scale".into(),
        title: "Sharpness and test accuracy against the noise scale".into(),
        subtitle: Text::markup("every run of SGD, *B* < *n*"),
        description: format!("Sharpness and test accuracy against η/B. {measured}"),
        columns: 2,
        panels,
        notes: vec![Text::markup("Dashed: least squares of log *a* on log(*η*/*B*).")],
    };
    let caption = Caption::new(
        "A diffusion picture of SGD (Jastrzębski et al. 2017) puts its effect into one factor, \
         *η*/*B*: runs of one factor would end at one sharpness. Linear stability does not: it asks \
         for *a* ≤ 2/*η* and *s* ≤ *s*_{max}(*η*, *B*) apart.",
        &measured,
        &format!(
            "One mark a run, {}. A mark is one run and has no error bar; the error of a power is \
             its standard error.",
            plural(runs, "run")
        ),
    );
    Some(Content::Exhibit(Box::new(Exhibit { figure: trends.figure(), caption })))
}

fn fit(network: &NetworkRuns<'_>) -> Option<PowerLaw> {
    let points: Vec<[f64; 2]> =
        sgd(network).map(|run| [noise_scale(run), run.sharpness()]).collect();
    PowerLaw::fit(&points)
}

fn sentence(network: &NetworkRuns<'_>) -> String {
    match fit(network) {
        None => format!("{}: too few runs for a power.", network.label),
        Some(fit) => format!(
            "{}: *a* ∝ (*η*/*B*)^{{{}}}, Pearson {} of the logarithms, {}.",
            network.label,
            plus_minus(fit.slope, fit.slope_error),
            decimal(fit.correlation, 2),
            plural(fit.count, "run")
        ),
    }
}

fn noise_panels(network: &NetworkRuns<'_>) -> Vec<TrendPanel> {
    let panel = |title: &str, y: Axis, value: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>| {
        let trends = network.learning_rates().into_iter().map(|rate| Trend {
            label: Text::markup(&format!("*η* = {rate}")),
            points: sgd(network)
                .filter(|run| run.result.learning_rate == rate)
                .filter_map(|run| {
                    let note = Some(run.note());
                    Some(DataPoint { note, ..DataPoint::new(noise_scale(run), value(run)?) })
                })
                .collect(),
            joined: false,
            published: Vec::new(),
        });
        TrendPanel {
            title: Text::plain(format!("{}: {title}", network.label)),
            x: Axis::log10(Text::markup("noise scale *η*/*B*")),
            y,
            references: Vec::new(),
            trends: trends.filter(|trend| !trend.points.is_empty()).collect(),
        }
    };
    let mut sharpness =
        panel("sharpness", Axis::log10(Text::markup("sharpness *a* = λ_{max}(*H*)")), &|run| {
            Some(run.sharpness())
        });
    if let Some(fit) = fit(network) {
        let ends = fit.range.map(|x| [x, fit.at(x)]).to_vec();
        sharpness.references.push(Series::line(ends, Ink::Strong).dashed(Dash::Dashed));
    }
    let accuracy = panel("test accuracy", Axis::linear(Text::plain("test accuracy (%)")), &|run| {
        Some(100.0 * run.result.test_accuracy?)
    });
    let mut panels = vec![sharpness, accuracy];
    panels.retain(|panel| !panel.trends.is_empty());
    panels
}

/// The optimiser's name without its batch size.
fn kind(run: &MeasuredRun<'_>) -> String {
    let name = run.optimizer();
    name.split(',').next().unwrap_or(&name).to_owned()
}

fn optimizers(networks: &[NetworkRuns<'_>]) -> Option<Content> {
    let with_others: Vec<&NetworkRuns<'_>> =
        networks.iter().filter(|network| network.runs.iter().any(|run| !run.is_plain())).collect();
    if with_others.is_empty() {
        return None;
    }
    let panel = |network: &&NetworkRuns<'_>| {
        let mut kinds: Vec<String> = Vec::new();
        for name in network.runs.iter().map(kind) {
            if !kinds.contains(&name) {
                kinds.push(name);
            }
        }
        kinds.sort();
        let trends = kinds.into_iter().map(|name| Trend {
            points: network
                .runs
                .iter()
                .filter(|run| kind(run) == name)
                .filter_map(|run| {
                    let note = Some(run.note());
                    Some(DataPoint {
                        note,
                        ..DataPoint::new(run.sharpness(), run.non_uniformity()?)
                    })
                })
                .collect(),
            label: Text::plain(name),
            joined: false,
            published: Vec::new(),
        });
        TrendPanel {
            title: Text::plain(&network.label),
            x: Axis::log10(Text::markup("sharpness *a* = λ_{max}(*H*)")),
            y: Axis::log10(Text::markup("non-uniformity *s* = √λ_{max}(Σ)")),
            references: Vec::new(),
            trends: trends.filter(|trend| !trend.points.is_empty()).collect(),
        }
    };
    let others: Vec<String> = with_others
        .iter()
        .flat_map(|network| network.runs.iter().map(|run| (&network.label, run)))
        .filter(|(_, run)| !run.is_plain())
        .map(|(network, run)| {
            format!(
                "{network}, {} at *η* = {}: *a* = {}, *s* = {}, test {} %",
                run.optimizer(),
                run.result.learning_rate,
                reading(run.sharpness()),
                run.non_uniformity().map_or(NONE.to_owned(), reading),
                run.result.test_accuracy.map_or(NONE.to_owned(), percent)
            )
        })
        .collect();
    let trends = Trends {
        identifier: "optimizers".into(),
        title: "Minima of other optimisers on the diagram".into(),
        subtitle: Text::plain("all learning rates and batch sizes, logarithmic axes"),
        description: format!(
            "Non-uniformity against sharpness by optimiser. {}",
            others.join("; ")
        ),
        columns: 2,
        panels: with_others.iter().map(panel).collect(),
        notes: Vec::new(),
    };
    let caption = Caption::new(
        "Heavy-ball GD stays up to *a* = 2(1 + *β*)/*η*. Adam scales its step parameter by parameter: \
         neither 2/*η* nor the rectangle is about it.",
        &(others.join("; ") + "."),
        &format!(
            "One mark a run, {} of other optimisers among them; no error bars.",
            plural(others.len(), "run")
        ),
    );
    Some(Content::Exhibit(Box::new(Exhibit { figure: trends.figure(), caption })))
}
