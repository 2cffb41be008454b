//! The figures of the study, one module each: plain data in the field's words to a
//! [`Figure`](crate::Figure).

pub mod agreement;
pub mod blame;
pub mod boundary;
pub mod criterion;
pub mod diagram;
pub mod escape;
pub mod spectral_density;
pub mod toy;
pub mod training_curves;

use crate::chart::ticks::{decimal, significant};

/// A share as percent with one decimal.
fn percentage(share: f64) -> String {
    decimal(100.0 * share, 1)
}

/// A measured number in running text: four significant figures.
fn reading(value: f64) -> String {
    significant(value, 4)
}

#[cfg(test)]
mod tests;
