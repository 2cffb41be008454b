//! The operations that are timed.

use std::error::Error;
use std::ops::ControlFlow;

use minimascope_curvature::{Matrix, PointOperator};
use minimascope_linop::largest_pair;
use minimascope_net::train::{CompletedStep, Trainer};
use minimascope_net::{Curvature, Evaluator, Examples, Execution, MemoryEstimate, Network, Scalar};
use minimascope_record::outcome::Outcome;

use crate::problem::{LEARNING_RATE, LOSS, Problem, STEPS, settings};

/// What can be timed, by the names of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimedOperation {
    /// A step of gradient descent: loss, gradient, update.
    Step,
    /// Hv, forward and backward kept from before.
    ProductCached,
    /// Hv with nothing kept.
    Product,
    /// mean H_i(H_i v), forward and backward kept from before.
    SecondMomentCached,
    /// mean H_i(H_i v) with nothing kept.
    SecondMoment,
    /// mean (H_i − H)² v, forward and backward kept from before.
    VarianceCached,
    /// λ_max(H) from a new point, to a relative residual of 1e-3.
    Largest,
    /// `STEPS` steps of SGD at this batch size.
    Sgd(usize),
}

impl TimedOperation {
    pub(crate) fn parse(name: &str) -> Result<Self, Box<dyn Error>> {
        Ok(match name {
            "step" => Self::Step,
            "product-cached" => Self::ProductCached,
            "product" => Self::Product,
            "second-moment-cached" => Self::SecondMomentCached,
            "second-moment" => Self::SecondMoment,
            "variance-cached" => Self::VarianceCached,
            "largest" => Self::Largest,
            _ => match name.strip_prefix("sgd-").map(str::parse) {
                Some(Ok(batch_size)) => Self::Sgd(batch_size),
                _ => return Err(format!("no operation {name}").into()),
            },
        })
    }

    /// Floating-point operations of one run: what the passes must multiply and add, twice the
    /// multiply–adds of affine layers. A forward pass is `all`; the first layer has no derivative
    /// or tangent of its input. Not stated (0) for λ_max, whose products are counted when it runs.
    pub(crate) fn work(self, network: &Network, examples: usize) -> f64 {
        let layers = || network.layers().iter().map(|layer| 2.0 * layer.multiply_adds as f64);
        let all: f64 = layers().sum();
        let first = layers().find(|work| *work > 0.0).unwrap_or(0.0);
        // A filter's direction of one example is formed and applied; a dense one stays factored.
        let own = if network.materialises_directions() { 2.0 * (2.0 * all - first) } else { 0.0 };
        let (forward_backward, tangents) = (2.0 * all - first, 4.0 * all - 3.0 * first);
        let sum = 2.0 * all - first;
        let per_example = match self {
            Self::Step | Self::Sgd(_) => 3.0 * all - first,
            Self::ProductCached => tangents + sum,
            Self::Product => forward_backward + tangents + sum,
            Self::SecondMomentCached => 2.0 * tangents + own,
            Self::SecondMoment => forward_backward + 2.0 * tangents + own,
            Self::VarianceCached => 2.0 * tangents + own + 2.0 * sum,
            Self::Largest => 0.0,
        };
        let runs = match self {
            Self::Sgd(batch_size) => (batch_size * STEPS) as f64,
            _ => examples as f64,
        };
        per_example * runs
    }
}

/// A prepared operation.
pub(crate) trait Run {
    /// Does it once.
    fn run(&mut self);
    /// What the last run gave, parameters in PyTorch's order. Of training: the displacement.
    fn value(&self) -> Vec<f64>;
}

/// Everything that a run needs and does not do itself.
pub(crate) fn prepare<'a, T: Scalar>(
    operation: TimedOperation,
    problem: &'a Problem,
    examples: &'a Examples<T>,
) -> Result<Box<dyn Run + 'a>, Box<dyn Error>> {
    let network = &problem.network;
    let theta: Vec<T> = problem.theta.iter().map(|x| T::from_f64(*x)).collect();
    let training = |batch_size, steps| -> Result<Box<dyn Run + 'a>, Box<dyn Error>> {
        let execution = Execution::new(problem.threads, 8 << 30)?;
        let settings = settings(batch_size, LEARNING_RATE);
        let theta = theta.clone();
        let trainer = Trainer::new(network, LOSS, examples, settings, theta, &execution)?;
        Ok(Box::new(Training { problem, trainer, steps }))
    };
    let least = MemoryEstimate::of(network, examples).least();
    let (product, memory): (Product<'a, T>, usize) = match operation {
        TimedOperation::Step => return training(examples.len(), 1),
        TimedOperation::Sgd(batch_size) => return training(batch_size, STEPS as u64),
        TimedOperation::Largest => {
            let execution = Execution::new(problem.threads, 8 << 30)?;
            let evaluator = Evaluator::new(network, LOSS, 0.0, examples, &execution)?;
            return Ok(Box::new(Largest { problem, theta, evaluator, value: f64::NAN }));
        }
        TimedOperation::ProductCached => (Evaluator::product, 8 << 30),
        TimedOperation::Product => (Evaluator::product, least),
        TimedOperation::SecondMomentCached => (Evaluator::second_moment, 8 << 30),
        TimedOperation::SecondMoment => (Evaluator::second_moment, least),
        TimedOperation::VarianceCached => {
            (|evaluator, _, v, out| evaluator.variance(v, out), 8 << 30)
        }
    };
    let execution = Execution::new(problem.threads, memory)?;
    let mut evaluator = Evaluator::new(network, LOSS, 0.0, examples, &execution)?;
    evaluator.set_point(&theta)?;
    let direction: Vec<T> = problem.direction.iter().map(|x| T::from_f64(*x)).collect();
    let out = vec![T::ZERO; direction.len()];
    Ok(Box::new(Along { network, evaluator, product, direction, out }))
}

/// A product of [`Evaluator`].
type Product<'a, T> =
    fn(&mut Evaluator<'a, T>, Curvature, &[T], &mut [T]) -> Result<(), minimascope_net::Error>;

struct Along<'a, T> {
    network: &'a Network,
    evaluator: Evaluator<'a, T>,
    product: Product<'a, T>,
    direction: Vec<T>,
    out: Vec<T>,
}

impl<T: Scalar> Run for Along<'_, T> {
    fn run(&mut self) {
        let Self { evaluator, direction, out, .. } = self;
        (self.product)(evaluator, Curvature::Hessian, direction, out).expect("lengths are right");
    }

    fn value(&self) -> Vec<f64> {
        self.network.to_torch_order(&self.out).iter().map(|x| x.to_f64()).collect()
    }
}

struct Training<'a, T> {
    problem: &'a Problem,
    trainer: Trainer<'a, T>,
    steps: u64,
}

impl<T: Scalar> Run for Training<'_, T> {
    fn run(&mut self) {
        let end = self.trainer.step() + self.steps;
        let outcome = self.trainer.run(&mut |step: &CompletedStep<'_, T>, _: &Trainer<'_, T>| {
            if step.step == end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(outcome, Outcome::Interrupted, "the timed steps must not diverge");
    }

    fn value(&self) -> Vec<f64> {
        let moved = self.trainer.parameters().iter().zip(&self.problem.theta);
        let moved: Vec<f64> = moved.map(|(now, start)| now.to_f64() - start).collect();
        self.problem.network.to_torch_order(&moved)
    }
}

struct Largest<'a, T> {
    problem: &'a Problem,
    theta: Vec<T>,
    evaluator: Evaluator<'a, T>,
    value: f64,
}

impl<T: Scalar> Run for Largest<'_, T> {
    fn run(&mut self) {
        self.evaluator.set_point(&self.theta).expect("the length is right");
        let mut hessian = PointOperator::new(&mut self.evaluator, Matrix::Hessian);
        let pair = largest_pair(&mut hessian, 1e-3, Some(&self.problem.direction))
            .expect("the operator is finite");
        assert!(pair.converged, "residual {}", pair.relative_residual);
        self.value = pair.value;
    }

    fn value(&self) -> Vec<f64> {
        vec![self.value]
    }
}
