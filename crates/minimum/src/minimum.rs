//! A trained point, measured once for every question about it.

use minimascope_curvature::{PointShape, TrainedPoint};
use minimascope_record::measured::finite;
use minimascope_record::stability::{GaussNewtonPart, MeasuredPoint, StabilityQuestion};
use minimascope_record::threshold::{RankStop, Threshold};
use minimascope_stability::criterion::{Curvatures, Effort, SearchProgress, Simulation};
use minimascope_stability::epochs::critical::EpochParameters;
use minimascope_stability::mean_square::{CriticalParameters, CriticalProgress, critical};
use minimascope_stability::thresholds::thresholds;
use minimascope_stability::{Batching, ExampleFactors, Momentum, Sampling};

use crate::measure::facts;
use crate::watch::{MeasureProgress, Quantity, Watch, unwatched};
use crate::{Budget, Error, examples, factors, spectrum};

/// Twice the rank moved η* by less than this.
const TOLERANCE: f64 = 1e-2;
/// The rank of a certificate for leading directions.
const CERTIFICATE_RANK: usize = 400;

/// A trained point with its curvature and its square-root factors: what theory asks of.
///
/// It keeps the point, and multiplies there again only when η* needs a larger rank, and for the curvature
/// along SGD's steps.
pub struct Minimum<'p> {
    pub(crate) point: &'p mut dyn TrainedPoint,
    pub(crate) known: KnownMinimum,
}

/// What a [`Minimum`] knows, without its point: for a caller that asks again later and cannot hold the
/// borrow of the point until then.
#[derive(Clone, Debug)]
pub struct KnownMinimum {
    pub(crate) budget: Budget,
    pub(crate) factors: ExampleFactors,
    /// a and s of the full Hessians, and the examples' of the factors.
    pub(crate) curvatures: Curvatures,
    pub(crate) weight_decay: f64,
    /// Sentences of the caller, added to the notes of every answer.
    pub(crate) remarks: Vec<String>,
    /// The one order of all epochs, where the caller knows it.
    order: Option<Vec<usize>>,
    measured: MeasuredPoint,
}

impl KnownMinimum {
    /// The minimum again, at the point that was measured.
    ///
    /// # Errors
    /// [`Error::OtherPoint`] for a point of other sizes.
    pub fn at(self, point: &mut dyn TrainedPoint) -> Result<Minimum<'_>, Error> {
        let MeasuredPoint { parameters, train_examples: units, outputs, .. } = self.measured;
        let (measured, found) = (PointShape { parameters, units, outputs }, point.shape());
        if found == measured {
            Ok(Minimum { point, known: self })
        } else {
            Err(Error::OtherPoint { measured, found })
        }
    }
}

impl<'p> Minimum<'p> {
    /// Lets the point go and keeps what is known of it.
    pub fn known(self) -> KnownMinimum {
        self.known
    }

    /// Measures the point: both ends of H, √λ_max(Σ), the square-root factors, and single examples.
    /// The factors have full rank where the budget's memory allows it, and rank 400 elsewhere;
    /// [`Minimum::ask`] doubles that rank while η* still moves and the memory allows it.
    ///
    /// # Errors
    /// [`Error::NotFinite`] without a finite loss, [`Error::Coupled`] where single units have no
    /// Hessian, [`Error::Stability`] without curvature or with one unit; [`Error::Point`] and
    /// [`Error::Spectrum`].
    pub fn of(point: &'p mut dyn TrainedPoint, budget: &Budget) -> Result<Self, Error> {
        unwatched(|watch| Self::watched(point, budget, watch))
    }

    /// As [`Minimum::of`], for a watch to follow.
    ///
    /// # Errors
    /// As [`Minimum::of`], and [`Error::Interrupted`].
    pub fn watched(
        point: &'p mut dyn TrainedPoint,
        budget: &Budget,
        watch: &mut Watch<'_>,
    ) -> Result<Self, Error> {
        spectrum::refuse_coupled(point, "a verdict")?;
        let shape = point.shape();
        // One unit makes the noise of a batch 0/0: refused before anything is measured.
        Batching::new(shape.units, 1, Sampling::IndependentBatches)?;
        let facts = facts(point)?;
        let sharpness = spectrum::sharpness(point, budget, watch)?;
        let non_uniformity = spectrum::non_uniformity(point, budget, watch)?;
        let smallest_curvature = spectrum::smallest(point, budget, watch)?;
        let rank = factors::first_rank(shape.rows(), budget.memory_bytes);
        let factors = factors::factors(point, rank, budget, watch)?;
        let of_factors = Curvatures::of(&factors)?;
        let example_curvatures =
            examples::example_ends(point, &of_factors.example_sharpnesses, budget, watch)?;
        let measured = MeasuredPoint {
            parameters: shape.parameters,
            train_examples: shape.units,
            outputs: shape.outputs,
            train_loss: facts.loss,
            gradient_norm: facts.gradient_norm,
            train_accuracy: facts.accuracy,
            sharpness,
            non_uniformity,
            smallest_curvature,
            example_curvatures,
            gauss_newton: gauss_newton(&factors, &of_factors),
        };
        let known = KnownMinimum {
            budget: *budget,
            curvatures: full(&measured, of_factors),
            factors,
            weight_decay: point.weight_decay(),
            remarks: Vec::new(),
            order: None,
            measured,
        };
        Ok(Self { point, known })
    }

    /// Adds a sentence to the notes of every answer, for what only the caller knows of the point.
    pub fn remark(&mut self, sentence: String) {
        self.known.remarks.push(sentence);
    }

    /// Tells the one order in which all epochs take the units. Without it the threshold of
    /// [`Sampling::SingleShuffle`] is not known.
    pub fn set_order(&mut self, order: Vec<usize>) {
        self.known.order = Some(order);
    }

    /// The point itself.
    pub fn point(&mut self) -> &mut dyn TrainedPoint {
        self.point
    }

    /// What was measured.
    pub fn measured(&self) -> &MeasuredPoint {
        &self.known.measured
    }

    /// The square-root factors, in the directions known now.
    pub fn factors(&self) -> &ExampleFactors {
        &self.known.factors
    }

    /// How hard a question wants the criteria to try: with `quick`, neither certificates nor
    /// simulations.
    ///
    /// # Errors
    /// [`Error::Stability`] for a momentum outside its range.
    pub fn effort(&self, question: &StabilityQuestion) -> Result<Effort, Error> {
        let mut effort = effort(question, self.known.budget.memory_bytes)?;
        if let Some(epochs) = &mut effort.epochs {
            epochs.order.clone_from(&self.known.order);
        }
        Ok(effort)
    }

    /// All thresholds at one batch size, in the optimiser's own sampling scheme.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::Stability`].
    pub fn thresholds(
        &self,
        batching: &Batching,
        effort: &Effort,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Threshold>, Error> {
        let mut show = |now: &SearchProgress| {
            let (products, value) = (now.products, now.learning_rate);
            let quantity = Quantity::Threshold(now.criterion);
            watch.measuring(MeasureProgress { quantity, products, value, relative_residual: None })
        };
        thresholds(&self.known.factors, &self.known.curvatures, batching, effort, &mut show)?
            .ok_or(Error::Interrupted)
    }

    /// Doubles the rank of the factors until η* settles or the memory is used up.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::Point`], [`Error::Stability`].
    pub fn settle(
        &mut self,
        batching: &Batching,
        effort: &Effort,
        watch: &mut Watch<'_>,
    ) -> Result<(), Error> {
        while !self.known.factors.covers_range() {
            let parameters = CriticalParameters { certificate_rank: 0, ..effort.exact.clone() };
            let mut show = |now: &CriticalProgress| watch.measuring(searching(now));
            let found = critical(&self.known.factors, batching, &parameters, &mut show)?;
            watch.check()?;
            let (rank, rows) = (2 * self.known.factors.rank(), self.point.shape().rows());
            let fits = factors::bytes(rows, rank) <= self.known.budget.memory_bytes;
            if found.stop != RankStop::KnownDirections || !fits {
                break;
            }
            let grown = factors::factors(self.point, Some(rank), &self.known.budget, watch)?;
            // A problem of fewer directions than asked for has shown all it has.
            if grown.rank() <= self.known.factors.rank() {
                break;
            }
            let of_factors = Curvatures::of(&grown)?;
            self.known.measured.gauss_newton = gauss_newton(&grown, &of_factors);
            self.known.curvatures = full(&self.known.measured, of_factors);
            self.known.factors = grown;
        }
        Ok(())
    }
}

/// How hard a question wants the criteria to try, in so many bytes; as [`Minimum::effort`].
///
/// # Errors
/// [`Error::Stability`] for a momentum outside its range.
pub fn effort(question: &StabilityQuestion, memory_bytes: usize) -> Result<Effort, Error> {
    let exact = CriticalParameters {
        tolerance: question.tolerance.unwrap_or(TOLERANCE),
        certificate_rank: if question.quick { 0 } else { CERTIFICATE_RANK },
        memory: memory_bytes as u64,
        momentum: question.momentum.map_or(Ok(Momentum::NONE), Momentum::new)?,
        ..CriticalParameters::default()
    };
    let simulation = if question.quick { Simulation::None } else { Simulation::Affordable };
    let epochs = EpochParameters::default();
    let epochs = Some(if question.quick { epochs.quick() } else { epochs });
    Ok(Effort { exact, simulation, epochs })
}

/// Where the search for η* stands.
pub(crate) fn searching(now: &CriticalProgress) -> MeasureProgress {
    MeasureProgress {
        quantity: Quantity::Threshold("critical learning rate"),
        products: now.products,
        value: Some(now.critical_learning_rate),
        relative_residual: None,
    }
}

/// a and s of the full Hessians beside the examples of the factors.
fn full(measured: &MeasuredPoint, of_factors: Curvatures) -> Curvatures {
    Curvatures {
        sharpness: measured.sharpness.value,
        non_uniformity: measured.non_uniformity.value,
        ..of_factors
    }
}

fn gauss_newton(factors: &ExampleFactors, curvatures: &Curvatures) -> GaussNewtonPart {
    let sharpnesses = curvatures.example_sharpnesses.iter().copied();
    GaussNewtonPart {
        sharpness: factors.sharpness(),
        non_uniformity: curvatures.non_uniformity,
        trace: factors.trace(),
        rank: factors.rank(),
        tail: finite(factors.tail()),
        largest_example_sharpness: sharpnesses.fold(0.0, f64::max),
    }
}
