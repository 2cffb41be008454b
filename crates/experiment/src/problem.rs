//! A plan's examples in the precision of its passes, and the threads that work on them.

use minimascope_data::Dataset;
use minimascope_net::train::Assessor;
use minimascope_net::{Evaluator, Examples, Execution, MemoryEstimate, Scalar};

use crate::Error;
use crate::plan::Plan;
use crate::run::Machine;

pub(crate) struct Problem<'a, T> {
    pub(crate) plan: &'a Plan,
    pub(crate) train: Examples<T>,
    test: Option<Examples<T>>,
    pub(crate) execution: Execution,
}

impl<'a, T: Scalar> Problem<'a, T> {
    pub(crate) fn new(plan: &'a Plan, machine: &Machine) -> Result<Self, Error> {
        let examples = |data: &Dataset| {
            let loss = plan.config().loss;
            Examples::from_classes(plan.network(), loss, data.images(), data.labels())
        };
        Ok(Self {
            plan,
            train: examples(plan.train())?,
            test: plan.test().map(examples).transpose()?,
            execution: machine.execution()?,
        })
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

    /// Bytes that a measurement holds at most under the budget.
    pub(crate) fn memory(&self) -> usize {
        let estimate = MemoryEstimate::of(self.plan.network(), &self.train);
        estimate.most().min(estimate.least().max(self.execution.memory()))
    }

    fn assessor<'s>(&'s self, examples: &'s Examples<T>) -> Assessor<'s, T> {
        Assessor::new(self.plan.network(), self.plan.config().loss, examples, &self.execution)
    }
}
