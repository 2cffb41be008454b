//! Non-uniformity against sharpness over all runs.

use minimascope_plot::number::{plus_minus, reading};
use minimascope_plot::{Axis, Dash, DataPoint, Ink, Series, Text};
use minimascope_record::study::Study;

use super::wording::plural;
use crate::figures::trends::{Trend, TrendPanel, Trends};
use crate::minima::{Network, Reached};
use crate::page::document::{Block, Section};
use crate::page::exhibit::{Caption, Exhibit};
use crate::statistics::PowerLaw;

pub(super) fn section(study: &Study) -> Section {
    const TITLE: &str = "Non-uniformity against sharpness";
    let networks = Network::clean(study);
    let fits: Vec<(&Network<'_>, PowerLaw)> = networks
        .iter()
        .filter_map(|network| Some((network, PowerLaw::fit(&points(network))?)))
        .collect();
    if fits.is_empty() {
        let what = "A power needs three minima of a network";
        return Section::new(TITLE, vec![Block::missing(what, "minimascope reproduce")]);
    }
    let measured: Vec<String> = fits.iter().map(|(network, fit)| sentence(network, fit)).collect();
    let measured = measured.join(" ");
    let runs: usize = fits.iter().map(|(_, fit)| fit.count).sum();
    let trends = Trends {
        identifier: "power-law".into(),
        title: "Non-uniformity grows with sharpness".into(),
        subtitle: Text::plain(
            "every minimum of SGD and GD: all learning rates, batch sizes and gains",
        ),
        description: format!("Non-uniformity against sharpness on logarithmic axes. {measured}"),
        columns: 2,
        panels: fits.iter().map(|(network, fit)| panel(network, fit)).collect(),
        notes: vec![Text::markup("Dashed: least squares of log *s* on log *a*.")],
    };
    let published = study.published.power_law.iter().map(|law| {
        format!(
            " {} ({}): slope about {}, *s*/*a* about {}, Pearson at least {}.",
            law.network, law.source, law.slope, law.ratio, law.correlation
        )
    });
    let caption = Caption::new(
        "Where no *H*_{i} is negative, *s*^{2} ≤ *a* max λ_{max}(*H*_{i}): no more is known. That one \
         power holds over all runs is an observation; with it a limit on *s* is a limit on *a*.",
        &(measured + &published.collect::<String>()),
        &format!(
            "One mark a run, {}. The error of a slope is its standard error from the scatter about \
             the line.",
            plural(runs, "run")
        ),
    );
    let exhibit = Exhibit { figure: trends.figure(), caption };
    Section::new(TITLE, vec![Block::Exhibit(Box::new(exhibit))])
}

fn plain<'n, 'a>(network: &'n Network<'a>) -> impl Iterator<Item = &'n Reached<'a>> {
    network.runs.iter().filter(|run| run.is_plain())
}

fn points(network: &Network<'_>) -> Vec<[f64; 2]> {
    plain(network).filter_map(|run| Some([run.sharpness(), run.non_uniformity()?])).collect()
}

fn sentence(network: &Network<'_>, fit: &PowerLaw) -> String {
    format!(
        "{}: slope {}, Pearson {:.3}, *s*/*a* = {:.2} (geometric mean), {}.",
        network.label,
        plus_minus(fit.slope, fit.slope_error),
        fit.correlation,
        fit.ratio,
        plural(fit.count, "run")
    )
}

fn panel(network: &Network<'_>, fit: &PowerLaw) -> TrendPanel {
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
