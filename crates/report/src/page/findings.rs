//! The findings of a folder of runs: three sentences, computed from counts and means.

use minimascope_plot::Text;
use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::stability::Verdict;
use minimascope_record::stored_run::StoredRun;

use crate::networks::{MeasuredRun, NetworkRuns, SeedGroup};
use crate::page::wording::{self, FEW, listed, percent, plural, signed, values};
use crate::statistics::PowerLaw;

/// What gradient descent found, what SGD found, and how often the theory predicted a launch. A sentence
/// without numbers says what is missing.
pub fn sentences(stored: &[StoredRun]) -> Vec<Text> {
    let networks = NetworkRuns::clean(stored);
    let all = [gradient_descent(&networks), sgd(&networks), theory(stored, &networks)];
    all.map(|sentence| Text::markup(&sentence)).to_vec()
}

/// How many ratios to a threshold are within 3 % of 1.
pub(super) fn at_threshold(ratios: &[f64]) -> usize {
    ratios.iter().filter(|ratio| (**ratio - 1.0).abs() <= 0.03).count()
}

fn gradient_descent(networks: &[NetworkRuns<'_>]) -> String {
    let runs = networks.iter().flat_map(|network| &network.runs);
    let ratios: Vec<f64> = runs
        .filter(|run| run.is_plain() && run.is_gradient_descent())
        .map(MeasuredRun::over_sharpness_threshold)
        .collect();
    at_its_edge(&ratios)
}

/// Sharpness over 2/η of the minima of gradient descent, in a sentence.
fn at_its_edge(ratios: &[f64]) -> String {
    let (runs, found) = (plural(ratios.len(), "run"), values(ratios));
    match ratios.len() {
        0 => "No run of gradient descent has reached a minimum yet.".into(),
        1..=FEW => format!(
            "In {runs} of gradient descent on clean labels the sharpness is {found} of its stability \
             threshold 2/*η*."
        ),
        _ => {
            let near = at_threshold(ratios);
            format!(
                "In {near} of {runs} of gradient descent on clean labels the sharpness lies within \
                 3 % of its stability threshold 2/*η*; it is {found} of that threshold."
            )
        }
    }
}

fn sgd(networks: &[NetworkRuns<'_>]) -> String {
    let (flatter, changes): (Vec<bool>, Vec<String>) = networks.iter().filter_map(change).unzip();
    if changes.is_empty() {
        return "No network has been trained with several batch sizes yet.".into();
    }
    let changes = listed(&changes);
    if flatter.len() == 1 {
        return format!("From the largest to the smallest batch size {changes}.");
    }
    let both = flatter.iter().filter(|flatter| **flatter).count();
    format!(
        "From the largest to the smallest batch size sharpness and non-uniformity both fall in \
         {both} of {}: {changes}.",
        plural(flatter.len(), "network")
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
    let [mut launches, mut cells] = [Agreement::default(); 2];
    for record in stored.iter().flat_map(|run| &run.escapes) {
        for launch in &record.launches {
            let left = match record.verdict {
                Verdict::Stays => false,
                Verdict::Leaves => true,
                Verdict::NotDecided => continue,
            };
            launches.decided += 1;
            launches.agreed += usize::from(launch.fate.has_left() == left);
        }
    }
    for counts in stored.iter().filter_map(|run| Some(run.grid.as_ref()?.agreement)) {
        let own = counts.stays_as_predicted + counts.leaves_as_predicted;
        cells.agreed += own;
        cells.decided += own + counts.leaves_against_prediction + counts.stays_against_prediction;
    }
    let powers: Vec<String> = networks.iter().filter_map(power).collect();
    let powers = if powers.is_empty() {
        "too few minima are stored to say how *s* goes with *a*".to_owned()
    } else {
        format!("non-uniformity goes with sharpness as {}", listed(&powers))
    };
    let parts = [launches.words("launch"), cells.words("grid cell")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return wording::sentence(&powers) + "; no launch from a minimum is stored yet.";
    }
    format!(
        "{} from a minimum did what the proved bracket of the threshold decides; {powers}.",
        listed(&parts)
    )
}

/// Of how many a proof decides the fate, and how many have it.
#[derive(Clone, Copy, Default)]
struct Agreement {
    decided: usize,
    agreed: usize,
}

impl Agreement {
    /// "5 of 6 launches"; `None` where nothing is decided.
    fn words(self, word: &str) -> Option<String> {
        (self.decided > 0).then(|| format!("{} of {}", self.agreed, plural(self.decided, word)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The two runs of `reproduce`, one of them alone, and two hundred of which some are elsewhere.
    #[test]
    fn a_few_runs_are_numbers_and_many_are_counted() {
        assert_eq!(
            at_its_edge(&[0.9612, 0.9901]),
            "In 2 runs of gradient descent on clean labels the sharpness is 0.9612 and 0.9901 of its \
             stability threshold 2/*η*."
        );
        let one = at_its_edge(&[0.9612]);
        assert!(one.starts_with("In 1 run ") && one.contains(" is 0.9612 of its "), "{one}");
        let many: Vec<f64> = (0..200).map(|at| if at < 12 { 0.5 } else { 0.99 }).collect();
        let many = at_its_edge(&many);
        assert!(many.starts_with("In 188 of 200 runs of gradient descent"), "{many}");
        assert!(many.ends_with("on average, from 0.5 to 0.99 of that threshold."), "{many}");
        assert_eq!(at_its_edge(&[]), "No run of gradient descent has reached a minimum yet.");
    }

    #[test]
    fn launches_and_grid_cells_are_counted_apart() {
        let [none, one, many] =
            [(0, 0), (1, 1), (40, 36)].map(|(decided, agreed)| Agreement { decided, agreed });
        assert_eq!(none.words("launch"), None);
        assert_eq!(one.words("launch").unwrap(), "1 of 1 launch");
        assert_eq!(many.words("launch").unwrap(), "36 of 40 launches");
    }
}
