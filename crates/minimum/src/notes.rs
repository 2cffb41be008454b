//! What to know before trusting a verdict.

use minimascope_record::stability::MeasuredPoint;
use minimascope_record::threshold::{
    CriterionName, Evidence, Threshold, by, deciding, mean_square,
};
use minimascope_record::training::Sampling;
use minimascope_stability::applicability::{Applicability, Note};
use minimascope_stability::criteria::almost_sure::{FEWEST_DIRECTIONS, FEWEST_STEPS, TRAJECTORIES};
use minimascope_stability::{Batching, Momentum};

use crate::factors::full_bytes;
use crate::{Error, Minimum};

impl Minimum<'_> {
    /// How far the theory applies at this point to an optimiser that draws its batches as `used`, with
    /// these batch sizes, where the verdict is by these thresholds: to know before trusting it.
    ///
    /// # Errors
    /// [`Error::Stability`] where no criterion has a meaning.
    pub fn notes(
        &self,
        used: Sampling,
        batch_sizes: &[usize],
        thresholds: &[Threshold],
    ) -> Result<Vec<String>, Error> {
        let (n, assumed) = (self.known.factors.examples(), assumed(thresholds, used));
        // A batch of everything has no order.
        let ordered = batch_sizes.is_empty() || batch_sizes.iter().any(|size| *size != n);
        let applicability = self.applicability(assumed, if ordered { used } else { assumed })?;
        let mut notes: Vec<String> = applicability.iter().map(ToString::to_string).collect();
        notes.extend(self.known.remarks.iter().cloned());
        let measured = self.measured();
        for (name, value) in
            [("sharpness", &measured.sharpness), ("non-uniformity", &measured.non_uniformity)]
        {
            if !value.converged {
                notes.push(format!(
                    "the {name} was not measured to its tolerance: its relative residual is {:.0e}",
                    value.relative_residual
                ));
            }
        }
        let ends = &measured.example_curvatures;
        if ends.converged == Some(false) {
            notes.push(format!(
                "the ends of single examples' Hessians were not measured to their tolerance: their \
                 largest residual is {:.0e}",
                ends.residual.unwrap_or(f64::INFINITY)
            ));
        }
        if assumed != used {
            notes.extend(batch_sizes.iter().filter_map(|size| ragged(n, *size, used)));
        }
        notes.extend(of_epochs(thresholds, used));
        Ok(notes)
    }

    /// What the exact threshold rests on: an estimate that still moves, and directions left out.
    pub fn notes_on(&self, thresholds: &[Threshold], momentum: Momentum) -> Vec<String> {
        let not_settled = mean_square(thresholds).and_then(not_settled);
        not_settled.into_iter().chain(self.directions_left_out(momentum)).collect()
    }

    /// Those that can forbid to say that SGD stays are of the point, whatever the batches.
    pub(crate) fn notes_on_staying(&self) -> Result<Vec<Note>, Error> {
        self.applicability(Sampling::IndependentBatches, Sampling::IndependentBatches)
    }

    fn applicability(&self, assumed: Sampling, used: Sampling) -> Result<Vec<Note>, Error> {
        let measured: &MeasuredPoint = self.measured();
        let (factors, ends) = (&measured.gauss_newton, &measured.example_curvatures);
        let facts = Applicability {
            training_loss: measured.train_loss,
            gradient_norm: measured.gradient_norm,
            sharpness: measured.sharpness.value,
            smallest_curvature: Some(measured.smallest_curvature.value),
            example_ends: Some((ends.smallest, ends.largest)),
            gauss_newton: Some((
                factors.sharpness / measured.sharpness.value,
                factors.non_uniformity / measured.non_uniformity.value,
            )),
            sampling_assumed: assumed,
            sampling_used: used,
            weight_decay: self.known.weight_decay,
        };
        Ok(facts.notes()?)
    }

    /// What a bracket on leading directions rests on; `None` when it is of full rank.
    fn directions_left_out(&self, momentum: Momentum) -> Option<String> {
        if self.known.factors.covers_range() {
            return None;
        }
        let rank = self.known.factors.rank();
        let needed =
            full_bytes(self.known.factors.examples() * self.known.factors.outputs()) as f64;
        let lower = if momentum == Momentum::NONE {
            "its lower end holds up to the accuracy of those directions, about 1e-4 of the sharpness"
        } else {
            "with momentum nothing proves a lower end then, so that no verdict says stays"
        };
        Some(format!(
            "the bracket is on {rank} leading directions: {lower}; a memory budget of {:.1}G proves it on all",
            (10.0 * needed / f64::from(1 << 30)).ceil() / 10.0
        ))
    }
}

/// The sampling scheme of the threshold that decides.
pub(crate) fn assumed(thresholds: &[Threshold], used: Sampling) -> Sampling {
    match deciding(thresholds, used) {
        Some(threshold) if threshold.criterion != CriterionName::MEAN_SQUARE => used,
        _ => used.independent(),
    }
}

/// What a verdict on epochs rests on; `None` where it is by another threshold.
fn of_epochs(thresholds: &[Threshold], used: Sampling) -> Option<String> {
    let deciding = deciding(thresholds, used)?;
    let Evidence::Orders { orders, converged, rank, .. } = &deciding.evidence else { return None };
    let value = deciding.learning_rate;
    let from = match orders {
        1 => "for this order".to_owned(),
        _ => format!("over all {orders} orders"),
    };
    let settled = if *converged { "" } else { "; it has not settled, so that it may still move" };
    let independent = mean_square(thresholds).map_or(String::new(), |exact| {
        format!("; that of independent batches is {:.4}", exact.learning_rate)
    });
    Some(format!(
        "the verdict is about {}: the threshold {value:.4} is an estimate, {from}, in {rank} leading \
         directions{settled}{independent}",
        used.description()
    ))
}

/// What to say of an exact threshold whose estimate still moves.
fn not_settled(exact: &Threshold) -> Option<String> {
    let search = exact.search().filter(|search| !search.converged)?;
    let last = search.ranks.last()?;
    let before = search.ranks.iter().rev().nth(1);
    let change = before.map_or(String::new(), |before| {
        let moved = before.critical_learning_rate / last.critical_learning_rate - 1.0;
        format!(" (it fell by {:.1} % from {} directions)", 100.0 * moved, before.rank)
    });
    Some(format!(
        "the exact threshold has not settled in {} directions{change}: it is an upper bound; give \
         a larger memory budget",
        last.rank
    ))
}

/// What to say of epochs that end with a smaller batch.
fn ragged(examples: usize, batch_size: usize, used: Sampling) -> Option<String> {
    let last = examples % batch_size;
    if used != Sampling::ReshuffledEpochs || last == 0 {
        return None;
    }
    let noise = |size| Batching::new(examples, size, used).map_or(f64::NAN, |b| b.noise());
    Some(format!(
        "an epoch of {examples} examples ends with a batch of {last}, whose noise coefficient p is \
         {:.2e} instead of {:.2e}: the criteria take every batch to hold B = {batch_size}, and what \
         stays at B = {last} stays with such epochs of independent batches too",
        noise(last),
        noise(batch_size)
    ))
}

/// What to say of batch sizes whose almost-sure threshold is missing or not settled.
pub(crate) fn not_simulated(found: &[(usize, &[Threshold])]) -> Vec<String> {
    let at = |which: fn(Option<&Threshold>) -> bool| {
        let mut sizes: Vec<usize> = found
            .iter()
            .filter(|(_, list)| which(by(list, &CriterionName::ALMOST_SURE)))
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
    let moving = at(|found| found.is_some_and(|found| !found.is_settled())).map(|sizes| {
        format!(
            "the almost-sure threshold at B = {sizes} has not converged: its paths grow at another rate in \
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
}
