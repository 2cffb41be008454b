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

/// A value with its error: the error in two significant figures, the value in four or, where the
/// error is in fewer of its digits, to the error's last. The value alone where the error is zero.
pub(crate) fn plus_minus(mean: f64, error: f64) -> String {
    if error == 0.0 {
        return reading(mean);
    }
    let places = |value: f64, digits: i32| digits - 1 - libm::floor(libm::log10(value)) as i32;
    let last = places(error, 2);
    let kept = if mean == 0.0 { last } else { last.min(places(mean.abs(), 4)) };
    // Beyond these a number is written with its power of ten, and has no fixed places.
    if [last, kept].iter().any(|places| !(-4..6).contains(places)) {
        return format!("{} ± {}", reading(mean), significant(error, 2));
    }
    format!("{} ± {}", rounded(mean, kept), rounded(error, last))
}

/// To so many places after the point, or before it.
fn rounded(value: f64, places: i32) -> String {
    if let Ok(places) = usize::try_from(places) {
        return decimal(value, places);
    }
    let unit = libm::pow(10.0, f64::from(-places));
    decimal((value / unit).round() * unit, 0)
}

#[cfg(test)]
mod reading_tests {
    use super::*;

    #[test]
    fn a_value_has_no_more_digits_than_its_error() {
        for (mean, deviation, text) in [
            (0.936_21, 0.1512, "0.94 ± 0.15"),
            (19.5, 0.104, "19.50 ± 0.10"),
            (0.8, 0.0042, "0.8000 ± 0.0042"),
            (12_345.0, 678.0, "12,350 ± 680"),
            // Four figures at most, however small the error is.
            (19.5704, 0.0012, "19.57 ± 0.0012"),
            (3.0, 4e-6, "3 ± 4.0e−6"),
            // One value, or equal ones.
            (24.4, 0.0, "24.4"),
        ] {
            assert_eq!(plus_minus(mean, deviation), text);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
