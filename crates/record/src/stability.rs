//! Which (learning rate, batch size) can stay at a trained point: `stability --json`, and the files
//! of a run's folder `stability/`.

use derive_more::Display;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{Estimate, Measured};
use crate::threshold::Threshold;
use crate::training::Sampling;

/// A question about a trained point. With η and B: does SGD stay? With B alone: up to which η? With
/// η alone: from which B on? With neither: does the run's own (η, B) stay?
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StabilityQuestion {
    /// η.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// β of heavy-ball momentum; that of the run if absent, and 0 for a point without a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// How the optimiser draws batches; as the run did if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Thresholds at B = 1, 2, 4, … n too.
    #[serde(default)]
    pub boundary: bool,
    /// So many examples of the largest shares, each left out in turn; 0 for no attribution.
    #[serde(default)]
    pub attribution: usize,
    /// The curvature along SGD's own steps too.
    #[serde(default)]
    pub batch_sharpness: bool,
    /// Neither certificates nor simulations: seconds instead of minutes, and Theorem 1 for a
    /// lower end.
    #[serde(default)]
    pub quick: bool,
    /// The relative change under a doubling of the rank at which η* counts as settled; 1 % if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

impl StabilityQuestion {
    /// Does SGD with this η and B stay?
    pub fn about(learning_rate: f64, batch_size: usize) -> Self {
        let (learning_rate, batch_size) = (Some(learning_rate), Some(batch_size));
        Self { learning_rate, batch_size, ..Self::default() }
    }

    /// The same question, to be answered without certificates and simulations.
    pub fn quick(self) -> Self {
        Self { quick: true, ..self }
    }
}

/// The answer to a [`StabilityQuestion`]. What was not asked for is absent or `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StabilityReport {
    /// The version of this schema.
    pub schema_version: u32,
    /// What was asked.
    pub question: StabilityQuestion,
    /// The run that found the point; absent for a point without a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where the optimiser would start.
    pub point: MeasuredPoint,
    /// η asked about.
    pub learning_rate: Option<f64>,
    /// B asked about; for a question about η alone, the smallest B whose estimate stays.
    pub batch_size: Option<usize>,
    /// β of heavy-ball momentum; 0 for plain SGD.
    pub momentum: f64,
    /// The sampling scheme that the criteria assume.
    pub sampling_assumed: Sampling,
    /// The sampling scheme of the optimiser.
    pub sampling_used: Sampling,
    /// The critical learning rate at `batch_size`, by every criterion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// On (η, B), where both are given.
    pub verdict: Option<Verdict>,
    /// η/η*, by the estimate.
    pub margin: Option<f64>,
    /// The smallest batch size at η, where only η was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_batch_size: Option<SmallestBatchSize>,
    /// Thresholds at B = 1, 2, 4, … n.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boundary: Vec<BoundaryRow>,
    /// Which examples make SGD leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Attribution>,
    /// The curvature along SGD's own steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_sharpness: Option<BatchSharpness>,
    /// λ_max of the Gauss–Newton part of every H_i, in the order of the training set.
    #[serde(default)]
    pub example_sharpnesses: Vec<f64>,
    /// What to know before trusting the verdict.
    pub notes: Vec<String>,
}

/// The run that found a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The run's id.
    pub run: String,
    /// The network's name.
    pub model: String,
    /// The dataset's name.
    pub data: String,
    /// η of the run.
    pub learning_rate: f64,
    /// B of the run.
    pub batch_size: usize,
    /// A fraction.
    pub test_accuracy: Option<f64>,
}

/// A trained point and what the theory sees of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredPoint {
    /// P.
    pub parameters: usize,
    /// n.
    pub train_examples: usize,
    /// K.
    pub outputs: usize,
    /// Mean loss of the training set.
    pub train_loss: f64,
    /// ‖∇f‖.
    pub gradient_norm: f64,
    /// A fraction; absent where examples have no class.
    pub train_accuracy: Option<f64>,
    /// a = λ_max(H) of the full Hessian.
    pub sharpness: Measured,
    /// s = √λ_max(Σ) of the full Hessians.
    pub non_uniformity: Measured,
    /// λ_min(H) of the full Hessian; the relative residual is to λ_max(H).
    pub smallest_curvature: Measured,
    /// Ends of the full Hessians of the sharpest examples.
    pub example_curvatures: ExampleCurvatures,
    /// The Gauss–Newton square-root factors on which the mean-square criteria stand.
    pub gauss_newton: GaussNewtonPart,
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
    /// The largest true residual ‖H_iv − λv‖ of all these eigenvalues; absent in records of
    /// version 1.
    #[serde(default)]
    pub residual: Option<f64>,
    /// Whether every eigenvalue met its tolerance, 1 % of the larger end; absent in records of
    /// version 1.
    #[serde(default)]
    pub converged: Option<bool>,
}

/// The per-example Gauss–Newton square-root factors A_i, H ≈ mean A_iᵀA_i.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GaussNewtonPart {
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

/// What linear stability in mean square says of SGD started close to the point. Below the almost-sure
/// threshold most trajectories still return, and beyond the linear regime the loss may hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[display(rename_all = "lowercase")]
pub enum Verdict {
    /// η is at most the proved lower end, at a point where no note forbids to say so.
    Stays,
    /// η is above the proved upper end.
    Leaves,
    /// η lies between them, where the estimate is a hint; or below both at a point that is no minimum.
    #[display("not decided")]
    NotDecided,
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
    pub thresholds: Vec<Threshold>,
    /// On the η asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// The criteria and the verdict on one (η, B).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: usize,
    /// By every criterion.
    pub thresholds: Vec<Threshold>,
    /// On (η, B).
    pub verdict: Verdict,
    /// η/η*, by the estimate.
    pub margin: f64,
    /// What to know before trusting the verdict.
    pub notes: Vec<String>,
}

/// The examples that carry the non-uniformity and the exact threshold, and what leaving them out does:
/// one after the other, each time the example of the largest share among those that are left. Another
/// example may take over when one goes, so that the shares are computed anew each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attribution {
    /// B of the thresholds.
    pub batch_size: usize,
    /// Largest shares of vᵀΣv first, v the top direction of Σ; all examples' shares sum to 1.
    pub non_uniformity: Vec<Share>,
    /// Largest shares of the exact threshold's growing second moment first.
    pub mean_square: Vec<Share>,
    /// The rank in which `mean_square`, `critical_of_rest` and `left_out` are computed: more
    /// directions can only lower η*, of the whole set and of the rest alike.
    pub rank: usize,
    /// η* of what is left when 0, 1, 2, … examples are left out, always the one of the largest share
    /// in η*. Absent from earlier answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical_of_rest: Vec<CriticalOfRest>,
    /// s of what is left when 0, 1, 2, … examples are left out, always the one of the largest share of
    /// s². Absent from earlier answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub non_uniformity_of_rest: Vec<NonUniformityOfRest>,
    /// Only in earlier answers: η* when the first of `non_uniformity` are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl Attribution {
    /// Every share that it names, for whoever knows more of the examples.
    pub fn shares_mut(&mut self) -> impl Iterator<Item = &mut Share> {
        let of_rest = self.critical_of_rest.iter_mut().map(|at| &mut at.largest_share);
        let of_rest = of_rest
            .chain(self.non_uniformity_of_rest.iter_mut().map(|at| &mut at.largest_share))
            .flatten();
        self.non_uniformity.iter_mut().chain(&mut self.mean_square).chain(of_rest)
    }
}

/// η* without some examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriticalOfRest {
    /// How many are left out: the examples of the largest share of the entries before.
    pub left_out: usize,
    /// The estimate of η*; `null` where the rest has no curvature, so that every learning rate stays.
    pub critical_learning_rate: Option<f64>,
    /// Relative residual of its eigenproblem.
    pub relative_residual: f64,
    /// Whether that residual met its tolerance.
    pub converged: bool,
    /// Applications of the map.
    pub products: usize,
    /// The example of the largest share in this η*, which is the next to be left out; `null` where
    /// there is no noise to share: B is all that is left, or the rest has no curvature.
    pub largest_share: Option<Share>,
}

/// s without some examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NonUniformityOfRest {
    /// How many are left out: the examples of the largest share of the entries before.
    pub left_out: usize,
    /// s of the Gauss–Newton parts.
    pub non_uniformity: Measured,
    /// The example of the largest share of this s², which is the next to be left out; `null` where s is
    /// 0.
    pub largest_share: Option<Share>,
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

/// An example and its share; all examples' shares sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Its position in the training set.
    pub example: usize,
    /// Its label; absent where examples have no class.
    #[serde(default)]
    pub label: Option<u32>,
    /// Whether the label was corrupted.
    #[serde(default)]
    pub corrupted: bool,
    /// From 0 to 1.
    pub share: f64,
}

/// η* without some examples, in an earlier answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// How many.
    pub examples: usize,
    /// The estimate of η*.
    pub critical_learning_rate: f64,
}
