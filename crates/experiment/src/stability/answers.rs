//! Answers to questions about a minimum.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::stability as record;
use minimascope_record::training::Sampling;
use minimascope_stability::almost_sure::{self, AlmostSureParameters};
use minimascope_stability::answers::{
    Questions, boundary_batch_sizes, critical_learning_rates, smallest_batch,
};
use minimascope_stability::mean_square::{
    CriticalParameters, CriticalProgress, RankStop, critical,
};
use minimascope_stability::simulation::Ensemble;
use minimascope_stability::{Batching, Estimate, LearningRate, Momentum};

use super::factors::full_bytes;
use super::{Minimum, Query, assumed, law, records};
use crate::Error;
use crate::measure::stop_if;
use crate::progress::{Event, MeasureProgress, Progress, Quantity};

/// Twice the directions moved η* by less than this.
const TOLERANCE: f64 = 1e-2;
/// Trajectories of an exponent.
const TRAJECTORIES: usize = 16;
/// Multiply–adds that one value of the Lyapunov exponent may cost, a second or so; the threshold
/// takes some thirty of them.
const EXPONENT_WORK: f64 = 1e9;
/// Fewer steps than this, and the exponent would be the first direction's transient.
const FEWEST_STEPS: usize = 60;
/// Directions of a simulation: the top exponent lives in the leading ones.
const SIMULATED_DIRECTIONS: usize = 400;

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
    fn critical(&mut self, now: &CriticalProgress) -> ControlFlow<()> {
        self.progress.event(Event::Measuring(MeasureProgress {
            quantity: Quantity::CriticalLearningRate,
            products: now.products,
            value: now.critical_learning_rate,
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
    /// [`Error::Stability`] for an η, B or β outside its range.
    pub fn ask(
        &mut self,
        query: &Query,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Option<record::StabilityReport>, Error> {
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
                let certificate_rank = if query.quick { 0 } else { SIMULATED_DIRECTIONS };
                let parameters =
                    CriticalParameters { certificate_rank, ..self.parameters(&wanted) };
                let found = smallest_batch(&self.factors, law, rate, &parameters)?;
                let (proved, estimated) = (found.proved, found.estimated);
                Some(record::SmallestBatchSize { proved, estimated })
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
            (Some(critical), Some(rate), Some(_)) => Some(records::judge(&critical.exact, rate)),
            _ => None,
        };
        let mut boundary = Vec::new();
        if query.boundary {
            for size in boundary_batch_sizes(n) {
                let found = self.critical(&Batching::new(n, size, law)?, &wanted, &mut watch)?;
                let verdict = learning_rate.map(|rate| records::judge(&found.exact, rate).0);
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
                Some(self.blame(&batching, count, &self.parameters(&wanted))?)
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
        notes.extend(critical.as_ref().and_then(|found| not_settled(&found.exact)));
        notes.extend(self.directions_left_out(momentum));
        if momentum != Momentum::NONE && smallest.is_some() {
            notes.push("the smallest batch size is for plain SGD".to_owned());
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
        let plain = wanted.momentum == Momentum::NONE;
        let parameters = self.parameters(wanted);
        let exact = parameters.clone();
        let questions = Questions { exact, ..Questions::default() };
        let mut show = |now: &CriticalProgress| watch.critical(now);
        let found = critical_learning_rates(&self.factors, batching, &questions, &mut show)?;
        let with_momentum = if plain {
            None
        } else {
            let parameters = CriticalParameters { momentum: wanted.momentum, ..parameters };
            Some(critical(&self.factors, batching, &parameters, &mut show)?)
        };
        let estimate = with_momentum.as_ref().map_or(found.exact.estimate, |exact| exact.estimate);
        let almost_sure = if wanted.almost_sure && !watch.is_interrupted() {
            self.almost_sure(batching, estimate, wanted.momentum)?
        } else {
            None
        };
        let kind = (wanted.momentum, self.factors.covers_range());
        Ok(records::critical(&found, with_momentum.as_ref(), almost_sure, kind)?)
    }

    /// The almost-sure threshold; `None` where it would take too long.
    fn almost_sure(
        &self,
        batching: &Batching,
        stable: f64,
        momentum: Momentum,
    ) -> Result<Option<Estimate>, Error> {
        let factors = self.factors.truncated(SIMULATED_DIRECTIONS);
        if batching.noise() == 0.0 && momentum == Momentum::NONE {
            // The product of equal matrices: both thresholds are gradient descent's.
            return Ok(Some(Estimate { value: stable, standard_error: 0.0 }));
        }
        let Some(ensemble) = ensemble(batching, (factors.outputs(), factors.rank())) else {
            return Ok(None);
        };
        let warm_up = ensemble.steps / 10;
        let parameters = AlmostSureParameters { ensemble, warm_up, momentum };
        let stable = LearningRate::new(stable)?;
        match almost_sure::critical(&factors, batching, stable, &parameters) {
            Ok(found) => Ok(Some(found)),
            // No learning rate tried lets it leave: no threshold is the answer.
            Err(minimascope_stability::Error::NotBracketed { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    pub(crate) fn parameters(&self, wanted: &Wanted) -> CriticalParameters {
        CriticalParameters {
            tolerance: wanted.tolerance,
            certificate_rank: if wanted.certificate { SIMULATED_DIRECTIONS } else { 0 },
            memory: self.machine.memory_bytes as u64,
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

/// As many steps as the work allows, up to 2,000.
pub(crate) fn ensemble(batching: &Batching, (outputs, rank): (usize, usize)) -> Option<Ensemble> {
    let step = (2 * batching.batch_size() * outputs * rank) as f64;
    let steps = (EXPONENT_WORK / step / TRAJECTORIES as f64) as usize;
    let steps = steps.min(2_000);
    let seed = 0;
    (steps >= FEWEST_STEPS).then_some(Ensemble { trajectories: TRAJECTORIES, steps, seed })
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
