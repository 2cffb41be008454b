//! Records and closed choices as text.

use pyo3::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::refused;

/// A record as JSON.
pub(crate) fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("a record is JSON")
}

/// A closed choice by its word in records.
pub(crate) fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(word)) => word,
        _ => unreachable!("a closed choice without fields is a word"),
    }
}

/// The choice of a word.
///
/// # Errors
/// One sentence with the words that are known.
pub(crate) fn choice<T: DeserializeOwned>(py: Python<'_>, key: &str, word: &str) -> PyResult<T> {
    serde_json::from_value(Value::String(word.to_owned()))
        .map_err(|error| refused(py, format!("{key} = {word:?}: {error}")))
}

/// A value from JSON.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub(crate) fn parsed<T: DeserializeOwned>(py: Python<'_>, what: &str, text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| refused(py, format!("{what}: {error}")))
}
