//! The study of Wu, Ma and E, "How SGD Selects the Global Minima in Over-parameterized Learning: A
//! Dynamical Stability Perspective" (NeurIPS 2018), and its reproduction.
//!
//! - [`published`]: the published numbers, with their sources.
//! - [`reproduce`](mod@reproduce): trains the study's networks at its main settings and computes the
//!   thresholds at their minima; [`reproduction`] is its record.
//! - [`questions`]: what is measured at the minima of the sweep `paper`: launches, spectra, thresholds.
//! - [`toy`]: the figure of the one-dimensional example.
//! - [`page`]: the page of a folder with runs of the study.
//!
//! The configurations of the networks and the sweep `paper` are presets of
//! [`minimascope_experiment::presets`].

// The sample records name this crate as its users do.
#[cfg(test)]
extern crate self as minimascope_study;

pub mod page;
pub mod published;
pub mod questions;
pub mod reproduce;
pub mod reproduction;
pub mod toy;

/// Whether a piece of work was done to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// All of it.
    Complete,
    /// It was interrupted from outside. What was finished is on disk.
    Interrupted,
}
