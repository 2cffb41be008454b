//! Which (learning rate, batch size) can stay at the end of a run.

use std::sync::atomic::AtomicBool;

use minimascope_minimum::{Minimum, Watch};
use minimascope_net::Scalar;
use minimascope_net::train::Batches;
use minimascope_record::outcome::Outcome;
use minimascope_record::stability::{
    Attribution, Judged, Origin, StabilityQuestion, StabilityReport,
};
use minimascope_record::training::Sampling;
use minimascope_stability::LearningRate;

use crate::Error;
use crate::folder::ANSWERS;
use crate::loaded_plan::{LoadedPlan, in_precision};
use crate::machine::Machine;
use crate::measure::budget;
use crate::plan::Plan;
use crate::progress::{Progress, watching};
use crate::target::Target;

/// A target's point with what the run says of it.
pub struct RunMinimum<'t, 'p> {
    pub(crate) target: &'t Target,
    pub(crate) machine: Machine,
    pub(crate) minimum: Minimum<'p>,
    test_accuracy: Option<f64>,
}

/// Measures a target's point once, and lets `work` ask of it.
///
/// # Errors
/// [`Error::DeadRun`], [`Error::NothingToMeasure`], [`Error::Interrupted`], [`Error::Stability`]
/// without curvature or with one example, what the file and the memory budget refuse, and those of
/// `work`.
pub fn at_minimum<R>(
    target: &Target,
    machine: &Machine,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
    work: impl FnOnce(&mut RunMinimum<'_, '_>, &mut dyn Progress) -> Result<R, Error>,
) -> Result<R, Error> {
    if target.outcome() == Some(Outcome::Dead) {
        return Err(Error::DeadRun(target.plan().id().to_string()));
    }
    let precision = target.plan().config().precision;
    in_precision!(precision, T => open::<T, R>(target, machine, progress, interrupt, work))
}

fn open<T: Scalar, R>(
    target: &Target,
    machine: &Machine,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
    work: impl FnOnce(&mut RunMinimum<'_, '_>, &mut dyn Progress) -> Result<R, Error>,
) -> Result<R, Error> {
    let plan = target.plan();
    let (parameters, steps) = target.read::<T>()?;
    let loaded = LoadedPlan::new(plan, machine)?;
    let on_train = loaded.on_train().assess(&parameters);
    let run = || plan.id().to_string();
    if !on_train.loss.is_finite() {
        return Err(Error::NothingToMeasure { run: run(), steps });
    }
    if on_train.constant {
        return Err(Error::DeadRun(run()));
    }
    let test_accuracy = loaded.on_test().map(|mut test| test.assess(&parameters).accuracy);
    let mut evaluator = loaded.evaluator()?;
    evaluator.set_point(&parameters)?;
    let budget = budget(plan, *machine);
    let mut minimum =
        watching(progress, interrupt, |watch| Minimum::watched(&mut evaluator, &budget, watch))?;
    let train = &plan.config().train;
    if train.sampling == Sampling::SingleShuffle {
        let n = plan.train().len();
        let mut batches = Batches::new(train.sampling, n, n, train.seed);
        minimum.set_order(batches.order(0).to_vec());
    }
    if train.optimizer.theory_momentum().is_none() {
        minimum.remark(
            "the theory does not cover the run's optimiser: the answers are for plain SGD from \
                 the point that the run reached"
                .to_owned(),
        );
    }
    work(&mut RunMinimum { target, machine: *machine, minimum, test_accuracy }, progress)
}

impl RunMinimum<'_, '_> {
    /// The plan that trained it.
    pub fn plan(&self) -> &Plan {
        self.target.plan()
    }

    /// The run in a record.
    pub fn origin(&self) -> Origin {
        let plan = self.plan();
        Origin {
            run: plan.id().to_string(),
            model: plan.model().to_owned(),
            data: plan.train().name().to_owned(),
            learning_rate: plan.config().train.learning_rate,
            batch_size: plan.batch_size(),
            test_accuracy: self.test_accuracy,
        }
    }

    /// β of the run that trained it; 0 for an optimiser that the theory does not cover.
    pub fn momentum(&self) -> f64 {
        self.plan().config().train.optimizer.theory_momentum().unwrap_or(0.0)
    }

    /// The question with what it leaves open as the run has it: its (η, B) where neither is given,
    /// its momentum and its sampling scheme.
    pub fn completed(&self, question: &StabilityQuestion) -> StabilityQuestion {
        let train = &self.plan().config().train;
        let own = (question.learning_rate, question.batch_size) == (None, None);
        StabilityQuestion {
            learning_rate: question.learning_rate.or(own.then_some(train.learning_rate)),
            batch_size: question.batch_size.or(own.then(|| self.plan().batch_size())),
            momentum: question.momentum.or(Some(self.momentum())),
            sampling: question.sampling.or(Some(train.sampling)),
            ..*question
        }
    }

    /// Answers. The answer about a run's end is saved in the run's folder, a file a question.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Stability`] for an η, B, β or tolerance outside its range;
    /// [`Error::Write`].
    pub fn ask(
        &mut self,
        question: &StabilityQuestion,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<StabilityReport, Error> {
        let question = self.completed(question);
        let minimum = &mut self.minimum;
        let ask = |watch: &mut Watch<'_>| minimum.ask_watched(&question, watch);
        let mut report = watching(progress, interrupt, ask)?;
        report.origin = Some(self.origin());
        if let Some(attribution) = &mut report.attribution {
            self.name_examples(attribution);
        }
        self.target.save_answer(ANSWERS, &file_of(&question), &report)?;
        Ok(report)
    }

    /// The thresholds at one batch size and the verdict at the run's own learning rate, in a few
    /// seconds: without a certificate or the threshold of epochs, and in the directions known.
    /// [`RunMinimum::ask`] does all.
    ///
    /// # Errors
    /// [`Error::Stability`] for a batch size outside 1 to n; [`Error::Interrupted`].
    pub fn judge_quickly(
        &self,
        batch_size: usize,
        progress: &mut dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Judged, Error> {
        let config = &self.plan().config().train;
        let rate = LearningRate::new(config.learning_rate)?;
        let mut effort = self.minimum.effort(&StabilityQuestion::default().quick())?;
        effort.epochs = None;
        let judged = watching(progress, interrupt, |watch| {
            self.minimum.judged(rate, batch_size, config.sampling, &effort, watch)
        })?;
        Ok(judged)
    }

    /// Adds labels to the examples of an attribution.
    fn name_examples(&self, attribution: &mut Attribution) {
        let plan = self.plan();
        for share in attribution.shares_mut() {
            share.label = plan.train().labels().get(share.example).copied();
            share.corrupted = plan.corrupted().contains(&share.example);
        }
    }
}

/// The file of a question's answer: another question has another file.
fn file_of(question: &StabilityQuestion) -> String {
    let StabilityQuestion { learning_rate, batch_size, momentum, sampling, tolerance, .. } =
        *question;
    let sampling = sampling.map(|sampling| sampling.to_string());
    let parts = [
        learning_rate.map(|rate| format!("learning-rate-{rate}")),
        batch_size.map(|size| format!("batch-size-{size}")),
        momentum.filter(|beta| *beta != 0.0).map(|beta| format!("momentum-{beta}")),
        sampling,
        question.boundary.then(|| "boundary".to_owned()),
        (question.attribution > 0).then(|| format!("attribution-{}", question.attribution)),
        question.batch_sharpness.then(|| "batch-sharpness".to_owned()),
        tolerance.map(|tolerance| format!("tolerance-{tolerance}")),
        question.quick.then(|| "quick".to_owned()),
    ];
    format!("{}.json", parts.into_iter().flatten().collect::<Vec<_>>().join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_question_has_another_file() {
        let own = StabilityQuestion { learning_rate: Some(0.1), ..StabilityQuestion::default() };
        let questions = [
            own,
            StabilityQuestion { quick: true, ..own },
            StabilityQuestion { batch_size: Some(4), ..own },
            StabilityQuestion { momentum: Some(0.9), ..own },
            StabilityQuestion { boundary: true, ..own },
            StabilityQuestion { attribution: 4, ..own },
        ];
        let mut files: Vec<String> = questions.iter().map(file_of).collect();
        assert_eq!(files[1], "learning-rate-0.1-quick.json");
        files.sort();
        files.dedup();
        assert_eq!(files.len(), questions.len());
    }
}
