//! The criteria: a file each, and the list of them.
//!
//! A criterion gives a critical learning rate and says what it proves. To add one, write its file with
//! a [`Criterion`] in it and add that to [`CRITERIA`]; records, tables and figures take it from there.

use std::ops::ControlFlow;

use minimascope_record::threshold::{Bracket, CriterionName, Evidence, Proves};

use crate::mean_square::MeanSquareCritical;
use crate::thresholds::{Curvatures, Effort, SearchProgress};
use crate::{Batching, Error, ExampleFactors, Momentum};

pub mod almost_sure;
pub mod batch_sharpness;
pub mod decoupled;
pub mod heavy_ball;
mod mean_square;
pub mod necessary;
pub mod rectangle;
pub mod theorem_one;
pub mod variance;
pub mod worst;

/// Every criterion, in the order of tables.
pub const CRITERIA: [&Criterion; 11] = [
    &theorem_one::CRITERION,
    &rectangle::CRITERION,
    &mean_square::CRITERION,
    &necessary::TOP_DIRECTION,
    &necessary::TRACES,
    &necessary::BEST_DIRECTION,
    &almost_sure::CRITERION,
    &heavy_ball::CRITERION,
    &decoupled::CRITERION,
    &worst::EXAMPLE,
    &worst::BATCH,
];

/// A criterion: what it is called, what it proves and how its threshold is found.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// As records spell it.
    pub name: CriterionName,
    /// In tables and figures.
    pub title: &'static str,
    /// What its threshold proves of SGD in mean square.
    pub proves: Proves,
    /// Authors and year.
    pub source: &'static str,
    /// What becomes of it for SGD with momentum.
    pub with_momentum: WithMomentum,
    /// Finds the threshold in a setting; `None` where it says nothing there.
    pub find: fn(&mut Setting<'_>) -> Result<Option<Found>, Error>,
}

/// What a criterion says of SGD with momentum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithMomentum {
    /// It takes β into account.
    Known,
    /// Its proof is of plain SGD: no threshold.
    Omitted,
    /// The threshold of plain SGD, with a remark that says so.
    Remarked,
}

/// What a criterion may look at.
pub struct Setting<'a> {
    /// A_i.
    pub factors: &'a ExampleFactors,
    /// Sharpness, non-uniformity, and the sharpness of every example.
    pub curvatures: &'a Curvatures,
    /// n, B and the sampling scheme.
    pub batching: Batching,
    /// β.
    pub momentum: Momentum,
    /// How hard to try.
    pub effort: &'a Effort,
    /// The search for the exact threshold, which every setting has.
    pub exact: &'a MeanSquareCritical,
    /// Told after each product; a break ends the search.
    pub progress: &'a mut dyn FnMut(&SearchProgress) -> ControlFlow<()>,
}

/// A threshold that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// η.
    pub learning_rate: f64,
    /// Proved ends.
    pub bracket: Option<Bracket>,
    /// What it rests on.
    pub evidence: Evidence,
    /// What a reader must know.
    pub remark: Option<String>,
}

impl Found {
    /// By a formula; `None` where it has no finite value.
    pub fn formula(learning_rate: f64) -> Option<Self> {
        let evidence = Evidence::Formula;
        let found = Self { learning_rate, bracket: None, evidence, remark: None };
        learning_rate.is_finite().then_some(found)
    }
}
