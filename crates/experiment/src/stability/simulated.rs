//! The almost-sure threshold of a minimum, as far as a few seconds take it.

use minimascope_record::stability as record;
use minimascope_record::training::Sampling;
use minimascope_stability::almost_sure::{self, AlmostSureParameters, AlmostSureProgress, Start};
use minimascope_stability::answers::top_of_perron;
use minimascope_stability::mean_square::MeanSquareCritical;
use minimascope_stability::simulation::Ensemble;
use minimascope_stability::{Batching, LearningRate};

use super::answers::{Wanted, Watch};
use super::{Minimum, law, records};
use crate::Error;
use crate::progress::Quantity;

/// Trajectories of an exponent.
const TRAJECTORIES: usize = 16;
/// Multiply–adds that one value of the Lyapunov exponent may cost, a second or so; the threshold
/// takes some ten of them.
const EXPONENT_WORK: f64 = 2e9;
/// More steps than this take longer than their multiply–adds say, and are not needed: twenty epochs
/// of single examples know the thresholds of the study's networks to 2 %.
const MOST_STEPS: usize = 20_000;
/// Fewer steps than this, and the halves of a path would be too short to compare.
const FEWEST_STEPS: usize = 60;
/// Fewer directions than this are not simulated.
const FEWEST_DIRECTIONS: usize = 50;
/// Directions of a simulation: the top exponent lives in the leading ones.
pub(super) const SIMULATED_DIRECTIONS: usize = 400;
impl Minimum<'_> {
    /// The almost-sure threshold, in as many directions as η* needs, or in as many as the work
    /// allows; `None` where no direction grows, where even few would take too long, and when
    /// interrupted.
    pub(super) fn almost_sure(
        &self,
        batching: &Batching,
        exact: &MeanSquareCritical,
        wanted: &Wanted,
        watch: &mut Watch<'_>,
    ) -> Result<Option<record::AlmostSure>, Error> {
        let known = self.factors.rank();
        if batching.noise() == 0.0 {
            // The product of equal matrices: both thresholds are gradient descent's.
            let (value, standard_error) = (exact.estimate, 0.0);
            let settled =
                record::AlmostSure { value, standard_error, converged: true, rank: known };
            return Ok(Some(settled));
        }
        let enough = exact
            .ranks
            .iter()
            .find(|at| (at.critical_learning_rate / exact.estimate - 1.0).abs() < wanted.tolerance);
        let rank = enough.map_or(known, |at| at.rank).min(SIMULATED_DIRECTIONS);
        let outputs = self.factors.outputs();
        let halved = std::iter::successors(Some(rank), |rank| Some(rank / 2));
        let mut affordable = halved
            .take_while(|tried| *tried >= rank.min(FEWEST_DIRECTIONS))
            .filter_map(|rank| Some((rank, ensemble(batching, (outputs, rank))?)));
        let Some((rank, ensemble)) = affordable.next() else { return Ok(None) };
        let factors = self.factors.truncated(rank);
        let start = Start {
            learning_rate: LearningRate::new(exact.estimate)?,
            direction: top_of_perron(exact, rank),
        };
        let (warm_up, momentum) = (ensemble.steps / 10, wanted.momentum);
        let parameters = AlmostSureParameters { ensemble, warm_up, momentum };
        let mut show = |now: &AlmostSureProgress| {
            watch.searched(Quantity::AlmostSureLearningRate, now.exponents, now.learning_rate)
        };
        match almost_sure::critical(&factors, batching, &start, &parameters, &mut show) {
            Ok(found) => Ok(found.and_then(|found| records::almost_sure(&found, rank))),
            // No learning rate tried lets it leave: no threshold is the answer.
            Err(minimascope_stability::Error::NotBracketed { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

/// As many steps as the work allows, up to [`MOST_STEPS`].
pub(crate) fn ensemble(batching: &Batching, (outputs, rank): (usize, usize)) -> Option<Ensemble> {
    let step = step_work(batching, (outputs, rank));
    let steps = (EXPONENT_WORK / step / TRAJECTORIES as f64) as usize;
    let steps = steps.min(MOST_STEPS);
    let seed = 0;
    (steps >= FEWEST_STEPS).then_some(Ensemble { trajectories: TRAJECTORIES, steps, seed })
}

/// Multiply–adds of a simulated step.
pub(crate) fn step_work(batching: &Batching, (outputs, rank): (usize, usize)) -> f64 {
    // A step takes the examples in the batch or those outside, whichever are fewer.
    let (inside, n) = (batching.batch_size(), batching.examples());
    let examples = match batching.sampling() {
        minimascope_stability::Sampling::IndependentWithReplacement => inside,
        _ => inside.min(n - inside).max(1),
    };
    (2 * examples * outputs * rank) as f64
}

/// What to say of epochs that end with a smaller batch.
pub(super) fn ragged(examples: usize, batch_size: usize, used: Sampling) -> Option<String> {
    let last = examples % batch_size;
    if used != Sampling::ReshuffledEpochs || last == 0 {
        return None;
    }
    let noise = |size| Batching::new(examples, size, law(used)).map_or(f64::NAN, |b| b.noise());
    Some(format!(
        "an epoch of {examples} examples ends with a batch of {last}, whose noise coefficient p is \
         {:.2e} instead of {:.2e}: the criteria take every batch to hold B = {batch_size}, and what \
         stays at B = {last} stays with such epochs of independent batches too",
        noise(last),
        noise(batch_size)
    ))
}

/// What to say of batch sizes whose almost-sure threshold is missing or not settled.
pub(super) fn not_simulated(found: &[(usize, &record::CriticalLearningRate)]) -> Vec<String> {
    let at = |which: fn(Option<record::AlmostSure>) -> bool| {
        let mut sizes: Vec<usize> = found
            .iter()
            .filter(|(_, critical)| which(critical.almost_sure))
            .map(|(size, _)| *size)
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        (!sizes.is_empty()).then(|| sizes.join(", "))
    };
    let missing = at(|found| found.is_none()).map(|sizes| {
        format!(
            "no almost-sure threshold at B = {sizes}: {FEWEST_STEPS} steps of {TRAJECTORIES} paths \
             take too long there even in {FEWEST_DIRECTIONS} directions, no learning rate tried lets \
             them leave, or their growth does not change with η there, which leaves its error unknown"
        )
    });
    let moving = at(|found| found.is_some_and(|found| !found.converged)).map(|sizes| {
        format!(
            "the almost-sure threshold at B = {sizes} has not converged: its paths grow otherwise in \
             the first half of the steps than in the second"
        )
    });
    missing.into_iter().chain(moving).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// p(1, 10) = 1 and p(3, 10) = 7/27.
    #[test]
    fn only_a_smaller_last_batch_is_named() {
        let note = ragged(10, 3, Sampling::ReshuffledEpochs).unwrap();
        assert!(
            note.contains("a batch of 1") && note.contains("1.00e0 instead of 2.59e-1"),
            "{note}"
        );
        assert_eq!(ragged(10, 5, Sampling::ReshuffledEpochs), None);
        assert_eq!(ragged(10, 3, Sampling::IndependentBatches), None);
    }

    /// At every batch size of the study's networks something is simulated.
    #[test]
    fn every_batch_size_has_an_ensemble() {
        let law = minimascope_stability::Sampling::IndependentWithoutReplacement;
        for (outputs, size) in (1..=1000).flat_map(|size| [(2, size), (10, size)]) {
            let batching = Batching::new(1000, size, law).unwrap();
            let found = ensemble(&batching, (outputs, 100)).unwrap();
            assert!((FEWEST_STEPS..=MOST_STEPS).contains(&found.steps), "{size}: {found:?}");
        }
    }
}
