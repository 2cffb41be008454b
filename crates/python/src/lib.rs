//! The native half of the Python package `minimascope`: arguments, threads and exceptions. No mathematics.
//!
//! | what | file |
//! |---|---|
//! | a point whose products are Python code | `python_point.rs` |
//! | a network, or dense H_i, as a point for Python | `native_point.rs`, `network.rs` |
//! | questions to either | `question.rs` |
//! | thresholds from the caller's own matrices | `factors.rs` |
//! | runs of the engine | `runs.rs` |
//! | threads, progress and Ctrl-C | `work.rs` |
//!
//! Functions take and return records as JSON; `python/minimascope` gives them types.

// PyO3 hands arguments over by value.
#![allow(clippy::needless_pass_by_value)]

mod error;
mod factors;
mod figures;
mod matrix;
mod native_point;
mod network;
mod python_point;
mod question;
mod records;
mod runs;
mod work;

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line; the first argument is the path of the program. Returns its exit code.
#[pyfunction]
fn program(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| minimascope::program(arguments))
}

/// The names of the criteria, in the order of tables, each with its title and source.
#[pyfunction]
fn criteria() -> Vec<(String, String, String)> {
    let criteria = minimascope::CRITERIA.iter();
    criteria
        .map(|criterion| {
            (criterion.name.to_string(), criterion.title.to_owned(), criterion.source.to_owned())
        })
        .collect()
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<native_point::NativePoint>()?;
    module.add_class::<question::PointMinimum>()?;
    module.add_class::<factors::NativeFactors>()?;
    module.add_class::<runs::NativeRun>()?;
    module.add_function(wrap_pyfunction!(program, module)?)?;
    module.add_function(wrap_pyfunction!(criteria, module)?)?;
    module.add_function(wrap_pyfunction!(question::measure_point, module)?)?;
    module.add_function(wrap_pyfunction!(question::check_question, module)?)?;
    module.add_function(wrap_pyfunction!(network::check_architecture, module)?)?;
    module.add_function(wrap_pyfunction!(network::preset_architecture, module)?)?;
    module.add_function(wrap_pyfunction!(network::network_point, module)?)?;
    module.add_function(wrap_pyfunction!(runs::run_plan, module)?)?;
    module.add_function(wrap_pyfunction!(figures::boundary_figure, module)?)?;
    module.add_function(wrap_pyfunction!(figures::attribution_figure, module)?)?;
    module.add_function(wrap_pyfunction!(figures::density_figure, module)?)?;
    Ok(())
}
