//! Square-root factors of the caller's own matrices, and thresholds from them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use minimascope_minimum::{check, effort};
use minimascope_record::stability::StabilityQuestion;
use minimascope_record::training::Sampling;
use minimascope_stability::criterion::{Curvatures, SearchProgress};
use minimascope_stability::thresholds::thresholds;
use minimascope_stability::{Batching, ExampleFactors};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::error::WorkFailure;
use crate::records;
use crate::work::on_own_thread;

/// The square-root factors A_i of H_i = A_iᵀA_i, n of them with K rows each.
#[pyclass(frozen, module = "minimascope._native")]
pub(crate) struct NativeFactors {
    factors: Arc<ExampleFactors>,
}

impl NativeFactors {
    fn made(
        py: Python<'_>,
        numbers: &PyReadonlyArray1<'_, f64>,
        make: impl FnOnce(&[f64]) -> Result<ExampleFactors, minimascope_stability::Error>
        + Send
        + 'static,
    ) -> PyResult<Self> {
        let numbers: Vec<f64> = numbers.as_array().to_vec();
        let factors = on_own_thread(py, None, move |_| Ok(make(&numbers)?))?;
        Ok(Self { factors: Arc::new(factors) })
    }
}

#[pymethods]
impl NativeFactors {
    /// From n matrices H_i ⪰ 0, one after the other.
    #[staticmethod]
    fn of_hessians(
        py: Python<'_>,
        units: usize,
        parameters: usize,
        hessians: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let make = move |h: &[f64]| ExampleFactors::from_hessians(units, parameters, h);
        Self::made(py, &hessians, make)
    }

    /// From AAᵀ, nK × nK.
    #[staticmethod]
    fn of_gram(
        py: Python<'_>,
        units: usize,
        outputs: usize,
        gram: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let make = move |gram: &[f64]| ExampleFactors::from_gram(units, outputs, gram);
        Self::made(py, &gram, make)
    }

    /// From A, nK × P.
    #[staticmethod]
    fn of_rows(
        py: Python<'_>,
        sizes: (usize, usize, usize),
        rows: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let (units, outputs, parameters) = sizes;
        let make = move |rows: &[f64]| ExampleFactors::from_rows(units, outputs, parameters, rows);
        Self::made(py, &rows, make)
    }

    /// n.
    #[getter]
    fn units(&self) -> usize {
        self.factors.examples()
    }

    /// K.
    #[getter]
    fn outputs(&self) -> usize {
        self.factors.outputs()
    }

    /// The number of directions.
    #[getter]
    fn rank(&self) -> usize {
        self.factors.rank()
    }

    /// λ_max of mean H_i.
    #[getter]
    fn sharpness(&self) -> f64 {
        self.factors.sharpness()
    }

    /// tr of mean H_i.
    #[getter]
    fn trace(&self) -> f64 {
        self.factors.trace()
    }

    /// The nonzero eigenvalues of mean H_i, falling.
    #[getter]
    fn curvatures<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.factors.curvatures())
    }

    /// √λ_max(Σ).
    fn non_uniformity(&self, py: Python<'_>) -> PyResult<f64> {
        let factors = Arc::clone(&self.factors);
        on_own_thread(py, None, move |_| Ok(Curvatures::of(&factors)?.non_uniformity))
    }

    /// The thresholds at the batch size of a `StabilityQuestion`, given as JSON: a list as JSON.
    #[pyo3(signature = (question, *, memory, progress=None))]
    fn thresholds(
        &self,
        py: Python<'_>,
        question: &str,
        memory: usize,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let question: StabilityQuestion = records::parsed(py, "question", question)?;
        let factors = Arc::clone(&self.factors);
        on_own_thread(py, progress, move |line| {
            check(&question, factors.examples())?;
            let size = question.batch_size.unwrap_or(1);
            let sampling = question.sampling.unwrap_or(Sampling::IndependentBatches).independent();
            let batching = Batching::new(factors.examples(), size, sampling)?;
            let effort = effort(&question, memory)?;
            let curvatures = Curvatures::of(&factors)?;
            let mut reporter = line.reporter();
            let mut show = |now: &SearchProgress| {
                reporter.searching(now);
                match line.interrupt().load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let found = thresholds(&factors, &curvatures, &batching, &effort, &mut show)?;
            Ok(records::json(&found.ok_or(WorkFailure::Interrupted)?))
        })
    }
}
