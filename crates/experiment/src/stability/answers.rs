//! Answers to questions about a minimum.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::stability as record;
use minimascope_record::training::Sampling;
use minimascope_stability::answers::{
    Note, Questions, SmallestBatch, boundary_batch_sizes, smallest_batch,
};
use minimascope_stability::criteria::{heavy_ball, rectangle::RectangleCritical, worst};
use minimascope_stability::mean_square::{
    CriticalParameters, CriticalProgress, RankStop, critical,
};
use minimascope_stability::{Batching, LearningRate, Momentum};

use super::factors::full_bytes;
use super::simulated::{SIMULATED_DIRECTIONS, not_simulated, ragged};
use super::{Minimum, Query, assumed, law, records};
use crate::Error;
use crate::measure::stop_if;
use crate::progress::{Event, MeasureProgress, Progress, Quantity};

/// Twice the directions moved η* by less than this.
const TOLERANCE: f64 = 1e-2;
/// Batches drawn for the largest λ_max(H_B).
const SAMPLED_BATCHES: usize = 16;

/// How the thresholds of one question are found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// β.
    pub(crate) momentum: Momentum,
    /// Whether to prove a lower end better than Theorem 1's.
    pub(crate) certificate: bool,
    /// Whether to simulate the almost-sure threshold.
    pub(crate) almost_sure: bool,
    /// When η* counts as settled in the number of directions.
    pub(crate) tolerance: f64,
}

impl Wanted {
    /// With a certificate and the almost-sure threshold, unless it is to be quick.
    pub(crate) fn of_plain_sgd(quick: bool) -> Self {
        Self {
            momentum: Momentum::NONE,
            certificate: !quick,
            almost_sure: !quick,
            tolerance: TOLERANCE,
        }
    }
}

/// Whoever is told, and whoever may stop the work.
pub(crate) struct Watch<'a> {
    pub(crate) progress: &'a mut dyn Progress,
    pub(crate) interrupt: &'a AtomicBool,
}

impl Watch<'_> {
    pub(super) fn critical(&mut self, now: &CriticalProgress) -> ControlFlow<()> {
        let value = now.critical_learning_rate;
        self.searched(Quantity::CriticalLearningRate, now.products, value)
    }

    pub(super) fn searched(
        &mut self,
        quantity: Quantity,
        products: usize,
        value: f64,
    ) -> ControlFlow<()> {
        self.progress.event(Event::Measuring(MeasureProgress {
            quantity,
            products,
            value,
            relative_residual: f64::NAN,
        }));
        stop_if(self.interrupt)
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        stop_if(self.interrupt).is_break()
    }
}

impl Minimum<'_> {
    /// Answers; `None` when interrupted.
    ///
    /// # Errors
    /// [`Error::Stability`] for an η, B, β or tolerance outside its range.
    pub fn ask(
        &mut self,
        query: &Query,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Option<record::StabilityReport>, Error> {
        query.check(self.factors.examples())?;
        let mut watch = Watch { progress, interrupt };
        let config = &self.plan().config().train;
        let used = query.sampling.unwrap_or(config.sampling);
        let sampling = assumed(used);
        let own = (query.learning_rate, query.batch_size) == (None, None);
        let own_rate = config.learning_rate;
        let learning_rate = query.learning_rate.or(own.then_some(own_rate));
        let learning_rate = learning_rate.map(LearningRate::new).transpose()?;
        let asked_size = query.batch_size.or(own.then(|| self.plan().batch_size()));
        let momentum = Momentum::new(query.momentum.unwrap_or_else(|| self.momentum()))?;
        let standard = Wanted::of_plain_sgd(query.quick);
        let tolerance = query.tolerance.unwrap_or(standard.tolerance);
        let wanted = Wanted { momentum, tolerance, ..standard };
        let n = self.factors.examples();
        let law = law(sampling);
        if let Some(size) = asked_size {
            Batching::new(n, size, law)?;
        }
        // The noisiest batch size in question needs the most directions.
        let noisiest = match asked_size {
            Some(size) if !query.boundary => size,
            _ => 1,
        };
        self.settle(&Batching::new(n, noisiest, law)?, &wanted, &mut watch)?;
        let smallest = match (learning_rate, asked_size) {
            (Some(rate), None) => {
                let parameters = self.parameters(&wanted);
                let mut show = |now: &CriticalProgress| watch.critical(now);
                let found = smallest_batch(&self.factors, law, rate, &parameters, &mut show)?;
                let Some(found) = found else { return Ok(None) };
                Some(self.smallest(found, rate, momentum)?)
            }
            _ => None,
        };
        let size = asked_size.or(smallest.and_then(|found| found.estimated));
        let critical = match size {
            Some(size) => {
                Some(self.critical(&Batching::new(n, size, law)?, &wanted, &mut watch)?)
            }
            None => None,
        };
        let judged = match (&critical, learning_rate, asked_size) {
            (Some(critical), Some(rate), Some(_)) => Some(self.judge(&critical.exact, rate)?),
            _ => None,
        };
        let mut boundary = Vec::new();
        if query.boundary {
            for size in boundary_batch_sizes(n) {
                let found = self.critical(&Batching::new(n, size, law)?, &wanted, &mut watch)?;
                let judged =
                    learning_rate.map(|rate| self.judge(&found.exact, rate)).transpose()?;
                let verdict = judged.map(|(verdict, _)| verdict);
                let (batch_size, critical_learning_rate) = (size, found);
                boundary.push(record::BoundaryRow { batch_size, critical_learning_rate, verdict });
                if watch.is_interrupted() {
                    return Ok(None);
                }
            }
        }
        let blame = match query.blame {
            0 => None,
            count => {
                // A batch of everything has no noise to blame anybody for.
                let size = size.filter(|size| *size < n).unwrap_or(1);
                let batching = Batching::new(n, size, law)?;
                let parameters = self.parameters(&wanted);
                let Some(found) = self.blame(&batching, count, &parameters, &mut watch)? else {
                    return Ok(None);
                };
                Some(found)
            }
        };
        let batch_sharpness = if query.batch_sharpness {
            let batching = Batching::new(n, size.unwrap_or(1), super::law(used))?;
            self.batch_sharpness(&batching, &mut watch)?
        } else {
            None
        };
        watch.progress.event(Event::StageEnded);
        if watch.is_interrupted() {
            return Ok(None);
        }
        let mut notes = self.notes(sampling, self.used_at(size, used))?;
        notes.extend(size.and_then(|size| ragged(n, size, used)));
        notes.extend(critical.as_ref().and_then(|found| not_settled(&found.exact)));
        notes.extend(self.directions_left_out(momentum));
        if wanted.almost_sure {
            let rows = boundary.iter().map(|row| (row.batch_size, &row.critical_learning_rate));
            let found: Vec<_> = size.zip(critical.as_ref()).into_iter().chain(rows).collect();
            notes.extend(not_simulated(&found));
        }
        Ok(Some(record::StabilityReport {
            schema_version: SCHEMA_VERSION,
            minimum: self.record().clone(),
            learning_rate: learning_rate.map(LearningRate::value),
            batch_size: size,
            momentum: momentum.value(),
            sampling_assumed: sampling,
            sampling_used: used,
            critical_learning_rate: critical,
            verdict: judged.map(|(verdict, _)| verdict),
            margin: judged.map(|(_, margin)| margin),
            smallest_batch_size: smallest,
            boundary,
            blame,
            batch_sharpness,
            example_sharpnesses: self.fixed.example_sharpnesses.clone(),
            notes,
        }))
    }

    /// The law used, as far as it can differ from the one assumed: a batch of everything has no
    /// order.
    pub(crate) fn used_at(&self, batch_size: Option<usize>, used: Sampling) -> Sampling {
        if batch_size == Some(self.factors.examples()) { assumed(used) } else { used }
    }

    /// All criteria at one batch size.
    pub(crate) fn critical(
        &self,
        batching: &Batching,
        wanted: &Wanted,
        watch: &mut Watch<'_>,
    ) -> Result<record::CriticalLearningRate, Error> {
        let exact = self.parameters(wanted);
        let questions = Questions { exact, ..Questions::default() };
        let mut show = |now: &CriticalProgress| watch.critical(now);
        let factors = &self.factors;
        let found = self.fixed.critical_learning_rates(factors, batching, &questions, &mut show)?;
        let almost_sure = if wanted.almost_sure && !watch.is_interrupted() {
            self.almost_sure(batching, &found.exact, wanted, watch)?
        } else {
            None
        };
        // What is drawn at random comes together.
        let worst_batch = if wanted.almost_sure && !watch.is_interrupted() {
            let part = self.factors.truncated(SIMULATED_DIRECTIONS);
            // Without noise every batch is the first.
            let count = if batching.noise() == 0.0 { 1 } else { SAMPLED_BATCHES };
            let mut show = |batches| watch.searched(Quantity::WorstBatch, batches, f64::NAN);
            worst::worst_batch(&part, batching, count, 0, &mut show)?
        } else {
            None
        };
        let critical = records::critical(&found, self.factors.covers_range())?;
        // The rectangle and 2/a need no factors: they are those of the full Hessians. 2/a is necessary,
        // so that it caps what the factors prove.
        let (a, s) = (self.record().sharpness.value, self.record().non_uniformity.value);
        let gradient_descent = heavy_ball::critical(a, wanted.momentum)?;
        let mut exact = critical.exact;
        exact.upper = exact.upper.min(gradient_descent);
        exact.estimate = exact.estimate.min(exact.upper);
        exact.lower = exact.lower.min(exact.estimate);
        Ok(record::CriticalLearningRate {
            theorem1: critical.theorem1.map(|value| value.min(gradient_descent)),
            exact,
            rectangle: RectangleCritical::new(a, s, batching)?.critical_learning_rate(),
            gradient_descent,
            almost_sure,
            worst_batch: worst_batch.as_ref().map(records::worst_batch),
            ..critical
        })
    }

    /// The smallest batch sizes of the factors, as far as the full Hessian agrees: above its 2/a
    /// nothing stays, and nothing is proved to stay at a point that is no minimum.
    fn smallest(
        &self,
        found: SmallestBatch,
        learning_rate: LearningRate,
        momentum: Momentum,
    ) -> Result<record::SmallestBatchSize, Error> {
        let edge = heavy_ball::critical(self.record().sharpness.value, momentum)?;
        let below = learning_rate.value() <= edge;
        let is_minimum = !self.notes_on_staying()?.iter().any(Note::forbids_staying);
        Ok(record::SmallestBatchSize {
            proved: found.proved.filter(|_| below && is_minimum),
            estimated: found.estimated.filter(|_| below),
        })
    }

    /// The verdict and the margin of a learning rate at this point.
    pub(crate) fn judge(
        &self,
        exact: &record::ExactThreshold,
        learning_rate: LearningRate,
    ) -> Result<(record::Verdict, f64), Error> {
        Ok(records::judge_at(exact, learning_rate, &self.notes_on_staying()?))
    }

    /// Those that can forbid to say that SGD stays are of the point, whatever the batches.
    fn notes_on_staying(&self) -> Result<Vec<Note>, Error> {
        self.applicability(Sampling::IndependentBatches, Sampling::IndependentBatches)
    }

    pub(crate) fn parameters(&self, wanted: &Wanted) -> CriticalParameters {
        CriticalParameters {
            tolerance: wanted.tolerance,
            certificate_rank: if wanted.certificate { SIMULATED_DIRECTIONS } else { 0 },
            memory: self.machine.memory_bytes as u64,
            momentum: wanted.momentum,
            ..CriticalParameters::default()
        }
    }

    /// Doubles the directions until η* settles or the memory is used up.
    pub(crate) fn settle(
        &mut self,
        batching: &Batching,
        wanted: &Wanted,
        watch: &mut Watch<'_>,
    ) -> Result<(), Error> {
        while !self.factors.covers_range() {
            let parameters = CriticalParameters { certificate_rank: 0, ..self.parameters(wanted) };
            let mut show = |now: &CriticalProgress| watch.critical(now);
            let found = critical(&self.factors, batching, &parameters, &mut show)?;
            let rank = 2 * self.factors.rank();
            if found.stop != RankStop::AllCoordinates
                || self.bytes(rank) > self.machine.memory_bytes
            {
                break;
            }
            let grown = self.with_rank(rank, watch.progress, watch.interrupt)?;
            match grown {
                // A problem of fewer directions than asked for has shown all it has.
                Some(factors) if factors.rank() > self.factors.rank() => {
                    self.set_factors(factors)?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// What a bracket on leading directions rests on; `None` when it is on all.
    pub(crate) fn directions_left_out(&self, momentum: Momentum) -> Option<String> {
        if self.factors.covers_range() {
            return None;
        }
        let rank = self.factors.rank();
        let needed = full_bytes(self.factors.examples() * self.factors.outputs()) as f64;
        let lower = if momentum == Momentum::NONE {
            "its lower end holds up to the accuracy of those directions, about 1e-4 of the sharpness"
        } else {
            "with momentum nothing proves a lower end then, so that no verdict says stays"
        };
        Some(format!(
            "the bracket is on {rank} leading directions: {lower}; --memory {:.1}G proves it on all",
            (10.0 * needed / f64::from(1 << 30)).ceil() / 10.0
        ))
    }

    /// Bytes of a Krylov basis and of the factors with r directions.
    fn bytes(&self, rank: usize) -> usize {
        let rows = self.factors.examples() * self.factors.outputs();
        8 * (2 * rank + 50) * rows + 8 * 3 * rank * rows + 8 * 21 * rank * rank
    }
}

/// What to say of an estimate that still moves.
pub(crate) fn not_settled(exact: &record::ExactThreshold) -> Option<String> {
    if exact.converged {
        return None;
    }
    let last = exact.ranks.last()?;
    let before = exact.ranks.iter().rev().nth(1);
    let change = before.map_or(String::new(), |before| {
        let moved = before.critical_learning_rate / last.critical_learning_rate - 1.0;
        format!(" (it fell by {:.1} % from {} directions)", 100.0 * moved, before.rank)
    });
    Some(format!(
        "the exact threshold has not settled in {} directions{change}: it is an upper bound; give \
         more --memory",
        last.rank
    ))
}
