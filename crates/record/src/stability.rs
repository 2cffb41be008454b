//! Which (learning rate, batch size) can stay at a minimum: `stability --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{Estimate, Measured};
use crate::training::Sampling;

/// `stability --json`. What was not asked for is absent or `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StabilityReport {
    /// The version of this schema.
    pub schema_version: u32,
    /// Where the optimiser would start.
    pub minimum: Minimum,
    /// η asked about.
    pub learning_rate: Option<f64>,
    /// B asked about; for a question about η alone, the smallest B whose estimate stays.
    pub batch_size: Option<usize>,
    /// β of heavy-ball momentum; 0 for plain SGD.
    pub momentum: f64,
    /// The law of batches that the criteria assume.
    pub sampling_assumed: Sampling,
    /// The law of the run's optimiser.
    pub sampling_used: Sampling,
    /// The critical learning rate at `batch_size`, by every criterion.
    pub critical_learning_rate: Option<CriticalLearningRate>,
    /// On (η, B), where both are given.
    pub verdict: Option<Verdict>,
    /// η/η*, by the estimate.
    pub margin: Option<f64>,
    /// The smallest batch size at η, where only η was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_batch_size: Option<SmallestBatchSize>,
    /// Critical learning rates at B = 1, 2, 4, … n.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boundary: Vec<BoundaryRow>,
    /// Which examples make SGD leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// The curvature along SGD's own steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_sharpness: Option<BatchSharpness>,
    /// λ_max of the Gauss–Newton part of every H_i, in the order of the training set.
    #[serde(default)]
    pub example_sharpnesses: Vec<f64>,
    /// What to know before trusting the verdict.
    pub notes: Vec<String>,
}

/// A trained point and what the theory sees of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Minimum {
    /// The run's id.
    pub run: String,
    /// The network's name.
    pub model: String,
    /// The dataset's name.
    pub data: String,
    /// P.
    pub parameters: usize,
    /// n.
    pub train_examples: usize,
    /// K.
    pub outputs: usize,
    /// η of the run.
    pub trained_learning_rate: f64,
    /// B of the run.
    pub trained_batch_size: usize,
    /// Mean loss of the training set.
    pub train_loss: f64,
    /// ‖∇f‖.
    pub gradient_norm: f64,
    /// A fraction.
    pub train_accuracy: f64,
    /// A fraction.
    pub test_accuracy: Option<f64>,
    /// a = λ_max(H) of the full Hessian.
    pub sharpness: Measured,
    /// s = √λ_max(Σ) of the full Hessians.
    pub non_uniformity: Measured,
    /// λ_min(H) of the full Hessian; the relative residual is to λ_max(H).
    pub smallest_curvature: Measured,
    /// Ends of the full Hessians of the sharpest examples.
    pub example_curvatures: ExampleCurvatures,
    /// The Gauss–Newton factors on which the mean-square criteria stand.
    pub gauss_newton: GaussNewton,
}

/// Ends of the full H_i of a few examples: those of the largest Gauss–Newton curvature, whose
/// positive ends are longest, and those of the largest loss, whose Hessians differ most from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleCurvatures {
    /// How many examples.
    pub examples: usize,
    /// How many of them were chosen as those of the largest Gauss–Newton curvature.
    #[serde(default)]
    pub of_largest_curvature: usize,
    /// How many were chosen as those of the largest loss; an example can be both.
    #[serde(default)]
    pub of_largest_loss: usize,
    /// The most negative eigenvalue.
    pub smallest: f64,
    /// The largest eigenvalue.
    pub largest: f64,
}

/// The per-example Gauss–Newton factors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GaussNewton {
    /// a of the factors; compare with the full Hessian's.
    pub sharpness: f64,
    /// s of the factors; a lower bound where directions are left out.
    pub non_uniformity: f64,
    /// tr H of the factors, all directions.
    pub trace: f64,
    /// r, the leading directions known.
    pub rank: usize,
    /// An upper bound of the curvatures left out, 0 when none are; `null` when nothing bounds them.
    pub tail: Option<f64>,
    /// The largest λ_max(H_i).
    pub largest_example_sharpness: f64,
}

/// The critical learning rate at one batch size. In mean square SGD stays below `exact.lower` and
/// leaves above `exact.upper`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriticalLearningRate {
    /// Sufficient (Wu, Ma, E 2018, Theorem 1); `null` with momentum.
    pub theorem1: Option<f64>,
    /// min(2/a, 1/(s√p)): neither sufficient nor, by its half on s, necessary.
    pub rectangle: f64,
    /// The exact mean-square threshold.
    pub exact: ExactThreshold,
    /// Necessary bounds: of H's top direction, of the traces, of the best direction found.
    pub bounds: Vec<f64>,
    /// The almost-sure threshold of the linearised dynamics; `null` where it was not simulated.
    pub almost_sure: Option<AlmostSure>,
    /// 2/a, of gradient descent; 2(1 + β)/a with momentum.
    pub gradient_descent: f64,
    /// By the decoupled-noise approximation, from the spectrum alone.
    pub decoupled: f64,
    /// 2B/max_i λ_max(H_i): above it some batch expands a direction.
    pub worst_example: f64,
    /// The sharpest of some batches drawn; `null` where none were.
    #[serde(default)]
    pub worst_batch: Option<WorstBatch>,
}

/// The sharpest of the batches drawn, in leading directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstBatch {
    /// 2/λ_max(H_B) of that batch: above it this batch expands a direction.
    pub critical_learning_rate: f64,
    /// Its λ_max(H_B): at most the largest over all batches.
    pub sharpness: f64,
    /// The mean of λ_max(H_B) over the batches drawn.
    pub mean_sharpness: f64,
    /// How many were drawn.
    pub batches: usize,
}

/// A bracket and an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExactThreshold {
    /// Stable in mean square below: proved. 0 when nothing is proved (with momentum, when directions
    /// are left out).
    pub lower: f64,
    /// The converged estimate.
    pub estimate: f64,
    /// Unstable in mean square above: proved.
    pub upper: f64,
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

/// What proves a lower end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LowerBy {
    /// One-step contraction.
    Theorem1,
    /// A second moment that shrinks: of all directions, or with a bound for those
    /// left out.
    Certificate,
    /// The largest curvature: without noise it alone decides.
    Sharpness,
    /// Nothing.
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

/// A stochastic threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlmostSure {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Whether the exponent at the estimate is the same in both halves of the simulated steps.
    #[serde(default)]
    pub converged: bool,
    /// How many leading directions were simulated.
    #[serde(default)]
    pub rank: usize,
}

/// What linear stability in mean square says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// η is at most the proved lower end, at a point that is a minimum.
    Stays,
    /// η is above the proved upper end.
    Leaves,
    /// η lies between them, or below both at a point that is no minimum.
    NotDecided,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Stays => "stays",
            Self::Leaves => "leaves",
            Self::NotDecided => "not decided",
        })
    }
}

/// The smallest B at which η stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SmallestBatchSize {
    /// At which staying is proved; `null` when it is for none.
    pub proved: Option<usize>,
    /// Whose estimate of η* is at least η; `null` when η > 2/a.
    pub estimated: Option<usize>,
}

/// One batch size of the boundary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundaryRow {
    /// B.
    pub batch_size: usize,
    /// By every criterion.
    pub critical_learning_rate: CriticalLearningRate,
    /// On the η asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// The examples that carry the non-uniformity and the exact threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blame {
    /// B of the thresholds.
    pub batch_size: usize,
    /// Largest shares of vᵀΣv first, v the top direction of Σ; all examples' shares sum to 1.
    pub non_uniformity: Vec<Share>,
    /// Largest shares of the exact threshold's growing second moment first.
    pub mean_square: Vec<Share>,
    /// Leading directions in which `mean_square` and `left_out` are computed: more can only lower
    /// η*, of the whole set and of the rest alike.
    pub directions: usize,
    /// η* when the first of `non_uniformity` are left out of the training set.
    pub left_out: Vec<LeftOut>,
}

/// gᵀH_Bg/‖g‖² of batches with gradient g and Hessian H_B, to compare with 2/η. It describes a
/// point, and proves nothing about staying there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchSharpness {
    /// B.
    pub batch_size: usize,
    /// E\[gᵀH_Bg/‖g‖²\]; `products` counts batches. `null` where no batch has a gradient.
    pub mean_of_ratios: Option<Estimate>,
    /// E\[gᵀH_Bg\]/E\[‖g‖²\].
    pub ratio_of_means: Option<Estimate>,
    /// Whether both standard errors are within 2 %.
    pub converged: bool,
}

/// An example and its share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Its position in the training set.
    pub example: usize,
    /// Its label.
    pub label: u32,
    /// Whether the label was corrupted.
    pub corrupted: bool,
    /// From 0 to 1.
    pub share: f64,
}

/// η* without some examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// How many.
    pub examples: usize,
    /// The estimate of η*.
    pub critical_learning_rate: f64,
}
