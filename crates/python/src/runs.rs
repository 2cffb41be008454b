//! Runs of the engine: made, found on disk, and asked.

use std::path::PathBuf;
use std::sync::Arc;

use minimascope_experiment::config::sources::Sources;
use minimascope_experiment::folder::{OUTCOME, RunFolder, finished};
use minimascope_experiment::machine::Machine;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::run::{self, Existing, Options};
use minimascope_experiment::stability::at_minimum;
use minimascope_experiment::target::Target;
use minimascope_minimum::{SpectrumQuestion, check};
use minimascope_net::{Examples, Execution, Scalar};
use minimascope_record::config::Precision;
use minimascope_record::stability::StabilityQuestion;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::error::WorkFailure;
use crate::native_point::{NativePoint, NetworkRecipe, Recipe};
use crate::network::{Tensors, tensors_of};
use crate::records;
use crate::work::on_own_thread;

/// Trains and measures: the folder of the run. `assignments` are texts `key=value`; `existing` is
/// `report`, `resume` or `restart`.
#[pyfunction]
#[pyo3(signature = (configuration, *, assignments, out, existing, threads, memory, progress=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn run_plan(
    py: Python<'_>,
    configuration: String,
    assignments: Vec<String>,
    out: PathBuf,
    existing: &str,
    threads: usize,
    memory: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PathBuf> {
    let existing = match existing {
        "resume" => Existing::Resume,
        "restart" => Existing::Restart,
        _ => Existing::Report,
    };
    on_own_thread(py, progress, move |line| {
        let mut sources = Sources::open(&configuration)?;
        for text in assignments {
            sources.assign(text.parse()?);
        }
        let plan = Plan::check(&sources.complete()?)?;
        let machine = Machine { threads, memory_bytes: memory };
        let options = Options { out, existing, machine };
        let mut reporter = line.reporter();
        plan.notes().iter().for_each(|note| reporter.note(note));
        run::run(&plan, &options, &mut reporter, line.interrupt())?;
        Ok(options.out.join(plan.id().as_str()))
    })
}

/// A run's folder, or a file of parameters with its configuration.
#[pyclass(frozen, module = "minimascope._native")]
pub(crate) struct NativeRun {
    target: Arc<Target>,
}

#[pymethods]
impl NativeRun {
    /// By folder, by id below `out`, or by file.
    #[new]
    #[pyo3(signature = (name, *, out, configuration=None))]
    fn new(
        py: Python<'_>,
        name: String,
        out: PathBuf,
        configuration: Option<String>,
    ) -> PyResult<Self> {
        on_own_thread(py, None, move |_| {
            let target = Target::find(&name, &out, configuration.as_deref())?;
            Ok(Self { target: Arc::new(target) })
        })
    }

    /// Where the parameters lie.
    #[getter]
    fn folder(&self) -> PathBuf {
        self.target.folder().to_owned()
    }

    /// The run's id.
    #[getter]
    fn id(&self) -> String {
        self.target.plan().id().to_string()
    }

    /// n.
    #[getter]
    fn units(&self) -> usize {
        self.target.plan().train().len()
    }

    /// The whole configuration as TOML.
    #[getter]
    fn configuration(&self) -> String {
        self.target.plan().to_toml()
    }

    /// The architecture as JSON.
    #[getter]
    fn architecture(&self) -> String {
        records::json(self.target.plan().network().architecture())
    }

    /// What to know of the data.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.target.plan().notes().to_vec()
    }

    /// `outcome.json`; `None` for a run that is not finished.
    #[getter]
    fn outcome(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let folder = RunFolder::at(self.target.folder().to_owned());
        if !folder.has(OUTCOME) {
            return Ok(None);
        }
        let summary =
            finished(&folder).map_err(|error| WorkFailure::from(error).into_exception(py))?;
        Ok(Some(records::json(&summary)))
    }

    /// Names and shapes of the parameters, and their numbers in PyTorch's order.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<(Tensors, Bound<'py, PyArray1<f64>>)> {
        let target = Arc::clone(&self.target);
        let tensors = tensors_of(target.plan().network());
        let numbers = on_own_thread(py, None, move |_| {
            let (numbers, _) = target.read::<f64>()?;
            Ok(target.plan().network().to_torch_order(&numbers))
        })?;
        Ok((tensors, PyArray1::from_vec(py, numbers)))
    }

    /// The parameters on the run's training set.
    fn point(&self, py: Python<'_>, threads: usize, memory: usize) -> PyResult<NativePoint> {
        let target = Arc::clone(&self.target);
        let recipe = on_own_thread(py, None, move |_| {
            Ok(match target.plan().config().precision {
                Precision::F32 => Recipe::Single(recipe(&target, threads, memory)?),
                Precision::F64 => Recipe::Double(recipe(&target, threads, memory)?),
            })
        })?;
        NativePoint::new(py, recipe)
    }

    /// Measures as the command `measure` does, and saves the answer in the folder: a `RunSummary` as
    /// JSON. `question` is (top, density, trace).
    #[pyo3(signature = (*, question, threads, memory, progress=None))]
    fn measure(
        &self,
        py: Python<'_>,
        question: (usize, bool, bool),
        threads: usize,
        memory: usize,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let target = Arc::clone(&self.target);
        let (top, density, trace) = question;
        on_own_thread(py, progress, move |line| {
            let question = SpectrumQuestion { top, density, trace };
            let machine = Machine { threads, memory_bytes: memory };
            let mut reporter = line.reporter();
            let found = target.measure(&question, &machine, &mut reporter, line.interrupt())?;
            Ok(records::json(&found))
        })
    }

    /// Answers as the command `stability` does, and saves the answer in the folder: a
    /// `StabilityReport` as JSON.
    #[pyo3(signature = (question, *, threads, memory, progress=None))]
    fn ask(
        &self,
        py: Python<'_>,
        question: &str,
        threads: usize,
        memory: usize,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let question: StabilityQuestion = records::parsed(py, "question", question)?;
        let target = Arc::clone(&self.target);
        on_own_thread(py, progress, move |line| {
            check(&question, target.plan().train().len())?;
            let machine = Machine { threads, memory_bytes: memory };
            let (mut reporter, flag) = (line.reporter(), line.interrupt());
            let answer =
                at_minimum(&target, &machine, &mut reporter, flag, |minimum, progress| {
                    minimum.ask(&question, progress, flag)
                })?;
            Ok(records::json(&answer))
        })
    }
}

/// The recipe of a stored run's point.
fn recipe<T: Scalar>(
    target: &Target,
    threads: usize,
    memory: usize,
) -> Result<NetworkRecipe<T>, WorkFailure> {
    let plan = target.plan();
    let (network, loss) = (plan.network().clone(), plan.config().loss);
    let data = plan.train();
    let examples = Examples::from_classes(&network, loss, data.images(), data.labels())?;
    Ok(NetworkRecipe {
        weight_decay: plan.config().train.weight_decay,
        parameters: target.read::<T>()?.0.into(),
        execution: Execution::new(threads, memory)?,
        network: Arc::new(network),
        examples: Arc::new(examples),
        loss,
    })
}
