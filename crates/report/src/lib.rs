//! Plain views of stored results to SVG figures, and HTML pages of them.
//!
//! A figure is a template over plain data: each module of [`figures`] holds a struct of what is
//! drawn, in the field's words, and turns it into a [`Figure`]: charts, panels, legends and
//! notes, still without a place on the page. [`Figure::to_svg`] checks every number, lays the
//! figure out and writes it. Nothing there computes a result: a limit, a fit or a verdict arrives
//! with the data. [`page`] shows the records of a whole study, or of one run; what it says of many
//! runs at once, a mean with its deviation or a fitted power, is all that this crate computes.
//!
//! The same data give the same bytes. Colours follow the reader's light or dark preference, every
//! series differs in shape or dash as well as in colour, and no text is cut or overlaps another in
//! any of the fonts that the figures name.
//!
//! ```
//! use minimascope_report::{Axis, Chart, Figure, Ink, Layer, Panel, Text, Theme};
//!
//! let chart = Chart::new(
//!     Axis::linear(Text::markup("iteration *t*")),
//!     Axis::log10(Text::markup("training loss (mean squared error)")),
//! )
//! .with(Layer::line(vec![[0.0, 0.1], [100.0, 1e-3], [200.0, 1e-5]], Ink::Series(0)));
//! let mut figure = Figure::new("loss", Text::plain("Training"), "The loss falls to 1e-5.");
//! figure.panels.push(Panel::chart(Text::default(), chart));
//! let svg = figure.to_svg(Theme::Auto)?;
//! assert!(svg.starts_with("<svg"));
//! # Ok::<(), minimascope_report::Error>(())
//! ```

// The sample figures name this crate as its users do, in the gallery and in the tests.
#[cfg(test)]
extern crate self as minimascope_report;

mod bars;
mod chart;
mod error;
mod figure;
pub mod figures;
mod minima;
pub mod page;
mod plot;
mod sheet;
mod statistics;
mod svg;
pub mod views;

pub use bars::{Bar, Bars};
pub use chart::layer::{Course, Dash, Fit, Layer, Mark, Sample};
pub use chart::scale::Scale;
pub use chart::{Axis, Chart};
pub use error::Error;
pub use figure::{Body, Figure, LegendPlace, Panel};
pub use sheet::{Sheet, Tile};
pub use svg::image::Image;
pub use svg::marker::Marker;
pub use svg::text::Text;
pub use svg::theme::{Ink, Theme};
