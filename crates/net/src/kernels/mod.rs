//! The loops that carry the cost, and the only `unsafe` of the workspace.
//!
//! Every kernel sums in an order that depends on shapes alone, and runs on one thread, so the
//! callers decide the parallelism; those of a few rows can be shared by a [`Team`], by numbers that
//! do not meet in a sum. So the bits stay the same at any number of threads. Vector
//! width is chosen at run time (baseline, AVX2 + FMA, AVX-512) by `pulp` and `gemm`.
#![allow(unsafe_code)]

mod indexed;
mod level;
mod matrix;
mod rows;
mod small_batch;
mod team;

pub(crate) use indexed::{TILE, indexed_product};
#[cfg(test)]
pub(crate) use level::forced::at_every_level;
pub(crate) use level::vectorized;
pub(crate) use matrix::{Strides, multiply};
pub(crate) use rows::{add_column_sums, add_scaled_rows, row_dots};
pub(crate) use small_batch::{backward_and_step, forward_rows, is_small};
pub(crate) use team::{LEAST, Team, cut_rows};
