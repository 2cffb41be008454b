//! The loops that carry the cost, and the only `unsafe` of the workspace.
//!
//! Every kernel runs on one thread and sums in an order that depends on shapes alone; the callers
//! decide the parallelism. A [`Team`] can share the kernels of a few rows, cut so that each sum is
//! one thread's. So the bits are the same at any number of threads. `pulp` and `gemm` choose the
//! width of the vectors at run time (baseline, AVX2 with FMA, AVX-512).
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
