//! The loops that carry the cost, and the only `unsafe` of the workspace.
//!
//! Every kernel runs on one thread and sums in an order that depends on shapes alone, so the
//! callers decide the parallelism and the bits stay the same at any number of threads. Vector
//! width is chosen at run time (baseline, AVX2 + FMA, AVX-512) by `pulp` and `gemm`.
#![allow(unsafe_code)]

mod indexed;
mod level;
mod matrix;
mod rows;
mod small_batch;

pub(crate) use indexed::indexed_product;
#[cfg(test)]
pub(crate) use level::forced::at_every_level;
pub(crate) use level::vectorized;
pub(crate) use matrix::{Layout, multiply};
pub(crate) use rows::{add_column_sums, add_scaled_rows, row_dots};
pub(crate) use small_batch::{backward_and_step, forward_rows, is_small};
