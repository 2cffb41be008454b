//! Answers to questions about a minimum.

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::stability::{
    BoundaryRow, Judged, SmallestBatchSize, StabilityQuestion, StabilityReport,
};
use minimascope_record::threshold::{Threshold, deciding};
use minimascope_record::training::Sampling;
use minimascope_stability::applicability::Note;
use minimascope_stability::criteria::heavy_ball;
use minimascope_stability::criterion::{Effort, Simulation};
use minimascope_stability::mean_square::CriticalProgress;
use minimascope_stability::smallest_batch::{first, smallest_batch};
use minimascope_stability::thresholds::boundary_batch_sizes;
use minimascope_stability::verdict::{self, Judgement};
use minimascope_stability::{self as theory, Batching, LearningRate, Momentum};

use crate::minimum::searching;
use crate::notes::{assumed, not_simulated};
use crate::watch::{Watch, unwatched};
use crate::{Error, Minimum, examples};

impl Minimum<'_> {
    /// Answers. Without a sampling scheme in the question, batches are drawn independently; without
    /// momentum there is none. Without η and B there are no thresholds and no verdict: only what was
    /// measured, and what else is asked (`boundary`, `attribution`, `batch_sharpness`).
    ///
    /// # Errors
    /// [`Error::Stability`] for an η, B, β or tolerance outside its range; [`Error::Point`].
    pub fn ask(&mut self, question: &StabilityQuestion) -> Result<StabilityReport, Error> {
        unwatched(|watch| self.ask_watched(question, watch))
    }

    /// As [`Minimum::ask`], for a watch to follow.
    ///
    /// # Errors
    /// As [`Minimum::ask`], and [`Error::Interrupted`].
    pub fn ask_watched(
        &mut self,
        question: &StabilityQuestion,
        watch: &mut Watch<'_>,
    ) -> Result<StabilityReport, Error> {
        let n = self.known.factors.examples();
        check(question, n)?;
        let used = question.sampling.unwrap_or(Sampling::IndependentBatches);
        let learning_rate = question.learning_rate.map(LearningRate::new).transpose()?;
        let effort = self.effort(question)?;
        let momentum = effort.exact.momentum;
        let batching = |size| Batching::new(n, size, used);
        // The noisiest batch size in question needs the most directions.
        let noisiest = question.batch_size.filter(|_| !question.boundary).unwrap_or(1);
        self.settle(&batching(noisiest)?, &effort, watch)?;
        let smallest = match (learning_rate, question.batch_size) {
            (Some(rate), None) => Some(self.smallest_batch_size(rate, used, &effort, watch)?),
            _ => None,
        };
        let size = question.batch_size.or(smallest.and_then(|found| found.estimated));
        let thresholds = match size {
            Some(size) => self.thresholds(&batching(size)?, &effort, watch)?,
            None => Vec::new(),
        };
        let judge =
            |list: &[Threshold]| learning_rate.map(|rate| self.judge(list, rate, used)).transpose();
        let judged = question.batch_size.map_or(Ok(None), |_| judge(&thresholds))?;
        let mut boundary = Vec::new();
        for batch_size in boundary_batch_sizes(n).into_iter().filter(|_| question.boundary) {
            let thresholds = self.thresholds(&batching(batch_size)?, &effort, watch)?;
            let verdict = judge(&thresholds)?.map(|judged| judged.verdict);
            boundary.push(BoundaryRow { batch_size, thresholds, verdict });
        }
        let attribution = match question.attribution {
            0 => None,
            count => {
                // A batch of everything has no noise to attribute.
                let batching = batching(size.filter(|size| *size < n).unwrap_or(1))?;
                Some(self.attribution(&batching, count, &effort.exact, watch)?)
            }
        };
        let batch_sharpness = if question.batch_sharpness {
            let batching = Batching::new(n, size.unwrap_or(1), used)?;
            let seed = self.known.budget.seed;
            Some(examples::batch_sharpness(self.point, &batching, seed, watch)?)
        } else {
            None
        };
        watch.stage_ended()?;
        // Of a boundary without a question about one B, the noisiest row speaks for all.
        let decided = boundary.first().map(|row: &BoundaryRow| &row.thresholds);
        let decided =
            if thresholds.is_empty() { decided.unwrap_or(&thresholds) } else { &thresholds };
        let mut notes = self.notes(used, size.as_slice(), decided)?;
        notes.extend(self.notes_on(&thresholds, momentum));
        if !question.quick {
            let rows = boundary.iter().map(|row| (row.batch_size, &row.thresholds[..]));
            let asked = size.map(|size| (size, &thresholds[..]));
            notes.extend(not_simulated(&asked.into_iter().chain(rows).collect::<Vec<_>>()));
        }
        Ok(StabilityReport {
            schema_version: SCHEMA_VERSION,
            question: *question,
            origin: None,
            point: self.measured().clone(),
            learning_rate: learning_rate.map(LearningRate::value),
            batch_size: size,
            momentum: momentum.value(),
            sampling_assumed: assumed(&thresholds, used),
            sampling_used: used,
            thresholds,
            verdict: judged.map(|judged| judged.verdict),
            margin: judged.map(|judged| judged.margin),
            smallest_batch_size: smallest,
            boundary,
            attribution,
            batch_sharpness,
            example_sharpnesses: self.known.curvatures.example_sharpnesses.clone(),
            notes,
        })
    }

    /// The thresholds at one batch size in the directions known ([`Minimum::settle`] finds more), the
    /// verdict on a learning rate, and what to know before trusting it.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::Stability`].
    pub fn judged(
        &self,
        learning_rate: LearningRate,
        batch_size: usize,
        used: Sampling,
        effort: &Effort,
        watch: &mut Watch<'_>,
    ) -> Result<Judged, Error> {
        let batching = Batching::new(self.known.factors.examples(), batch_size, used)?;
        let thresholds = self.thresholds(&batching, effort, watch)?;
        let Judgement { verdict, margin } = self.judge(&thresholds, learning_rate, used)?;
        let mut notes = self.notes(used, &[batch_size], &thresholds)?;
        notes.extend(self.notes_on(&thresholds, effort.exact.momentum));
        let learning_rate = learning_rate.value();
        Ok(Judged { learning_rate, batch_size, thresholds, verdict, margin, notes })
    }

    /// The verdict and the margin η/η* of a learning rate, by the thresholds of one batch size.
    ///
    /// # Errors
    /// [`Error::NoExactThreshold`]; [`Error::Stability`] where no criterion has a meaning.
    pub fn judge(
        &self,
        thresholds: &[Threshold],
        learning_rate: LearningRate,
        used: Sampling,
    ) -> Result<Judgement, Error> {
        let exact = deciding(thresholds, used).ok_or(Error::NoExactThreshold)?;
        Ok(verdict::judge(exact, learning_rate, &self.notes_on_staying()?))
    }

    /// The smallest batch sizes of the factors, as far as the full Hessian agrees: above its
    /// 2(1 + β)/a no independent batches stay, and nothing is proved to stay at a point that is no
    /// minimum. In epochs of few units nothing is proved, and B is bisected: the threshold rises with it but for
    /// batch sizes that leave a small batch at the end.
    fn smallest_batch_size(
        &self,
        learning_rate: LearningRate,
        sampling: Sampling,
        effort: &Effort,
        watch: &mut Watch<'_>,
    ) -> Result<SmallestBatchSize, Error> {
        let n = self.known.factors.examples();
        if sampling.in_epochs() && n <= FEW {
            let effort = Effort { simulation: Simulation::None, ..effort.clone() };
            let estimated = first::<Error>(1, n, |size| {
                let batching = Batching::new(n, size, sampling)?;
                let found = self.thresholds(&batching, &effort, watch)?;
                let deciding = deciding(&found, sampling).ok_or(Error::NoExactThreshold)?;
                Ok(deciding.learning_rate >= learning_rate.value())
            })?;
            return Ok(SmallestBatchSize { proved: None, estimated });
        }
        let mut show = |now: &CriticalProgress| watch.measuring(searching(now));
        let found =
            smallest_batch(&self.known.factors, sampling, learning_rate, &effort.exact, &mut show)?
                .ok_or(Error::Interrupted)?;
        let of_descent =
            heavy_ball::critical(self.measured().sharpness.value, effort.exact.momentum)?;
        let below = learning_rate.value() <= of_descent;
        let is_minimum = !self.notes_on_staying()?.iter().any(Note::forbids_staying);
        Ok(SmallestBatchSize {
            proved: found.proved.filter(|_| below && is_minimum),
            estimated: found.estimated.filter(|_| below),
        })
    }
}

/// So few units have at most 6! = 720 orders, all of which are taken, so that their threshold decides.
const FEW: usize = 6;

/// Whether a question has a meaning for n units, before anything is measured.
///
/// # Errors
/// [`Error::Stability`] for an η, B, β or tolerance outside its range, and for fewer than two units.
pub fn check(question: &StabilityQuestion, units: usize) -> Result<(), Error> {
    Batching::new(units, question.batch_size.unwrap_or(1), Sampling::IndependentBatches)?;
    question.learning_rate.map(LearningRate::new).transpose()?;
    question.momentum.map(Momentum::new).transpose()?;
    match question.tolerance {
        Some(tolerance) if !(tolerance > 0.0 && tolerance < 1.0) => {
            Err(theory::Error::Tolerance(tolerance).into())
        }
        _ => Ok(()),
    }
}
