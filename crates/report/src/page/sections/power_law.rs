//! Non-uniformity against sharpness over all runs.

use minimascope_plot::number::{plus_minus, reading};
use minimascope_plot::{Axis, Dash, DataPoint, Ink, Series, Text};
use minimascope_record::stored_run::StoredRun;

use super::SWEEP;
use crate::figures::trends::{Trend, TrendPanel, Trends};
use crate::networks::{MeasuredRun, NetworkRuns};
use crate::page::wording::plural;
use crate::page::{Caption, Content, Exhibit, References, Section};
use crate::statistics::PowerLaw;

/// Fits s = c·a^k over the minima of each network with at least three.
pub(super) fn section(stored: &[StoredRun], references: &References) -> Section {
    const TITLE: &str = "Non-uniformity against sharpness";
    let networks = NetworkRuns::clean(stored);
    let fits: Vec<(&NetworkRuns<'_>, PowerLaw)> = networks
        .iter()
        .filter_map(|network| Some((network, PowerLaw::fit(&points(network))?)))
        .collect();
    if fits.is_empty() {
        let what = "A power needs three minima of a network";
        return Section::new(TITLE, vec![Content::missing(what, SWEEP)]);
    }
    let measured: Vec<String> = fits.iter().map(|(network, fit)| sentence(network, fit)).collect();
    let measured = measured.join(" ");
    let runs: usize = fits.iter().map(|(_, fit)| fit.count).sum();
    let trends = Trends {
        identifier: "power-law".into(),
        title: "Non-uniformity against sharpness, every minimum".into(),
        subtitle: Text::plain(
            "every minimum of SGD and GD: all learning rates, batch sizes and gains",
        ),
        description: format!("Non-uniformity against sharpness on logarithmic axes. {measured}"),
        columns: 2,
        panels: fits.iter().map(|(network, fit)| panel(network, fit)).collect(),
        notes: vec![Text::markup("Dashed: least squares of log *s* on log *a*.")],
    };
    let published = references.power_laws.iter().map(|sentence| format!(" {sentence}"));
    let caption = Caption::new(
        "Where no *H*_{i} is negative, *s*^{2} ≤ *a* max λ_{max}(*H*_{i}): no more is known. If one \
         power holds over all runs, a limit on *s* is a limit on *a*.",
        &(measured + &published.collect::<String>()),
        &format!(
            "One mark a run, {}. The error of a slope is its standard error from the scatter about \
             the line.",
            plural(runs, "run")
        ),
    );
    let exhibit = Exhibit { figure: trends.figure(), caption };
    Section::new(TITLE, vec![Content::Exhibit(Box::new(exhibit))])
}

fn plain<'n, 'a>(network: &'n NetworkRuns<'a>) -> impl Iterator<Item = &'n MeasuredRun<'a>> {
    network.runs.iter().filter(|run| run.is_plain())
}

fn points(network: &NetworkRuns<'_>) -> Vec<[f64; 2]> {
    plain(network).filter_map(|run| Some([run.sharpness(), run.non_uniformity()?])).collect()
}

fn sentence(network: &NetworkRuns<'_>, fit: &PowerLaw) -> String {
    format!(
        "{}: slope {}, Pearson {:.3}, *s*/*a* = {:.2} (geometric mean), {}.",
        network.label,
        plus_minus(fit.slope, fit.slope_error),
        fit.correlation,
        fit.ratio,
        plural(fit.count, "run")
    )
}

fn panel(network: &NetworkRuns<'_>, fit: &PowerLaw) -> TrendPanel {
    let trends = network.learning_rates().into_iter().map(|rate| Trend {
        label: Text::markup(&format!("*η* = {}", reading(rate))),
        points: plain(network)
            .filter(|run| run.result.learning_rate == rate)
            .filter_map(|run| {
                let note = Some(run.note());
                Some(DataPoint { note, ..DataPoint::new(run.sharpness(), run.non_uniformity()?) })
            })
            .collect(),
        joined: false,
        published: Vec::new(),
    });
    let ends = fit.range.map(|a| [a, fit.at(a)]).to_vec();
    let slope = format!("*s* ∝ *a*^{{{:.2}}}", fit.slope);
    TrendPanel {
        title: Text::plain(format!("{}, ", network.label)).then(Text::markup(&slope)),
        x: Axis::log10(Text::markup("sharpness *a* = λ_{max}(*H*)")),
        y: Axis::log10(Text::markup("non-uniformity *s* = √λ_{max}(Σ)")),
        references: vec![Series::line(ends, Ink::Strong).dashed(Dash::Dashed)],
        trends: trends.filter(|trend| !trend.points.is_empty()).collect(),
    }
}
