//! Trained points of Rust: a network of ours, and a problem given by its H_i.
//!
//! An evaluator borrows its network and examples. So a thread of its own holds all three for as long as
//! the Python object lives, and does the jobs that are sent to it one after another.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use minimascope_curvature::{DensePoint, Matrix, PointShape, ProductFailure, TrainedPoint};
use minimascope_net::{Evaluator, Examples, Execution, Network, Scalar, TensorOrder};
use minimascope_record::config::Precision;
use minimascope_record::training::Loss;
use numpy::{
    PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::error::{WorkFailure, refused};
use crate::matrix::{MATRICES, of_name};
use crate::work::{Line, ends};

/// Something to do at a point, on the thread that holds it.
type Job = Box<dyn FnOnce(&mut dyn TrainedPoint) + Send>;

/// What a point is made of, to make it again of other units.
#[derive(Clone)]
pub(crate) enum Recipe {
    Single(NetworkRecipe<f32>),
    Double(NetworkRecipe<f64>),
    Dense(DenseRecipe),
}

/// A network at its parameters with its examples.
#[derive(Clone)]
pub(crate) struct NetworkRecipe<T> {
    pub(crate) network: Arc<Network>,
    pub(crate) loss: Loss,
    pub(crate) weight_decay: f64,
    pub(crate) examples: Arc<Examples<T>>,
    pub(crate) execution: Execution,
    /// In the network's order.
    pub(crate) parameters: Arc<[T]>,
}

/// n matrices H_i and where the point lies.
#[derive(Clone)]
pub(crate) struct DenseRecipe {
    hessians: Arc<[f64]>,
    at: Arc<[f64]>,
}

impl Recipe {
    /// Makes the point and does the jobs, until nobody can send any more.
    fn hold(self, jobs: &Receiver<Job>, ready: &Sender<Result<(), WorkFailure>>) {
        match self {
            Self::Single(recipe) => recipe.hold(jobs, ready),
            Self::Double(recipe) => recipe.hold(jobs, ready),
            Self::Dense(recipe) => recipe.hold(jobs, ready),
        }
    }

    fn at_units(&self, units: &[usize]) -> Self {
        match self {
            Self::Single(recipe) => Self::Single(recipe.at_units(units)),
            Self::Double(recipe) => Self::Double(recipe.at_units(units)),
            Self::Dense(recipe) => Self::Dense(recipe.at_units(units)),
        }
    }
}

impl<T: Scalar> NetworkRecipe<T> {
    fn hold(self, jobs: &Receiver<Job>, ready: &Sender<Result<(), WorkFailure>>) {
        let Self { network, loss, weight_decay, examples, execution, parameters } = self;
        let made = Evaluator::new(&network, loss, weight_decay, &examples, &execution).and_then(
            |mut evaluator| {
                evaluator.set_point(&parameters)?;
                Ok(evaluator)
            },
        );
        serve(made, jobs, ready);
    }

    fn at_units(&self, units: &[usize]) -> Self {
        Self { examples: Arc::new(self.examples.select(units)), ..self.clone() }
    }
}

impl DenseRecipe {
    fn hold(self, jobs: &Receiver<Job>, ready: &Sender<Result<(), WorkFailure>>) {
        let parameters = self.at.len();
        let made = DensePoint::new(parameters, &self.hessians)
            .and_then(|point| point.moved_to(&self.at))
            .map_err(WorkFailure::input);
        serve(made, jobs, ready);
    }

    fn at_units(&self, units: &[usize]) -> Self {
        let size = self.at.len() * self.at.len();
        let chosen = units.iter().flat_map(|unit| &self.hessians[unit * size..][..size]);
        Self { hessians: chosen.copied().collect(), ..self.clone() }
    }
}

/// Says whether the point was made, and does the jobs at it.
fn serve<P: TrainedPoint, E: Into<WorkFailure>>(
    made: Result<P, E>,
    jobs: &Receiver<Job>,
    ready: &Sender<Result<(), WorkFailure>>,
) {
    match made {
        Ok(mut point) => {
            let _ = ready.send(Ok(()));
            for job in jobs {
                job(&mut point);
            }
        }
        Err(error) => {
            let _ = ready.send(Err(error.into()));
        }
    }
}

/// A trained point of Rust. It implements the protocol `minimascope.TrainedPoint`; given to a function
/// of this package it does all work in Rust.
#[pyclass(frozen, module = "minimascope._native")]
pub(crate) struct NativePoint {
    jobs: Sender<Job>,
    recipe: Recipe,
    shape: PointShape,
    precision: Precision,
    weight_decay: f64,
    /// The place in θ of each number in PyTorch's order; `None` where both orders are the same.
    order: Option<Arc<[usize]>>,
    process: u32,
}

impl NativePoint {
    /// Starts the thread that holds the point.
    pub(crate) fn new(py: Python<'_>, recipe: Recipe) -> PyResult<Self> {
        let (jobs, received) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let (shape, precision, weight_decay, order) = match &recipe {
            Recipe::Single(recipe) => recipe.description(Precision::F32),
            Recipe::Double(recipe) => recipe.description(Precision::F64),
            Recipe::Dense(recipe) => {
                let parameters = recipe.at.len();
                let units = recipe.hessians.len() / (parameters * parameters).max(1);
                let shape = PointShape { parameters, units, outputs: parameters };
                (shape, Precision::F64, 0.0, None)
            }
        };
        let held = recipe.clone();
        std::thread::Builder::new()
            .name("minimascope point".into())
            .spawn(move || held.hold(&received, &ready))?;
        let made = py.detach(move || is_ready.recv());
        made.unwrap_or(Err(WorkFailure::Panic)).map_err(|failure| failure.into_exception(py))?;
        let process = std::process::id();
        Ok(Self { jobs, recipe, shape, precision, weight_decay, order, process })
    }

    /// Does `work` at the point and waits for it.
    pub(crate) fn with<R: Send + 'static>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&mut dyn TrainedPoint, &Line) -> Result<R, WorkFailure> + Send + 'static,
    ) -> PyResult<R> {
        if std::process::id() != self.process {
            return Err(refused(
                py,
                "this point was made in another process, and its thread is not in this one: make the \
                 point after the fork",
            ));
        }
        let (line, ended, started) = ends();
        let job: Job = Box::new(move |point| {
            let _ = ended.send(work(point, &line));
        });
        self.jobs.send(job).map_err(|_| WorkFailure::Panic.into_exception(py))?;
        started.wait(py, progress)
    }

    /// What `compute` writes into so many numbers at the point.
    fn numbers(
        &self,
        py: Python<'_>,
        count: usize,
        compute: impl FnOnce(&mut dyn TrainedPoint, &mut [f64]) -> Result<(), ProductFailure>
        + Send
        + 'static,
    ) -> PyResult<Vec<f64>> {
        self.with(py, None, move |point, _| {
            let mut out = vec![0.0; count];
            compute(point, &mut out)?;
            Ok(out)
        })
    }

    /// Writes a vector of PyTorch's order in the point's.
    fn in_own_order(&self, x: &[f64]) -> Vec<f64> {
        match &self.order {
            None => x.to_vec(),
            Some(order) => {
                let mut own = vec![0.0; x.len()];
                order.iter().zip(x).for_each(|(place, value)| own[*place] = *value);
                own
            }
        }
    }

    /// The inverse of [`NativePoint::in_own_order`], as a numpy array.
    fn in_torch_order<'py>(&self, py: Python<'py>, own: Vec<f64>) -> Bound<'py, PyArray1<f64>> {
        match &self.order {
            None => PyArray1::from_vec(py, own),
            Some(order) => PyArray1::from_iter(py, order.iter().map(|place| own[*place])),
        }
    }

    fn vector(
        &self,
        what: &str,
        x: &PyReadonlyArray1<'_, f64>,
        expected: usize,
    ) -> PyResult<Vec<f64>> {
        if x.len() == expected {
            Ok(x.as_array().to_vec())
        } else {
            let found = x.len();
            let sentence = format!("{what} has {found} numbers: give {expected}");
            Err(refused(x.py(), sentence))
        }
    }
}

#[pymethods]
impl NativePoint {
    #[getter]
    fn parameters(&self) -> usize {
        self.shape.parameters
    }

    #[getter]
    fn units(&self) -> usize {
        self.shape.units
    }

    #[getter]
    fn outputs(&self) -> usize {
        self.shape.outputs
    }

    #[getter]
    fn precision(&self) -> String {
        crate::records::word(&self.precision)
    }

    #[getter]
    fn coupled(&self) -> bool {
        false
    }

    #[getter]
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// (loss, gradient norm, accuracy).
    fn facts(&self, py: Python<'_>) -> PyResult<(f64, f64, Option<f64>)> {
        let facts = self.with(py, None, |point, _| Ok(point.facts()?))?;
        Ok((facts.loss, facts.gradient_norm, facts.accuracy))
    }

    /// (multiply–adds, bytes).
    fn cost(&self, py: Python<'_>, matrix: &str) -> PyResult<(f64, usize)> {
        let matrix = matrix_of(py, matrix)?;
        let cost = self.with(py, None, move |point, _| Ok(point.cost(matrix)))?;
        Ok((cost.operations, cost.bytes))
    }

    fn product<'py>(
        &self,
        py: Python<'py>,
        matrix: &str,
        x: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (count, matrix) = (self.shape.parameters, matrix_of(py, matrix)?);
        let x = self.in_own_order(&self.vector("x", &x, count)?);
        let y = self.numbers(py, count, move |point, y| point.product(matrix, &x, y))?;
        Ok(self.in_torch_order(py, y))
    }

    fn gradient<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let count = self.shape.parameters;
        let g = self.numbers(py, count, move |point, g| point.gradient(g))?;
        Ok(self.in_torch_order(py, g))
    }

    fn unit_losses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let count = self.shape.units;
        let losses = self.numbers(py, count, move |point, l| point.unit_losses(l))?;
        Ok(PyArray1::from_vec(py, losses))
    }

    fn factor_product<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let x = self.in_own_order(&self.vector("x", &x, self.shape.parameters)?);
        let count = self.shape.rows();
        let u = self.numbers(py, count, move |point, u| point.factor_product(&x, u))?;
        Ok(PyArray1::from_vec(py, u))
    }

    fn factor_transposed<'py>(
        &self,
        py: Python<'py>,
        u: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let u = self.vector("u", &u, self.shape.rows())?;
        let count = self.shape.parameters;
        let y = self.numbers(py, count, move |point, y| point.factor_transposed(&u, y))?;
        Ok(self.in_torch_order(py, y))
    }

    fn gram<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let rows = self.shape.rows();
        let gram = self.numbers(py, rows * rows, move |point, g| point.gram(g))?;
        PyArray1::from_vec(py, gram).reshape([rows, rows])
    }

    fn blocks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let PointShape { units, outputs, .. } = self.shape;
        let count = units * outputs * outputs;
        let blocks = self.numbers(py, count, move |point, b| point.blocks(b))?;
        PyArray1::from_vec(py, blocks).reshape([units, outputs, outputs])
    }

    /// The point of these units alone.
    fn at_units(&self, py: Python<'_>, units: Vec<usize>) -> PyResult<Self> {
        let count = self.shape.units;
        if units.is_empty() {
            return Err(refused(py, "units is empty: give at least one unit"));
        }
        if let Some(unit) = units.iter().find(|unit| **unit >= count) {
            let sentence =
                format!("there is no unit {unit}: the point has units 0 to {}", count - 1);
            return Err(refused(py, sentence));
        }
        Self::new(py, self.recipe.at_units(&units))
    }

    /// A point of the quadratic problem ℓ_i(x) = ½ xᵀH_ix, H_i one after the other.
    #[staticmethod]
    fn dense(
        py: Python<'_>,
        hessians: PyReadonlyArray1<'_, f64>,
        at: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let (hessians, at) = (hessians.as_array(), at.as_array());
        let recipe = DenseRecipe {
            hessians: hessians.iter().copied().collect(),
            at: at.iter().copied().collect(),
        };
        Self::new(py, Recipe::Dense(recipe))
    }
}

fn matrix_of(py: Python<'_>, name: &str) -> PyResult<Matrix> {
    of_name(name).ok_or_else(|| {
        let known: Vec<&str> = MATRICES.iter().map(|(_, name)| *name).collect();
        refused(py, format!("{name:?} is no matrix: give one of {}", known.join(", ")))
    })
}

impl<T: Scalar> NetworkRecipe<T> {
    /// Sizes, precision, weight decay, and where each number of PyTorch's order lies.
    #[allow(clippy::type_complexity)]
    fn description(
        &self,
        precision: Precision,
    ) -> (PointShape, Precision, f64, Option<Arc<[usize]>>) {
        let network = &self.network;
        let (parameters, outputs) = (network.parameters(), network.outputs());
        let shape = PointShape { parameters, units: self.examples.len(), outputs };
        let is_same = network.tensors().iter().all(|at| at.order == TensorOrder::Torch);
        let order = (!is_same).then(|| {
            // Whole numbers up to 2⁵³ are exact.
            let places: Vec<f64> = (0..parameters).map(|place| place as f64).collect();
            network.to_torch_order(&places).into_iter().map(|place| place as usize).collect()
        });
        (shape, precision, self.weight_decay, order)
    }
}
