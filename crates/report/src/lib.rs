//! Plain views of stored results to SVG figures, and HTML pages of them.
//!
//! Each module of [`figures`] holds a struct of what is drawn, in the field's words, and turns it into
//! a [`Figure`](minimascope_plot::Figure) of the crate `plot`. Nothing there computes a result: a limit,
//! a fit or a verdict arrives with the data. [`page`] shows the records of a folder of runs, or of one
//! run. This crate computes only what it says of many runs at once: a mean with its deviation, and a
//! fitted power.
//!
//! The same records give the same bytes.

// The sample figures name this crate as its users do, in the gallery and in the tests.
#[cfg(test)]
extern crate self as minimascope_report;

pub mod figures;
pub mod networks;
pub mod page;
pub mod statistics;
pub mod views;
