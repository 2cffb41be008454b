//! The kinds of figure, one module each: plain data in the field's words to a
//! [`Figure`](minimascope_plot::Figure).

pub mod agreement;
pub mod attribution;
pub mod boundary;
pub mod comparison;
pub mod contact_sheet;
pub mod criterion;
pub mod diagram;
pub mod escape;
pub mod spectral_density;
pub mod training_curves;
pub mod trends;

use minimascope_plot::number::decimal;

/// Whether a line may join so many marks. Between two it would suggest a trend that nobody measured.
fn may_join(marks: usize) -> bool {
    marks > 2
}

/// A share as percent with one decimal.
fn percentage(share: f64) -> String {
    decimal(100.0 * share, 1)
}

#[cfg(test)]
pub(crate) mod tests;
