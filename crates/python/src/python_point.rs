//! A trained point whose products are Python code: the protocol `minimascope.TrainedPoint`.

use std::sync::Arc;

use minimascope_curvature::{
    Coupling, Matrix, PointFacts, PointShape, ProductCost, ProductFailure, TrainedPoint,
    blocks_from_products, gram_from_products,
};
use minimascope_record::config::Precision;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;

use crate::error::refused;
use crate::matrix::{MATRICES, name_of};
use crate::work::Line;

/// What a point says of itself once, before any product.
#[derive(Clone)]
pub(crate) struct PointDescription {
    pub(crate) shape: PointShape,
    precision: Precision,
    coupling: Coupling,
    weight_decay: f64,
    costs: [ProductCost; MATRICES.len()],
    has_gram: bool,
    has_blocks: bool,
}

impl PointDescription {
    /// Reads the attributes of the protocol.
    ///
    /// # Errors
    /// What reading them raises, and one sentence for a value that has no meaning.
    pub(crate) fn of(point: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = point.py();
        let class = point.get_type().name()?;
        let size = |name: &str| -> PyResult<usize> {
            let value = point.getattr(name)?;
            match value.extract::<usize>() {
                Ok(size) if size > 0 => Ok(size),
                _ => Err(refused(
                    py,
                    format!("{class}.{name} is {}: give a whole number from 1", value.repr()?),
                )),
            }
        };
        let shape = PointShape {
            parameters: size("parameters")?,
            units: size("units")?,
            outputs: size("outputs")?,
        };
        let precision = point.getattr(intern!(py, "precision"))?;
        let precision = match precision.extract::<String>().as_deref() {
            Ok("f32") => Precision::F32,
            Ok("f64") => Precision::F64,
            _ => {
                let found = precision.repr()?;
                let sentence = format!("{class}.precision is {found}: give \"f32\" or \"f64\"");
                return Err(refused(py, sentence));
            }
        };
        let coupling = match point.getattr(intern!(py, "coupled"))?.extract()? {
            true => Coupling::WholeBatch,
            false => Coupling::None,
        };
        let mut costs = [ProductCost { operations: 0.0, bytes: 0 }; MATRICES.len()];
        for (cost, (_, name)) in costs.iter_mut().zip(MATRICES) {
            let (operations, bytes) =
                point.call_method1(intern!(py, "cost"), (name,))?.extract()?;
            *cost = ProductCost { operations, bytes };
        }
        Ok(Self {
            shape,
            precision,
            coupling,
            weight_decay: point.getattr(intern!(py, "weight_decay"))?.extract()?,
            costs,
            has_gram: point.hasattr(intern!(py, "gram"))?,
            has_blocks: point.hasattr(intern!(py, "blocks"))?,
        })
    }

    /// The same point without Hessians of single units: those of an operator that only H is known of.
    pub(crate) fn of_the_mean_alone(self) -> Self {
        Self { coupling: Coupling::WholeBatch, ..self }
    }
}

/// A Python object as a trained point. Its methods run on the calling thread.
pub(crate) struct PythonPoint {
    object: Arc<Py<PyAny>>,
    description: PointDescription,
    line: Line,
}

impl PythonPoint {
    pub(crate) fn new(object: Py<PyAny>, description: PointDescription, line: Line) -> Self {
        Self { object: Arc::new(object), description, line }
    }

    /// Calls a method and takes something from what it returns.
    fn call<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R> + Send + 'static,
    ) -> Result<R, ProductFailure> {
        let object = Arc::clone(&self.object);
        self.line.call(move |py| work(object.bind(py)))
    }

    /// Calls a method that returns so many numbers, in any shape.
    fn numbers(
        &self,
        method: &'static str,
        arguments: impl FnOnce(Python<'_>) -> PyResult<Vec<Py<PyAny>>> + Send + 'static,
        out: &mut [f64],
    ) -> Result<(), ProductFailure> {
        let expected = out.len();
        let numbers = self.call(move |object| {
            let py = object.py();
            let arguments = pyo3::types::PyTuple::new(py, arguments(py)?)?;
            let returned = object.call_method1(method, arguments)?;
            as_numbers(object, method, &returned, expected)
        })?;
        out.copy_from_slice(&numbers);
        Ok(())
    }

    fn vector(
        &self,
        method: &'static str,
        x: &[f64],
        out: &mut [f64],
    ) -> Result<(), ProductFailure> {
        let x = x.to_vec();
        self.numbers(method, move |py| Ok(vec![array(py, x)]), out)
    }
}

/// A vector as a numpy array.
fn array(py: Python<'_>, numbers: Vec<f64>) -> Py<PyAny> {
    PyArray1::from_vec(py, numbers).into_any().unbind()
}

/// The numbers of an array, or of what `numpy.asarray` makes one of.
fn as_numbers(
    object: &Bound<'_, PyAny>,
    method: &str,
    returned: &Bound<'_, PyAny>,
    expected: usize,
) -> PyResult<Vec<f64>> {
    let py = object.py();
    let said = |found: String| -> PyErr {
        let class = object.get_type().name().map_or(String::new(), |name| name.to_string());
        refused(
            py,
            format!(
                "{class}.{method} returned {found}: return a numpy array of {expected} numbers"
            ),
        )
    };
    let array = match returned.extract::<PyReadonlyArrayDyn<'_, f64>>() {
        Ok(array) => array,
        Err(_) => {
            let converted = py
                .import(intern!(py, "numpy"))?
                .call_method1(intern!(py, "asarray"), (returned, "float64"));
            match converted {
                Ok(converted) => converted.extract::<PyReadonlyArrayDyn<'_, f64>>()?,
                Err(_) => return Err(said(format!("a {}", returned.get_type().name()?))),
            }
        }
    };
    if array.len() != expected {
        return Err(said(format!("{} numbers", array.len())));
    }
    array.to_vec().or_else(|_| Ok(array.as_array().iter().copied().collect()))
}

impl TrainedPoint for PythonPoint {
    fn shape(&self) -> PointShape {
        self.description.shape
    }

    fn precision(&self) -> Precision {
        self.description.precision
    }

    fn coupling(&self) -> Coupling {
        self.description.coupling
    }

    fn weight_decay(&self) -> f64 {
        self.description.weight_decay
    }

    fn facts(&mut self) -> Result<PointFacts, ProductFailure> {
        self.call(|object| {
            let facts = object.call_method0(intern!(object.py(), "facts"))?;
            let (loss, gradient_norm, accuracy) = facts.extract()?;
            Ok(PointFacts { loss, gradient_norm, accuracy })
        })
    }

    fn cost(&self, matrix: Matrix) -> ProductCost {
        let of = MATRICES.iter().zip(&self.description.costs);
        let mut of = of.filter(|((known, _), _)| *known == matrix);
        of.next().map_or(ProductCost { operations: 0.0, bytes: 0 }, |(_, cost)| *cost)
    }

    fn product(&mut self, matrix: Matrix, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let x = x.to_vec();
        let arguments = move |py: Python<'_>| {
            let name = name_of(matrix).into_pyobject(py)?.into_any().unbind();
            Ok(vec![name, array(py, x)])
        };
        self.numbers("product", arguments, y)
    }

    fn gradient(&mut self, g: &mut [f64]) -> Result<(), ProductFailure> {
        self.numbers("gradient", |_| Ok(Vec::new()), g)
    }

    fn unit_losses(&mut self, losses: &mut [f64]) -> Result<(), ProductFailure> {
        self.numbers("unit_losses", |_| Ok(Vec::new()), losses)
    }

    fn factor_product(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), ProductFailure> {
        self.vector("factor_product", x, u)
    }

    fn factor_transposed(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.vector("factor_transposed", u, y)
    }

    fn at_units(
        &mut self,
        units: &[usize],
        work: &mut dyn FnMut(&mut dyn TrainedPoint) -> Result<(), ProductFailure>,
    ) -> Result<(), ProductFailure> {
        let units = units.to_vec();
        let (object, description) = self.call(move |object| {
            let part = object.call_method1(intern!(object.py(), "at_units"), (units,))?;
            let description = PointDescription::of(&part)?;
            Ok((part.unbind(), description))
        })?;
        work(&mut Self::new(object, description, self.line.clone()))
    }

    fn gram(&mut self, gram: &mut [f64]) -> Result<(), ProductFailure> {
        if self.description.has_gram {
            return self.numbers("gram", |_| Ok(Vec::new()), gram);
        }
        gram_from_products(self, gram)
    }

    fn blocks(&mut self, blocks: &mut [f64]) -> Result<(), ProductFailure> {
        if self.description.has_blocks {
            return self.numbers("blocks", |_| Ok(Vec::new()), blocks);
        }
        blocks_from_products(self, blocks)
    }
}
