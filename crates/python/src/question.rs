//! Questions to any point: `measure` and `stability`.

use std::sync::{Arc, Mutex};

use minimascope_curvature::TrainedPoint;
use minimascope_minimum::{
    Budget, KnownMinimum, Minimum, SpectrumQuestion, check, facts, measure_curvature, summary,
};
use minimascope_record::config::MeasureConfig;
use minimascope_record::point::{PointSummary, Unanswered};
use minimascope_record::stability::StabilityQuestion;
use pyo3::prelude::*;

use crate::error::WorkFailure;
use crate::native_point::NativePoint;
use crate::python_point::{PointDescription, PythonPoint};
use crate::records;
use crate::work::{Line, on_own_thread};

/// Tolerance and most products (`None` for a configuration's defaults), seed, bytes.
pub(crate) type BudgetNumbers = (Option<f64>, Option<usize>, u64, usize);

fn budget((tolerance, max_products, seed, memory): BudgetNumbers) -> Result<Budget, WorkFailure> {
    let default = MeasureConfig::default();
    let tolerance = tolerance.unwrap_or(default.tolerance);
    let max_products = max_products.unwrap_or(default.max_products);
    if !(tolerance > 0.0 && tolerance < 1.0) {
        return Err(WorkFailure::input(format!(
            "tolerance = {tolerance}: give a number between 0 and 1"
        )));
    }
    if max_products == 0 {
        return Err(WorkFailure::input("max_products = 0: give a number from 1"));
    }
    Ok(Budget::of(MeasureConfig { tolerance, max_products }, seed, memory))
}

/// Does `work` at a point of either kind.
fn at_point<R: Send + 'static>(
    point: &Bound<'_, PyAny>,
    progress: Option<&Bound<'_, PyAny>>,
    mean_alone: bool,
    work: impl FnOnce(&mut dyn TrainedPoint, &Line) -> Result<R, WorkFailure> + Send + 'static,
) -> PyResult<R> {
    let py = point.py();
    if let Ok(native) = point.cast::<NativePoint>() {
        return native.get().with(py, progress, work);
    }
    let description = PointDescription::of(point)?;
    let description = if mean_alone { description.of_the_mean_alone() } else { description };
    let object = point.clone().unbind();
    on_own_thread(py, progress, move |line| {
        work(&mut PythonPoint::new(object, description, line.clone()), line)
    })
}

/// What a point does not have, with what to do about it.
struct Lacks {
    facts: Option<String>,
    second_moment: Option<String>,
}

/// Measures a point: a `PointSummary` as JSON. `question` is (top, density, trace); `without_facts` and
/// `without_second_moment` say why a point given by operators alone has no loss or no mean H_i².
#[pyfunction]
#[pyo3(signature = (
    point, *, question, budget_numbers, without_facts=None, without_second_moment=None, progress=None
))]
pub(crate) fn measure_point(
    point: &Bound<'_, PyAny>,
    question: (usize, bool, bool),
    budget_numbers: BudgetNumbers,
    without_facts: Option<String>,
    without_second_moment: Option<String>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let (top, density, trace) = question;
    let question = SpectrumQuestion { top, density, trace };
    let lacks = Lacks { facts: without_facts, second_moment: without_second_moment };
    let mean_alone = lacks.second_moment.is_some();
    at_point(point, progress, mean_alone, move |point, line| {
        let budget = budget(budget_numbers)?;
        let facts = match lacks.facts {
            Some(_) => None,
            None => Some(facts(point)?),
        };
        let curvature =
            line.watched(|watch| measure_curvature(point, &question, &budget, watch))?;
        let mut found = summary(point, facts, curvature);
        lacks.say_in(&mut found);
        Ok(records::json(&found))
    })
}

impl Lacks {
    /// Adds the reasons to a record.
    fn say_in(self, found: &mut PointSummary) {
        let said = |quantity: &str, reason: &str| Unanswered {
            quantity: quantity.to_owned(),
            reason: reason.to_owned(),
        };
        if let Some(reason) = self.second_moment {
            found.unanswered.retain(|missing| missing.quantity != "non_uniformity");
            found.unanswered.push(said("non_uniformity", &reason));
        }
        if let Some(reason) = self.facts {
            (found.train_examples, found.outputs) = (None, None);
            found.unanswered.push(said("train_loss", &reason));
            found.unanswered.push(said("gradient_norm", &reason));
        }
    }
}

/// A trained point, measured once for every question about it.
#[pyclass(frozen, module = "minimascope._native")]
pub(crate) struct PointMinimum {
    point: Py<PyAny>,
    /// Held by the thread that answers; empty only after a fault.
    known: Arc<Mutex<Option<KnownMinimum>>>,
}

#[pymethods]
impl PointMinimum {
    /// Measures a point. `remarks` are sentences for the notes of every answer.
    #[new]
    #[pyo3(signature = (point, *, budget_numbers, remarks, progress=None))]
    fn new(
        point: &Bound<'_, PyAny>,
        budget_numbers: BudgetNumbers,
        remarks: Vec<String>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let known = at_point(point, progress, false, move |point, line| {
            let budget = budget(budget_numbers)?;
            let mut minimum = line.watched(|watch| Minimum::watched(point, &budget, watch))?;
            remarks.into_iter().for_each(|sentence| minimum.remark(sentence));
            Ok(minimum.known())
        })?;
        Ok(Self { point: point.clone().unbind(), known: Arc::new(Mutex::new(Some(known))) })
    }

    /// Answers a `StabilityQuestion`, given as JSON, with a `StabilityReport` as JSON.
    #[pyo3(signature = (question, *, progress=None))]
    fn ask(
        &self,
        py: Python<'_>,
        question: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let question: StabilityQuestion = records::parsed(py, "question", question)?;
        let known = Arc::clone(&self.known);
        at_point(self.point.bind(py), progress, false, move |point, line| {
            let mut known = known.lock().map_err(|_| WorkFailure::Panic)?;
            let mut minimum = known.take().ok_or(WorkFailure::Panic)?.at(point)?;
            let answer = line.watched(|watch| minimum.ask_watched(&question, watch));
            // Also after an error: nothing of what was known before is lost.
            *known = Some(minimum.known());
            Ok(records::json(&answer?))
        })
    }
}

/// Whether a question has a meaning for so many units, before anything is measured.
#[pyfunction]
pub(crate) fn check_question(py: Python<'_>, question: &str, units: usize) -> PyResult<()> {
    let question: StabilityQuestion = records::parsed(py, "question", question)?;
    check(&question, units).map_err(|error| WorkFailure::from(error).into_exception(py))
}
