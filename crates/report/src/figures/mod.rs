//! The figures of the study, one module each: plain data in the field's words to a
//! [`Figure`](crate::Figure).

pub mod agreement;
pub mod blame;
pub mod boundary;
pub mod comparison;
pub mod contact_sheet;
pub mod criterion;
pub mod diagram;
pub mod escape;
pub mod spectral_density;
pub mod toy;
pub mod training_curves;
pub mod trends;

use crate::chart::ticks::{decimal, significant};

/// A share as percent with one decimal.
fn percentage(share: f64) -> String {
    decimal(100.0 * share, 1)
}

/// A measured number in running text: four significant figures.
pub(crate) fn reading(value: f64) -> String {
    significant(value, 4)
}

/// A value with its scatter in two significant figures.
pub(crate) fn plus_minus(mean: f64, deviation: f64) -> String {
    if deviation == 0.0 {
        // Printed so by others: less than the last digit.
        return format!("{} ± 0.0", reading(mean));
    }
    format!("{} ± {}", reading(mean), significant(deviation, 2))
}

#[cfg(test)]
pub(crate) mod tests;
