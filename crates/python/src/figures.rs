//! Figures of records as SVG.

use minimascope_plot::{Figure, Theme};
use minimascope_record::point::PointSummary;
use minimascope_record::stability::{BoundaryRow, StabilityReport};
use minimascope_report::views;
use pyo3::prelude::*;

use crate::error::{WorkFailure, refused};
use crate::records;

fn theme_of(py: Python<'_>, theme: &str) -> PyResult<Theme> {
    match theme {
        "auto" => Ok(Theme::Auto),
        "light" => Ok(Theme::Light),
        "dark" => Ok(Theme::Dark),
        _ => Err(refused(py, format!("theme = {theme:?}: give \"auto\", \"light\" or \"dark\""))),
    }
}

fn drawn(py: Python<'_>, figure: Option<Figure>, theme: &str) -> PyResult<Option<String>> {
    let theme = theme_of(py, theme)?;
    let drawn = figure.map(|figure| figure.to_svg(theme)).transpose();
    drawn.map_err(|error| WorkFailure::Other(error.reason()).into_exception(py))
}

/// The thresholds of a `StabilityReport` against the batch size, or at the one batch size that was asked
/// about.
#[pyfunction]
pub(crate) fn boundary_figure(
    py: Python<'_>,
    report: &str,
    theme: &str,
) -> PyResult<Option<String>> {
    let mut report: StabilityReport = records::parsed(py, "report", report)?;
    if let (true, Some(batch_size)) = (report.boundary.is_empty(), report.batch_size) {
        let thresholds = report.thresholds.clone();
        report.boundary = vec![BoundaryRow { batch_size, thresholds, verdict: report.verdict }];
    }
    drawn(py, views::boundary(&report).map(|view| view.figure()), theme)
}

/// The examples that make SGD leave, by their share in the critical learning rate of a `StabilityReport`;
/// `None` if it has no attribution.
#[pyfunction]
pub(crate) fn attribution_figure(
    py: Python<'_>,
    report: &str,
    theme: &str,
) -> PyResult<Option<String>> {
    let report: StabilityReport = records::parsed(py, "report", report)?;
    let figures = views::attribution(&report, |example| (format!("example {example}"), None));
    drawn(py, figures.first().map(|view| view.figure()), theme)
}

/// The spectral density of a `PointSummary`; `None` if it has none.
#[pyfunction]
pub(crate) fn density_figure(
    py: Python<'_>,
    summary: &str,
    theme: &str,
) -> PyResult<Option<String>> {
    let summary: PointSummary = records::parsed(py, "summary", summary)?;
    drawn(py, views::spectral_density(&summary).map(|view| view.figure()), theme)
}
