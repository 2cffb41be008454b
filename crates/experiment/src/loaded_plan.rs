//! A plan's examples in the precision of its passes, and the threads that work on them.

use minimascope_data::Dataset;
use minimascope_linop::{LanczosParameters, SpectrumEnd};
use minimascope_net::train::{Assessor, passing_memory, training_memory};
use minimascope_net::{Evaluator, Examples, Execution, MemoryEstimate, Scalar};

use crate::Error;
use crate::machine::Machine;
use crate::plan::Plan;

/// A plan with its examples in memory.
pub(crate) struct LoadedPlan<'a, T> {
    pub(crate) plan: &'a Plan,
    pub(crate) train: Examples<T>,
    test: Option<Examples<T>>,
    pub(crate) execution: Execution,
    pub(crate) machine: Machine,
}

impl<'a, T: Scalar> LoadedPlan<'a, T> {
    pub(crate) fn new(plan: &'a Plan, machine: &Machine) -> Result<Self, Error> {
        let examples = |data: &Dataset| {
            let loss = plan.config().loss;
            Examples::from_classes(plan.network(), loss, data.images(), data.labels())
        };
        let train = examples(plan.train())?;
        let test = plan.test().map(examples).transpose()?;
        let execution = machine.execution()?;
        let beside = beside(plan, &train, test.as_ref(), execution.threads());
        let execution = execution.beside(beside);
        // Before anything is trained that could not be measured.
        MemoryEstimate::of(plan.network(), &train).keeps(&execution)?;
        Ok(Self { plan, train, test, execution, machine: *machine })
    }

    /// The objective on the training set, with its curvature.
    pub(crate) fn evaluator(&self) -> Result<Evaluator<'_, T>, Error> {
        let config = self.plan.config();
        let (network, decay) = (self.plan.network(), config.train.weight_decay);
        Ok(Evaluator::new(network, config.loss, decay, &self.train, &self.execution)?)
    }

    /// Loss and accuracy of the training set.
    pub(crate) fn on_train(&self) -> Assessor<'_, T> {
        self.assessor(&self.train)
    }

    /// The same of the test set.
    pub(crate) fn on_test(&self) -> Option<Assessor<'_, T>> {
        self.test.as_ref().map(|test| self.assessor(test))
    }

    /// Bytes that a run holds at most under the budget.
    pub(crate) fn memory(&self) -> usize {
        let estimate = MemoryEstimate::of(self.plan.network(), &self.train);
        (self.execution.taken() + estimate.most()).min(self.execution.memory())
    }

    fn assessor<'s>(&'s self, examples: &'s Examples<T>) -> Assessor<'s, T> {
        Assessor::new(self.plan.network(), self.plan.config().loss, examples, &self.execution)
    }
}

/// Works in the precision of a plan: `in_precision!(precision, T => work::<T>())`. The one place that
/// chooses between f32 and f64.
macro_rules! in_precision {
    ($precision:expr, $scalar:ident => $work:expr) => {
        match $precision {
            minimascope_record::config::Precision::F32 => {
                type $scalar = f32;
                $work
            }
            minimascope_record::config::Precision::F64 => {
                type $scalar = f64;
                $work
            }
        }
    };
}
pub(crate) use in_precision;

/// Bytes of a run that no evaluator holds: the data as they were read, the test set, training with
/// its observers, and the basis of a largest eigenvalue.
fn beside<T: Scalar>(
    plan: &Plan,
    train: &Examples<T>,
    test: Option<&Examples<T>>,
    threads: usize,
) -> usize {
    let network = plan.network();
    let read = |data: &Dataset| size_of_val(data.images()) + size_of_val(data.labels());
    let data = read(plan.train()) + plan.test().map_or(0, read) + test.map_or(0, Examples::bytes);
    let optimizer = plan.config().train.optimizer;
    let training =
        training_memory::<T>(network, optimizer, (plan.batch_size(), train.len()), threads)
            + passing_memory::<T>(network, train.len())
            + test.map_or(0, |test| passing_memory::<T>(network, test.len()));
    let basis = LanczosParameters::new(SpectrumEnd::Largest, 1).memory(network.parameters());
    data + training + basis
}
