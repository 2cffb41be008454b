//! What a criterion is: what it looks at, and what it gives.

use std::ops::ControlFlow;

use minimascope_record::threshold::{Bracket, CriterionName, Evidence, Proves};

use crate::epochs::critical::EpochParameters;
use crate::mean_square::{CriticalParameters, MeanSquareCritical};
use crate::simulation::Ensemble;
use crate::{Batching, Error, ExampleFactors, Momentum};

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
    pub find: fn(&mut ThresholdSetting<'_>) -> Result<Option<FoundThreshold>, Error>,
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
pub struct ThresholdSetting<'a> {
    /// A_i.
    pub factors: &'a ExampleFactors,
    /// Sharpness, non-uniformity, and the sharpness of every example.
    pub curvatures: &'a Curvatures,
    /// n, B and the scheme of independent batches closest to the optimiser's.
    pub batching: Batching,
    /// n, B and the optimiser's own sampling scheme.
    pub used: Batching,
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
pub struct FoundThreshold {
    /// η.
    pub learning_rate: f64,
    /// Proved ends.
    pub bracket: Option<Bracket>,
    /// What it rests on.
    pub evidence: Evidence,
    /// What a reader must know.
    pub remark: Option<String>,
}

impl FoundThreshold {
    /// By a formula; `None` where it has no finite value.
    pub fn formula(learning_rate: f64) -> Option<Self> {
        let evidence = Evidence::Formula;
        let found = Self { learning_rate, bracket: None, evidence, remark: None };
        learning_rate.is_finite().then_some(found)
    }
}

/// How hard to try.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Of the exact threshold, with the momentum β.
    pub exact: CriticalParameters,
    /// What to simulate: the almost-sure threshold and the sharpest batch, by far the most expensive
    /// at large B.
    pub simulation: Simulation,
    /// Of the thresholds of epochs; `None` for none of them, which take longer than all others together.
    pub epochs: Option<EpochParameters>,
}

impl Default for Effort {
    /// No simulation, and every other threshold.
    fn default() -> Self {
        let (exact, simulation) = (CriticalParameters::default(), Simulation::None);
        Self { exact, simulation, epochs: Some(EpochParameters::default()) }
    }
}

/// Trajectories behind the almost-sure threshold, and batches drawn for the sharpest one.
#[derive(Clone, Copy, Debug, Default)]
pub enum Simulation {
    /// None of either.
    #[default]
    None,
    /// As many as take some seconds.
    Affordable,
    /// Trajectories of this ensemble.
    Of(Ensemble),
}

/// Curvatures of a point that do not depend on B.
#[derive(Clone, Debug)]
pub struct Curvatures {
    /// a.
    pub sharpness: f64,
    /// s.
    pub non_uniformity: f64,
    /// λ_max(A_iA_iᵀ) of every example.
    pub example_sharpnesses: Vec<f64>,
}

/// Where the search for a threshold stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchProgress {
    /// The criterion's title.
    pub criterion: &'static str,
    /// Products, simulated exponents or batches so far.
    pub products: usize,
    /// The present value of the threshold.
    pub learning_rate: Option<f64>,
}
