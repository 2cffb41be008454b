//! SGD launched from a minimum with another (learning rate, batch size): `escape --json`.

use derive_more::Display;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::Measured;
use crate::stability::{BoundaryRow, MeasuredPoint, Origin, Verdict};
use crate::threshold::Threshold;
use crate::training::{Loss, Sampling};

/// `escape RUN --json`, and `escape.json` in the escape's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Escape {
    /// The version of this schema.
    pub schema_version: u32,
    /// The run that found the start.
    pub origin: Origin,
    /// The start.
    pub point: MeasuredPoint,
    /// The unit of losses.
    pub loss: Loss,
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: usize,
    /// How batches were drawn.
    pub sampling: Sampling,
    /// The most steps of a launch.
    pub max_steps: u64,
    /// Whether Theorem 1 was enough for a lower end.
    #[serde(default)]
    pub quick: bool,
    /// When a launch counts as having left, in words.
    pub criterion: String,
    /// The loss above which it has.
    pub leaving_loss: f64,
    /// The loss of the best constant output: of a network that knows the classes' frequencies.
    pub constant_output_loss: f64,
    /// What the theory says at B, by every criterion.
    pub thresholds: Vec<Threshold>,
    /// Its verdict.
    pub verdict: Verdict,
    /// η/η*, by the estimate.
    pub margin: f64,
    /// What to know before trusting the verdict.
    pub notes: Vec<String>,
    /// How fast the linearised dynamics grow in the long run.
    pub predicted_growth: PredictedGrowth,
    /// The growth of all departures together; `null` if none left.
    pub observed_growth: Option<Growth>,
    /// The same launches in the linearised dynamics.
    pub linearised: Linearised,
    /// One a seed.
    pub launches: Vec<Launch>,
    /// Where the figure and this record are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// Factors by which the linearised loss grows at each step, in leading directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictedGrowth {
    /// How many directions: the rest can only raise `mean_square`.
    pub directions: usize,
    /// ρ(Q), of the mean over all sequences of independent batches.
    pub mean_square: f64,
    /// The same in half as many directions: what the number of directions costs.
    pub mean_square_in_half: f64,
    /// e^{2γ}, γ the Lyapunov exponent: of almost every single sequence of batches drawn as the
    /// launches draw them, in the long run. `null` where the simulation would take too long.
    pub typical: Option<f64>,
    /// The standard error of `typical`.
    pub typical_standard_error: Option<f64>,
}

/// One launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Launch {
    /// Of the batches.
    pub seed: u64,
    /// What became of it.
    pub fate: Fate,
    /// The step at which the criterion first held.
    pub left_at: Option<u64>,
    /// Steps taken.
    pub steps: u64,
    /// The largest training loss seen; `null` after divergence.
    pub largest_loss: Option<f64>,
    /// The lowest training accuracy seen.
    pub lowest_train_accuracy: Option<f64>,
    /// The growth of the departure.
    pub fitted_growth: Option<FittedGrowth>,
    /// Where it was at its last step; `null` after divergence.
    pub end: Option<EscapePoint>,
    /// Its course; every step of the departure, then fewer.
    pub course: Vec<EscapePoint>,
}

/// What became of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[display(rename_all = "lowercase")]
pub enum Fate {
    /// The criterion of leaving never held.
    Stays,
    /// It left, and no loss of its last fifth of steps was above the criterion's.
    #[display("leaves and settles again")]
    Settled,
    /// It left, and has not settled.
    #[display("leaves, not settled yet")]
    Away,
    /// The loss or a parameter was no longer finite.
    #[display("leaves and diverges")]
    Diverged,
    /// The network's output no longer depends on its input.
    #[display("leaves and dies")]
    Dead,
    /// Stopped from outside.
    Interrupted,
}

impl Fate {
    /// Whether the minimum did not hold it.
    pub fn has_left(self) -> bool {
        matches!(self, Self::Settled | Self::Away | Self::Diverged | Self::Dead)
    }
}

/// The growth of the training loss beyond the minimum's: value·factor^(step − first), the factor
/// being the exponential of the mean increment of its logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FittedGrowth {
    /// First step of the window.
    pub first: u64,
    /// Last step of the window.
    pub last: u64,
    /// The excess at the first step.
    pub value: f64,
    /// By which it grows at each step.
    pub factor: f64,
    /// Standard error of the factor, from the scatter of N increments over √N; `null` for one.
    pub standard_error: Option<f64>,
}

/// The growth of several departures: the sum of the logarithmic rises over the sum of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Growth {
    /// By which the loss beyond the minimum's grows at each step.
    pub factor: f64,
    /// From the spread over launches; `null` for one.
    pub standard_error: Option<f64>,
    /// Departures.
    pub launches: u64,
}

/// Launches of the linearised dynamics from the same residuals, with the same η, B and criterion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Linearised {
    /// Leading directions of the factors that they move in.
    pub directions: usize,
    /// The share of the minimum's loss that those directions hold; the rest stays as it is.
    pub share_of_loss: f64,
    /// Steps of each: several times those of the launches.
    pub max_steps: u64,
    /// With batches drawn as the launches draw them, first, and by another sampling scheme.
    pub by_sampling: Vec<LinearisedLaunches>,
}

/// Those of one sampling scheme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinearisedLaunches {
    /// How batches were drawn.
    pub sampling: Sampling,
    /// The step at which each trajectory met the criterion of leaving, with the seeds 0, 1, …;
    /// `null` for those that did not. By the launches' own scheme the first ones take the very
    /// batches of the launches of those seeds.
    pub departures: Vec<Option<u64>>,
    /// The growth of all that left.
    pub growth: Option<Growth>,
    /// e^{2γ} of the linearised loss a step, of almost every sequence of batches drawn so; `null`
    /// where the simulation would take too long.
    pub typical: Option<f64>,
    /// The standard error of `typical`.
    pub typical_standard_error: Option<f64>,
}

/// Why an observation is not as predicted, or what it says inside the bracket: judged by the
/// linearised relaunch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
pub enum Explanation {
    /// Inside the bracket, on the side of the estimate, and the linearised dynamics do the same.
    #[display("as the estimate leans, and so do the linearised dynamics")]
    AsEstimated,
    /// The linearised dynamics stay as long, and leave later.
    #[display("finite steps: the linearised dynamics leave later")]
    FiniteSteps,
    /// The linearised dynamics do the same with these batches, and do so more often by this sampling scheme
    /// than by the other, or in the long run by this one alone.
    #[display(
        "reshuffling: the linearised dynamics do the same with these batches, and less often by the other sampling scheme"
    )]
    Reshuffling,
    /// The linearised dynamics stay, as almost every path does that is unstable in mean square
    /// alone, by either sampling scheme: rare paths carry the mean.
    #[display(
        "rare paths carry the mean square: the linearised loss of almost every sequence of batches shrinks"
    )]
    RarePaths,
    /// The linearised dynamics stay too, within all their steps, though they grow in the long run
    /// or nobody knows whether they do: e^{2γ} is 1 within two standard errors.
    #[display("slow: the linearised dynamics have not left either")]
    Slow,
    /// The linearised dynamics leave too: pushed by the residuals of what is not fitted.
    #[display("residuals: the linearised dynamics, pushed by what is not fitted, leave too")]
    Residuals,
    /// The linearised dynamics do not do the same with these batches, and as often do with others.
    #[display("chance: the linearised dynamics do so as often, though not with these batches")]
    Chance,
    /// The linearised dynamics leave, the network does not: the loss bends back.
    #[display("nonlinear return: the linearised dynamics leave, the network is bent back")]
    NonlinearReturn,
    /// The linearised dynamics stay, the network does not.
    #[display("nonlinear departure: the linearised dynamics stay, the network leaves")]
    NonlinearDeparture,
    /// The network leaves, and the relaunch stays but leaves out most of the residuals that push.
    #[display(
        "unexplained: the relaunch stays, without most of the residuals that push the network"
    )]
    Unexplained,
}

/// The whole sets after a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EscapePoint {
    /// Steps since the launch.
    pub step: u64,
    /// Mean loss of the training set.
    pub train_loss: f64,
    /// A fraction.
    pub train_accuracy: f64,
    /// A fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// ‖θ − θ*‖.
    pub distance: f64,
    /// a, where measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Measured>,
    /// s, where measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_uniformity: Option<Measured>,
}

/// `escape RUN --grid --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EscapeGrid {
    /// The version of this schema.
    pub schema_version: u32,
    /// The run that found the start.
    pub origin: Origin,
    /// The start.
    pub point: MeasuredPoint,
    /// How batches were drawn.
    pub sampling: Sampling,
    /// Launches of each cell.
    pub seeds: u64,
    /// What was asked for; the same question goes on from this record.
    pub asked: GridQuestion,
    /// Whether every cell is here.
    pub complete: bool,
    /// When a launch counts as having left, in words.
    pub criterion: String,
    /// The loss above which it has.
    pub leaving_loss: f64,
    /// The loss of the best constant output.
    pub constant_output_loss: f64,
    /// What the theory says at each batch size.
    pub boundary: Vec<BoundaryRow>,
    /// Every (η, B).
    pub cells: Vec<Cell>,
    /// How prediction and observation compare.
    pub agreement: Agreement,
    /// What to know before trusting the predictions.
    pub notes: Vec<String>,
    /// Where the figure and this record are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// A grid as asked for, before defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridQuestion {
    /// η; none if they were to be chosen.
    pub learning_rates: Vec<f64>,
    /// B; none if they were to be chosen.
    pub batch_sizes: Vec<usize>,
    /// The most steps of a launch.
    pub max_steps: u64,
    /// Whether Theorem 1 was enough for the lower ends.
    pub quick: bool,
    /// Whether the memory allowed all directions of curvature.
    #[serde(default)]
    pub all_directions: bool,
}

/// One (η, B) of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: usize,
    /// Predicted.
    pub predicted: Verdict,
    /// η/η*, by the estimate.
    pub margin: f64,
    /// Predicted.
    pub predicted_growth: PredictedGrowth,
    /// The most steps of each launch.
    pub max_steps: u64,
    /// The step at which each launch left, with the seeds 0, 1, …; `null` for those that stayed.
    pub departures: Vec<Option<u64>>,
    /// The largest loss of all launches over the minimum's; `null` after divergence.
    pub largest_loss_ratio: Option<f64>,
    /// What explains the launches, if only one of them, that are not as predicted, or what is seen
    /// inside the bracket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// The relaunch that it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linearised: Option<Linearised>,
}

impl Cell {
    /// Launches that left.
    pub fn left(&self) -> u64 {
        within(&self.departures, u64::MAX)
    }

    /// The earliest step at which one left.
    pub fn left_at(&self) -> Option<u64> {
        self.departures.iter().flatten().min().copied()
    }

    /// Whether most launches left.
    pub fn has_left(&self) -> bool {
        2 * self.left() > self.departures.len() as u64
    }
}

impl LinearisedLaunches {
    /// Trajectories that left within `steps`.
    pub fn left_within(&self, steps: u64) -> u64 {
        within(&self.departures, steps)
    }

    /// The earliest step at which one left.
    pub fn left_at(&self) -> Option<u64> {
        self.departures.iter().flatten().min().copied()
    }
}

fn within(departures: &[Option<u64>], steps: u64) -> u64 {
    departures.iter().flatten().filter(|step| **step <= steps).count() as u64
}

/// Counts of a grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Predicted and seen to stay.
    pub stays_as_predicted: usize,
    /// Predicted and seen to leave.
    pub leaves_as_predicted: usize,
    /// Predicted to stay, seen to leave.
    pub leaves_against_prediction: usize,
    /// Predicted to leave, seen to stay.
    pub stays_against_prediction: usize,
    /// Inside the bracket.
    pub not_decided: usize,
    /// Inside the bracket, and on the side that the estimate leans to.
    pub not_decided_as_estimated: usize,
}

/// `escape toy --json`: the one-dimensional example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToyEscape {
    /// The version of this schema.
    pub schema_version: u32,
    /// Curvatures of f₁ and f₂ at x = 1.
    pub curvatures: [f64; 2],
    /// η.
    pub learning_rate: f64,
    /// B.
    pub batch_size: usize,
    /// How batches were drawn.
    pub sampling: Sampling,
    /// x₀.
    pub start: f64,
    /// Steps of each path.
    pub steps: u64,
    /// The minima x = 0 and x = 1.
    pub minima: Vec<ToyMinimum>,
    /// What became of SGD, over all seeds.
    pub sgd: ToyFates,
    /// Where gradient descent ended.
    pub gradient_descent: ToyEnd,
    /// The figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
}

/// One minimum of the example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToyMinimum {
    /// x.
    pub position: f64,
    /// a.
    pub sharpness: f64,
    /// s.
    pub non_uniformity: f64,
    /// At B, by every criterion.
    pub thresholds: Vec<Threshold>,
    /// The closed form of the almost-sure threshold, also that of reshuffled epochs.
    pub almost_sure_closed_form: f64,
    /// On (η, B).
    pub verdict: Verdict,
    /// η/η*.
    pub margin: f64,
    /// (1 − ηa)² + η²s², by which the mean square grows at each step.
    pub mean_square_growth: f64,
}

/// Where the paths of all seeds ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToyFates {
    /// Paths.
    pub seeds: u64,
    /// At x = 0.
    pub at_zero: u64,
    /// At x = 1.
    pub at_one: u64,
    /// Elsewhere, and finite.
    pub between: u64,
    /// Not finite.
    pub diverged: u64,
    /// The median step at which |x − 1| first exceeded 0.1; `null` if most paths stayed.
    pub median_departure: Option<u64>,
}

/// Where one path ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToyEnd {
    /// At x = 0.
    AtZero,
    /// At x = 1.
    AtOne,
    /// Elsewhere, and finite.
    Between,
    /// Not finite.
    Diverged,
}
