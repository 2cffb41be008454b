//! From errors to exceptions.

use std::fmt;

use minimascope_curvature::ProductFailure;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

/// Why work ended without a result.
#[derive(Debug)]
pub(crate) enum WorkFailure {
    /// The caller's input was refused: one sentence.
    Input(String),
    /// Anything else that failed: one sentence.
    Other(String),
    /// A point could not compute something. An exception of Python stays what it is.
    Point(ProductFailure),
    /// The interrupt flag was set.
    Interrupted,
    /// A thread panicked.
    Panic,
}

/// Nobody listens any more.
#[derive(Debug)]
pub(crate) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

impl WorkFailure {
    pub(crate) fn input(sentence: impl fmt::Display) -> Self {
        Self::Input(sentence.to_string())
    }

    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Input(sentence) => exception(py, "InputError", sentence),
            Self::Other(sentence) => exception(py, "Error", sentence),
            Self::Interrupted => PyKeyboardInterrupt::new_err(()),
            Self::Panic => exception(
                py,
                "Error",
                "a working thread ended by a fault of minimascope; its message is above".to_owned(),
            ),
            Self::Point(failure) => match failure.get().downcast_ref::<PyErr>() {
                Some(raised) => raised.clone_ref(py),
                None if failure.get().is::<Stopped>() => PyKeyboardInterrupt::new_err(()),
                None => exception(py, "Error", failure.to_string()),
            },
        }
    }
}

/// An exception of the package, `minimascope._errors`.
fn exception(py: Python<'_>, class: &str, sentence: String) -> PyErr {
    let made = || py.import("minimascope._errors")?.getattr(class)?.call1((sentence,));
    made().map_or_else(|error| error, PyErr::from_value)
}

/// As `WorkFailure::input(…)`, raised.
pub(crate) fn refused(py: Python<'_>, sentence: impl fmt::Display) -> PyErr {
    WorkFailure::input(sentence).into_exception(py)
}

impl From<ProductFailure> for WorkFailure {
    fn from(failure: ProductFailure) -> Self {
        Self::Point(failure)
    }
}

impl From<minimascope_minimum::Error> for WorkFailure {
    fn from(error: minimascope_minimum::Error) -> Self {
        use minimascope_minimum::Error as Minimum;
        match error {
            Minimum::Interrupted => Self::Interrupted,
            Minimum::Point(failure) => Self::Point(failure),
            other => Self::input(other),
        }
    }
}

impl From<minimascope_stability::Error> for WorkFailure {
    fn from(error: minimascope_stability::Error) -> Self {
        Self::input(error)
    }
}

impl From<minimascope_net::Error> for WorkFailure {
    fn from(error: minimascope_net::Error) -> Self {
        match error {
            minimascope_net::Error::Memory { .. } => {
                Self::Input(format!("{error}; give a larger memory="))
            }
            error => Self::input(error),
        }
    }
}

impl From<minimascope_experiment::Error> for WorkFailure {
    fn from(error: minimascope_experiment::Error) -> Self {
        use minimascope_experiment::Error as Experiment;
        match error {
            Experiment::Interrupted => Self::Interrupted,
            Experiment::Minimum(error) => error.into(),
            Experiment::Net(error) => error.into(),
            // What to do is said in the words of Python, not of the command line.
            Experiment::Unfinished(_) => Self::Input(format!(
                "{error}; resume=True continues it, force=True starts it again"
            )),
            Experiment::Busy(_) => {
                Self::Other(format!("{error}; wait for it, or give another out="))
            }
            error => {
                let sentence = match error.hint() {
                    Some(hint) => format!("{error}; {hint}"),
                    None => error.to_string(),
                };
                if error.is_bad_input() { Self::Input(sentence) } else { Self::Other(sentence) }
            }
        }
    }
}
