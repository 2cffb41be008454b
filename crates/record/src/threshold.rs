//! Critical learning rates: one threshold a criterion, and a list of them for each batch size.

use std::borrow::Cow;

use derive_more::Display;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::training::Sampling;

/// The short name of a criterion, as records spell it. The list is open: a criterion chooses its own
/// name in its own file. The constants are those that a figure or a sentence singles out.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Display,
)]
#[serde(transparent)]
pub struct CriterionName(Cow<'static, str>);

impl CriterionName {
    /// One-step contraction in mean square (Wu, Ma, E 2018).
    pub const THEOREM_ONE: Self = Self::new("theorem-1");
    /// Sharpness and non-uniformity alone (Wu, Ma, E 2018).
    pub const RECTANGLE: Self = Self::new("rectangle");
    /// The exact mean-square threshold (Mulayoff & Michaeli 2024).
    pub const MEAN_SQUARE: Self = Self::new("mean-square");
    /// The mean square over an epoch whose order is drawn anew.
    pub const RESHUFFLED: Self = Self::new("reshuffled");
    /// The growth over an epoch, all epochs in one order.
    pub const SINGLE_ORDER: Self = Self::new("single-order");
    /// 2(1 + β)/a.
    pub const GRADIENT_DESCENT: Self = Self::new("gradient-descent");
    /// The sign of the Lyapunov exponent.
    pub const ALMOST_SURE: Self = Self::new("almost-sure");
    /// From the spectrum alone.
    pub const DECOUPLED: Self = Self::new("decoupled");
    /// The sharpest example.
    pub const WORST_EXAMPLE: Self = Self::new("worst-example");
    /// The sharpest of some batches.
    pub const WORST_BATCH: Self = Self::new("worst-batch");

    /// A name of kebab case.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// As records spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The critical learning rate at one batch size by one criterion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// Which criterion.
    pub criterion: CriterionName,
    /// What tables and figures call it.
    pub title: String,
    /// The critical η; the estimate of it where there is a bracket.
    pub learning_rate: f64,
    /// Ends around it: proved where `proves` says so, and three standard errors away where it rests on
    /// orders that were drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bracket: Option<Bracket>,
    /// What it proves of SGD in mean square.
    pub proves: Proves,
    /// Where the criterion is from.
    pub source: String,
    /// What the number rests on.
    pub evidence: Evidence,
    /// What a reader must know to use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// SGD is stable in mean square below `lower` and unstable above `upper`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bracket {
    /// 0 when nothing is proved (with momentum, when directions are left out).
    pub lower: f64,
    /// At least the estimate.
    pub upper: f64,
}

/// What a threshold proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[display(rename_all = "lowercase")]
pub enum Proves {
    /// SGD stays at every η below.
    #[display("staying below")]
    StayingBelow,
    /// SGD leaves at every η above.
    #[display("leaving above")]
    LeavingAbove,
    /// Both, at the ends of its bracket.
    Both,
    /// Neither.
    Nothing,
}

/// What a threshold's number rests on, and how well it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A formula, or a search without an end of its own, in measured numbers.
    Formula,
    /// A search in r leading directions, r rising.
    Search(RankSearch),
    /// A simulation of the linearised dynamics.
    Simulation {
        /// Of the threshold.
        standard_error: f64,
        /// Whether the exponent at the threshold is the same in both halves of the simulated steps.
        converged: bool,
        /// How many leading directions were simulated.
        rank: usize,
    },
    /// Orders of the examples that were drawn.
    Orders {
        /// How many.
        orders: usize,
        /// Whether they are all the different orders there are, so that nothing is left to chance.
        all: bool,
        /// Of the threshold, for all orders.
        standard_error: f64,
        /// Whether the standard error met its tolerance, and the value settled in the directions.
        converged: bool,
        /// How many leading directions of H.
        rank: usize,
    },
    /// Batches that were drawn.
    Sample {
        /// How many.
        batches: usize,
        /// The largest λ_max(H_B) of them: at most the largest over all batches.
        sharpness: f64,
        /// The mean of λ_max(H_B).
        mean_sharpness: f64,
    },
}

/// A search for η* in r leading directions, r rising.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankSearch {
    /// What proves the lower end.
    pub lower_by: LowerBy,
    /// Values in r leading directions, r rising; the last is the largest space tried.
    pub ranks: Vec<RankValue>,
    /// Why no larger r was tried.
    pub stop: RankStop,
    /// Whether doubling r changed the value by less than the tolerance, or all directions are in.
    pub converged: bool,
    /// Of the last eigenproblem.
    pub relative_residual: f64,
}

/// What proves the lower end of a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LowerBy {
    /// One-step contraction.
    Theorem1,
    /// A second moment that shrinks: of all directions, or with a bound for those left out.
    Certificate,
    /// The largest curvature: without noise it alone decides.
    Sharpness,
    /// Nothing: momentum with directions left out, or directions that nothing bounds.
    None,
}

/// Where the doubling of r stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RankStop {
    /// All directions are in.
    AllDirections,
    /// Doubling changed the value by less than the tolerance.
    Converged,
    /// The directions that were computed are used up.
    KnownDirections,
    /// The next r did not fit into the memory allowed.
    Memory,
    /// Stopped from outside.
    Interrupted,
}

/// A value in r directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankValue {
    /// r.
    pub rank: usize,
    /// An upper bound of η*.
    pub critical_learning_rate: f64,
}

impl Threshold {
    /// The proved ends; 0 and ∞ where nothing is proved.
    pub fn ends(&self) -> Bracket {
        let value = self.learning_rate;
        match (self.bracket, self.proves) {
            (Some(bracket), _) => bracket,
            (None, Proves::StayingBelow) => Bracket { lower: value, upper: f64::INFINITY },
            (None, Proves::LeavingAbove) => Bracket { lower: 0.0, upper: value },
            (None, Proves::Both) => Bracket { lower: value, upper: value },
            (None, Proves::Nothing) => Bracket { lower: 0.0, upper: f64::INFINITY },
        }
    }

    /// The search behind it; `None` for a threshold that is no search.
    pub fn search(&self) -> Option<&RankSearch> {
        match &self.evidence {
            Evidence::Search(search) => Some(search),
            _ => None,
        }
    }

    /// Whether the number is as well known as was asked for. A formula always is.
    pub fn is_settled(&self) -> bool {
        match &self.evidence {
            Evidence::Search(search) => search.converged,
            Evidence::Simulation { converged, .. } | Evidence::Orders { converged, .. } => {
                *converged
            }
            Evidence::Formula | Evidence::Sample { .. } => true,
        }
    }
}

/// The threshold of one criterion in a list.
pub fn by<'a>(thresholds: &'a [Threshold], criterion: &CriterionName) -> Option<&'a Threshold> {
    thresholds.iter().find(|threshold| threshold.criterion == *criterion)
}

/// The exact mean-square threshold of a list.
pub fn mean_square(thresholds: &[Threshold]) -> Option<&Threshold> {
    by(thresholds, &CriterionName::MEAN_SQUARE)
}

/// The threshold that decides whether SGD with this sampling scheme stays: that of its epochs where the
/// list has one over all orders, and the exact one of independent batches otherwise: an estimate from
/// some orders stands beside it and does not decide.
pub fn deciding(thresholds: &[Threshold], sampling: Sampling) -> Option<&Threshold> {
    let of_epochs = match sampling.in_epochs() {
        false => None,
        true if sampling.has_one_order() => by(thresholds, &CriterionName::SINGLE_ORDER),
        true => by(thresholds, &CriterionName::RESHUFFLED),
    };
    let of_all =
        |threshold: &&Threshold| matches!(threshold.evidence, Evidence::Orders { all: true, .. });
    of_epochs.filter(of_all).or_else(|| mean_square(thresholds))
}

/// 2/η: the sharpness at which gradient descent's critical learning rate is η.
pub fn sharpness_limit(learning_rate: f64) -> f64 {
    2.0 / learning_rate
}
