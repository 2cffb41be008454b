//! Operators of a trained point: Hessian, Gauss–Newton, second moment and variance of the
//! examples' Hessians.
//!
//! The matrices are never formed: each operator borrows an [`minimascope_net::Evaluator`] that
//! stands at a point and multiplies vectors there, for [`minimascope_linop`] to find their spectra.

pub mod factors;
mod operators;

pub use operators::{GaussNewton, Hessian, SecondMoment, Variance};
