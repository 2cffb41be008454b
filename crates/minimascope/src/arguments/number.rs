//! A number as typed.

use minimascope_experiment::config::number;

/// For the options that take a number.
pub(crate) fn parse_number(text: &str) -> Result<f64, String> {
    number::number(text).map_err(|fault| fault.to_string())
}
