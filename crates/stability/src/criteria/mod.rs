//! The criteria: a file each, and the list of them.
//!
//! A criterion gives a critical learning rate and says what it proves. To add one, write its file with
//! a [`Criterion`] in it, and add its module and its line of [`CRITERIA`] here; records, tables and
//! figures take it from there.

use crate::criterion::Criterion;

pub mod almost_sure;
pub mod batch_sharpness;
pub mod decoupled;
pub mod heavy_ball;
mod mean_square;
pub mod necessary;
pub mod rectangle;
mod reshuffled;
mod single_order;
mod theorem_one;
pub mod variance;
pub mod worst;

/// Every criterion, in the order of tables.
pub const CRITERIA: &[&Criterion] = &[
    &theorem_one::CRITERION,
    &rectangle::CRITERION,
    &mean_square::CRITERION,
    &reshuffled::CRITERION,
    &single_order::CRITERION,
    &necessary::TOP_DIRECTION,
    &necessary::TRACES,
    &necessary::BEST_DIRECTION,
    &almost_sure::CRITERION,
    &heavy_ball::CRITERION,
    &decoupled::CRITERION,
    &worst::EXAMPLE,
    &worst::BATCH,
];
