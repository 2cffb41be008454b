//! The findings of a folder of runs: three sentences, computed from counts and means.

use minimascope_plot::Text;
use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::stability::Verdict;
use minimascope_record::stored_run::StoredRun;

use crate::networks::{MeasuredRun, NetworkRuns, SeedGroup};
use crate::page::wording::{self, listed, percent, plural, signed, spread};
use crate::statistics::{PowerLaw, Summary};

/// What gradient descent found, what SGD found, and how often the theory predicted a launch. A sentence
/// without numbers says what is missing.
pub fn sentences(stored: &[StoredRun]) -> Vec<Text> {
    let networks = NetworkRuns::clean(stored);
    let all = [gradient_descent(&networks), sgd(&networks), theory(stored, &networks)];
    all.map(|sentence| Text::markup(&sentence)).to_vec()
}

/// A ratio to a threshold within this distance of 1 counts as at the threshold.
pub(super) const AT_THRESHOLD: f64 = 0.03;

fn gradient_descent(networks: &[NetworkRuns<'_>]) -> String {
    let runs = networks.iter().flat_map(|network| &network.runs);
    let ratios: Vec<f64> = runs
        .filter(|run| run.is_plain() && run.is_gradient_descent())
        .map(MeasuredRun::over_sharpness_threshold)
        .collect();
    let Some(found) = Summary::of(&ratios) else {
        return "No run of gradient descent has reached a minimum yet.".into();
    };
    let near = ratios.iter().filter(|ratio| (**ratio - 1.0).abs() <= AT_THRESHOLD).count();
    let mean = if ratios.len() > 1 { "on average " } else { "" };
    format!(
        "In {near} of {} of gradient descent on clean labels the sharpness lies within 3 % of its \
         stability threshold 2/*η*; it is {mean}{} of that threshold.",
        plural(ratios.len(), "run"),
        spread(&found)
    )
}

fn sgd(networks: &[NetworkRuns<'_>]) -> String {
    let (flatter, changes): (Vec<bool>, Vec<String>) = networks.iter().filter_map(change).unzip();
    if changes.is_empty() {
        return "No network has been trained with several batch sizes yet.".into();
    }
    let both = flatter.iter().filter(|flatter| **flatter).count();
    format!(
        "From the largest to the smallest batch size sharpness and non-uniformity both fall in \
         {both} of {}: {}.",
        plural(flatter.len(), "network"),
        listed(&changes)
    )
}

/// The change from the largest to the smallest batch size at the best covered learning rate, and whether
/// both a and s fell.
fn change(network: &NetworkRuns<'_>) -> Option<(bool, String)> {
    let rate = network.best_covered_learning_rate()?;
    let cells: Vec<SeedGroup<'_>> = network
        .plain_groups()
        .into_iter()
        .filter(|cell| cell.first().result.learning_rate == rate)
        .collect();
    let (small, large) = (cells.first()?, cells.last()?);
    if cells.len() < 2 {
        return None;
    }
    let both = |quantity: &dyn Fn(&MeasuredRun<'_>) -> Option<f64>| {
        Some((large.summary(quantity)?.mean, small.summary(quantity)?.mean))
    };
    let (from_a, to_a) = both(&|run| Some(run.sharpness()))?;
    let (from_s, to_s) = both(&|run| run.non_uniformity())?;
    let accuracy = both(&|run| run.result.test_accuracy).map_or(String::new(), |(from, to)| {
        format!(
            ", test accuracy from {} to {} % ({})",
            percent(from),
            percent(to),
            signed(100.0 * (to - from), 2)
        )
    });
    let words = format!(
        "{} at *η* = {rate} goes from *a* = {}, *s* = {} at *B* = {} to *a* = {}, *s* = {} at \
         *B* = {}{accuracy}",
        network.label,
        reading(from_a),
        reading(from_s),
        large.first().result.batch_size,
        reading(to_a),
        reading(to_s),
        small.first().result.batch_size
    );
    Some((to_a < from_a && to_s < from_s, words))
}

/// Launches and grids against their predictions, and the power law of s.
fn theory(stored: &[StoredRun], networks: &[NetworkRuns<'_>]) -> String {
    let (mut decided, mut agreed) = (0, 0);
    for record in stored.iter().flat_map(|run| &run.escapes) {
        for launch in &record.launches {
            let left = match record.verdict {
                Verdict::Stays => false,
                Verdict::Leaves => true,
                Verdict::NotDecided => continue,
            };
            decided += 1;
            agreed += usize::from(launch.fate.has_left() == left);
        }
    }
    for counts in stored.iter().filter_map(|run| Some(run.grid.as_ref()?.agreement)) {
        let own = counts.stays_as_predicted + counts.leaves_as_predicted;
        agreed += own;
        decided += own + counts.leaves_against_prediction + counts.stays_against_prediction;
    }
    let powers: Vec<String> = networks.iter().filter_map(power).collect();
    let powers = if powers.is_empty() {
        "too few minima are stored to say how *s* goes with *a*".to_owned()
    } else {
        format!("non-uniformity goes with sharpness as {}", listed(&powers))
    };
    if decided > 0 {
        format!(
            "{agreed} of {} from a minimum did what the proved bracket of the threshold decides; \
             {powers}.",
            plural(decided, "launch").replace("launchs", "launches")
        )
    } else {
        wording::sentence(&powers) + "; no launch from a minimum is stored yet."
    }
}

fn power(network: &NetworkRuns<'_>) -> Option<String> {
    let runs = network.runs.iter().filter(|run| run.is_plain());
    let points: Vec<[f64; 2]> =
        runs.filter_map(|run| Some([run.sharpness(), run.non_uniformity()?])).collect();
    let fit = PowerLaw::fit(&points)?;
    Some(format!(
        "*s* ∝ *a*^{{{}}} ({}, {})",
        plus_minus(fit.slope, fit.slope_error),
        network.label,
        plural(fit.count, "run")
    ))
}
