#![doc = include_str!("../README.md")]
//!
//! # Layout
//!
//! [`Figure::to_svg`] works in three steps. It checks every number and finds the extent of each axis
//! (`chart`, `bars`, `sheet`), measures the margins that the labels need and sets the panels in rows and
//! columns with aligned axes (`figure`), and writes the elements back to front (`svg`).
//! Nothing here computes a result: a limit, a fit or a verdict arrives with the data.

mod bars;
mod chart;
mod error;
mod figure;
pub mod number;
mod plot;
mod sheet;
mod svg;

pub use bars::{BarChart, LabelledBar};
pub use chart::scale::Scale;
pub use chart::series::{Dash, DataPoint, Fit, Mark, Series};
pub use chart::{Axis, Chart};
pub use error::Error;
pub use figure::{Body, Figure, LegendPlace, Panel};
pub use sheet::{Sheet, Tile};
pub use svg::font::Weight;
pub use svg::image::Image;
pub use svg::marker::Marker;
pub use svg::text::{Setting, Text, TextRun};
pub use svg::theme::{Ink, Theme};
pub use svg::writer::escaped;
