//! Questions to points that know no network: dense problems with closed forms.

use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_curvature::{
    Coupling, DensePoint, Matrix, PointFacts, PointShape, ProductCost, ProductFailure, TrainedPoint,
};
use minimascope_minimum::{
    Budget, Error, MeasuredCurvature, Measuring, Minimum, SpectrumQuestion, Watch, measure,
    measure_curvature, summary,
};
use minimascope_record::config::Precision;
use minimascope_record::stability::{StabilityQuestion, Verdict};
use minimascope_record::threshold::{CriterionName, Proves, RankStop, by, deciding, mean_square};
use minimascope_record::training::Sampling;

/// Nine units of curvature 1 in one direction and one of curvature 10 in another: the second alone
/// decides at B = 1, η* = 2·mean h/mean h² = 2·1/10.
fn planted() -> DensePoint {
    let mut hessians = vec![0.0; 10 * 4];
    for unit in 0..9 {
        hessians[4 * unit] = 1.0;
    }
    hessians[39] = 10.0;
    DensePoint::new(2, &hessians).unwrap()
}

fn tight() -> Budget {
    Budget { tolerance: 1e-9, ..Budget::default() }
}

fn ask(point: &mut dyn TrainedPoint, question: &StabilityQuestion) -> Vec<(f64, Verdict)> {
    let mut minimum = Minimum::of(point, &tight()).unwrap();
    let verdict = |rate| {
        let question = StabilityQuestion { learning_rate: Some(rate), ..*question };
        let answer = minimum.ask(&question).unwrap();
        (answer.margin.unwrap(), answer.verdict.unwrap())
    };
    [0.19, 0.21].map(verdict).to_vec()
}

/// Σ of equal H_i is rounding alone, and its products round with H², not with Σ.
#[test]
fn equal_units_have_no_non_uniformity() {
    let one = [0.7, 0.1, -0.3, 0.1, 1.9, 0.2, -0.3, 0.2, 0.6];
    for units in [2, 7, 50] {
        let mut point = DensePoint::new(3, &one.repeat(units)).unwrap();
        let (mut quiet, never) = (|_: Measuring| (), AtomicBool::new(false));
        let mut watch = Watch::new(&mut quiet, &never);
        let found = measure(&mut point, &SpectrumQuestion::default(), &tight(), &mut watch);
        let s = found.unwrap().non_uniformity.unwrap();
        assert!(s.converged && s.value < 1e-7, "{units} units: {s:?}");
    }
}

#[test]
fn a_planted_unit_decides() {
    let mut point = planted();
    let at = StabilityQuestion { batch_size: Some(1), ..Default::default() }.quick();
    let judged = ask(&mut point, &at);
    assert_eq!((judged[0].1, judged[1].1), (Verdict::Stays, Verdict::Leaves));
    assert!((judged[0].0 - 0.95).abs() < 1e-6 && (judged[1].0 - 1.05).abs() < 1e-6);

    let mut minimum = Minimum::of(&mut point, &tight()).unwrap();
    let question = StabilityQuestion { attribution: 1, boundary: true, quick: true, ..at };
    let answer = minimum.ask(&question).unwrap();
    let attribution = answer.attribution.unwrap();
    assert_eq!(attribution.mean_square[0].example, 9);
    assert!(attribution.mean_square[0].share > 1.0 - 1e-9);
    // Without it only curvature 1 is left: η* = 2, and nothing differs.
    let without = attribution.critical_of_rest[1];
    assert!(without.left_out == 1 && without.largest_share.unwrap().example < 9);
    assert!((without.critical_learning_rate.unwrap() - 2.0).abs() < 1e-6);
    let without = attribution.non_uniformity_of_rest[1];
    assert_eq!((without.non_uniformity.value, without.largest_share), (0.0, None));
    // Variance of (10, 0 × 9) is 10 − 1.
    assert!((answer.point.non_uniformity.value - 3.0).abs() < 1e-6);
    assert!(answer.point.example_curvatures.residual.unwrap() < 1e-9);
    assert_eq!(answer.point.example_curvatures.converged, Some(true));
    let sizes: Vec<usize> = answer.boundary.iter().map(|row| row.batch_size).collect();
    assert_eq!(sizes, [1, 2, 4, 8, 10]);
    // At B = n it is gradient descent, 2/a with a = 1.
    let all = mean_square(&answer.boundary[4].thresholds).unwrap();
    assert!((all.learning_rate - 2.0).abs() < 1e-6, "{all:?}");
    assert_eq!(all.search().unwrap().stop, RankStop::AllDirections);
}

/// The sharpest unit goes first, whatever B and β are, and what is left is the problem that never had
/// it: the same question to a point without the unit.
#[test]
fn leaving_a_unit_out_is_a_point_without_it() {
    let curvatures: Vec<f64> = (0..8).map(|unit| f64::from(unit % 5) + 0.5).chain([30.0]).collect();
    // The planted one between two others, in a direction that it shares with half of the units.
    let hessians = |curvatures: &[f64]| -> Vec<f64> {
        let each = curvatures.iter().map(|h| match *h {
            h if h > 2.0 => [h, 0.2 * h, 0.2 * h, 0.04 * h],
            h => [0.0, 0.0, 0.0, h],
        });
        each.flatten().collect()
    };
    for (size, momentum) in [(1, 0.0), (3, 0.0), (2, 0.9)] {
        let question = StabilityQuestion {
            batch_size: Some(size),
            momentum: Some(momentum),
            attribution: 1,
            quick: true,
            ..StabilityQuestion::default()
        };
        let ask = |curvatures: &[f64]| {
            let mut point = DensePoint::new(2, &hessians(curvatures)).unwrap();
            Minimum::of(&mut point, &tight()).unwrap().ask(&question).unwrap()
        };
        let (with, without) = (ask(&curvatures), ask(&curvatures[..8]));
        let found = with.attribution.unwrap();
        assert_eq!(found.critical_of_rest[0].largest_share.unwrap().example, 8);
        assert_eq!(found.non_uniformity_of_rest[0].largest_share.unwrap().example, 8);
        let exact = mean_square(&without.thresholds).unwrap().learning_rate;
        let rest = found.critical_of_rest[1].critical_learning_rate.unwrap();
        // Both searches know their value to the square of their residual, 1e-3 and 1e-4.
        assert!((rest / exact - 1.0).abs() < 2e-6, "B {size}, β {momentum}: {rest} for {exact}");
        let before = mean_square(&with.thresholds).unwrap().learning_rate;
        assert!(rest > 2.0 * before, "B {size}, β {momentum}: {before} to {rest}");
        let s = found.non_uniformity_of_rest[1].non_uniformity.value;
        let expected = without.point.gauss_newton.non_uniformity;
        assert!((s / expected - 1.0).abs() < 1e-6, "{s} for {expected}");
    }
}

/// Every threshold of the list stands in the order that always holds, by what it proves and not by its
/// name.
#[test]
fn what_thresholds_prove_does_not_contradict() {
    let mut point = planted();
    let mut minimum = Minimum::of(&mut point, &tight()).unwrap();
    for size in 1..=10 {
        // Two of them with certificates and simulations, which take seconds.
        let at = StabilityQuestion {
            batch_size: Some(size),
            quick: size % 5 != 2,
            ..Default::default()
        };
        let answer = minimum.ask(&at).unwrap();
        let exact = mean_square(&answer.thresholds).unwrap().ends();
        assert!(exact.lower <= exact.upper);
        for threshold in &answer.thresholds {
            let ends = threshold.ends();
            assert!(ends.lower <= exact.upper * (1.0 + 1e-9), "B = {size}: {threshold:?}");
            assert!(exact.upper <= ends.upper * (1.0 + 1e-9), "B = {size}: {threshold:?}");
        }
        let descent = by(&answer.thresholds, &CriterionName::GRADIENT_DESCENT).unwrap();
        assert_eq!(descent.proves, Proves::LeavingAbove);
    }
}

/// With η alone the smallest batch is found, and it agrees with the thresholds around it.
#[test]
fn the_smallest_batch_of_a_learning_rate() {
    let mut point = planted();
    let mut minimum = Minimum::of(&mut point, &tight()).unwrap();
    let rate = StabilityQuestion { learning_rate: Some(0.7), quick: true, ..Default::default() };
    let found = minimum.ask(&rate).unwrap().smallest_batch_size.unwrap().estimated.unwrap();
    let mut threshold = |size| {
        let at = StabilityQuestion { batch_size: Some(size), quick: true, ..Default::default() };
        mean_square(&minimum.ask(&at).unwrap().thresholds).unwrap().learning_rate
    };
    assert!(threshold(found) >= 0.7 && threshold(found - 1) < 0.7, "{found}");
}

/// A point away from its minimum has a gradient: the verdict does not say stays.
#[test]
fn no_verdict_says_stays_where_the_point_still_moves() {
    let mut point = planted().moved_to(&[1.0, 1.0]).unwrap();
    let at = StabilityQuestion { batch_size: Some(1), ..Default::default() }.quick();
    let judged = ask(&mut point, &at);
    assert_eq!((judged[0].1, judged[1].1), (Verdict::NotDecided, Verdict::Leaves));
    let mut minimum = Minimum::of(&mut point, &tight()).unwrap();
    minimum.remark("a remark of whoever made the point".to_owned());
    let question = StabilityQuestion { batch_sharpness: true, batch_size: Some(10), ..at };
    let answer = minimum.ask(&question).unwrap();
    assert!(answer.notes.iter().any(|note| note.contains("not a minimum yet")));
    assert!(answer.notes.iter().any(|note| note == "a remark of whoever made the point"));
    // g = (0.9, 1) under H = diag(0.9, 1): gᵀHg/|g|² = (0.9³ + 1)/(0.9² + 1).
    let sharpness = answer.batch_sharpness.unwrap().mean_of_ratios.unwrap();
    let expected = (0.9f64.powi(3) + 1.0) / (0.81 + 1.0);
    assert!((sharpness.value - expected).abs() < 1e-9, "{sharpness:?}");
}

/// What is wrong with a point.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Units see their whole batch: H exists, and no H_i.
    Coupled,
    /// Every product fails.
    Lost,
    /// Every product of a single unit fails.
    LostAtUnits,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("worker {0} is lost")]
struct LostWorker(u32);

struct Faulty(DensePoint, Fault);

impl Faulty {
    fn unless_coupled(&self) -> Result<(), ProductFailure> {
        if self.1 == Fault::Coupled { Err("a unit is nothing alone".into()) } else { Ok(()) }
    }
}

impl TrainedPoint for Faulty {
    fn shape(&self) -> PointShape {
        self.0.shape()
    }
    fn precision(&self) -> Precision {
        self.0.precision()
    }
    fn coupling(&self) -> Coupling {
        if self.1 == Fault::Coupled { Coupling::WholeBatch } else { Coupling::None }
    }
    fn facts(&mut self) -> Result<PointFacts, ProductFailure> {
        self.0.facts()
    }
    fn cost(&self, matrix: Matrix) -> ProductCost {
        self.0.cost(matrix)
    }
    fn product(&mut self, matrix: Matrix, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        assert!(self.1 != Fault::Coupled || matrix == Matrix::Hessian);
        if self.1 == Fault::Lost {
            return Err(LostWorker(7).into());
        }
        self.0.product(matrix, x, y)
    }
    fn gradient(&mut self, g: &mut [f64]) -> Result<(), ProductFailure> {
        self.0.gradient(g)
    }
    fn unit_losses(&mut self, losses: &mut [f64]) -> Result<(), ProductFailure> {
        self.unless_coupled()?;
        self.0.unit_losses(losses)
    }
    fn factor_product(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), ProductFailure> {
        self.unless_coupled()?;
        self.0.factor_product(x, u)
    }
    fn factor_transposed(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.unless_coupled()?;
        self.0.factor_transposed(u, y)
    }
    fn at_units(
        &mut self,
        _: &[usize],
        work: &mut dyn FnMut(&mut dyn TrainedPoint) -> Result<(), ProductFailure>,
    ) -> Result<(), ProductFailure> {
        self.unless_coupled()?;
        work(&mut Faulty(planted(), Fault::Lost))
    }
}

/// Whatever product fails, the caller gets the point's own error.
#[test]
fn the_error_of_a_point_keeps_its_type() {
    for fault in [Fault::Lost, Fault::LostAtUnits] {
        let mut point = Faulty(planted(), fault);
        let Err(Error::Point(failure)) = Minimum::of(&mut point, &tight()) else {
            panic!("the product fails");
        };
        assert_eq!(failure.get().downcast_ref::<LostWorker>(), Some(&LostWorker(7)));
    }
}

#[test]
fn a_coupled_point_has_a_sharpness_and_no_verdict() {
    let mut point = Faulty(planted(), Fault::Coupled);
    let never = AtomicBool::new(false);
    let mut quiet = |_| ();
    let mut watch = Watch::new(&mut quiet, &never);
    let found = measure(&mut point, &SpectrumQuestion::default(), &tight(), &mut watch).unwrap();
    let sharpness = found.sharpness.unwrap();
    assert!((sharpness.value - 1.0).abs() < 1e-9 && found.non_uniformity.is_none());
    let refused = Minimum::of(&mut point, &tight()).err().unwrap();
    assert!(matches!(refused, Error::Coupled(_)) && refused.to_string().contains("batch norm"));
}

/// Products near the end of f64: H² first, then H itself.
#[test]
fn a_curvature_beyond_the_range_of_f64_is_absent() {
    let never = AtomicBool::new(false);
    let mut quiet = |_| ();
    let everything = SpectrumQuestion { top: 1, density: true, trace: true };
    for (curvature, has_sharpness) in [(1e100, true), (1e200, false)] {
        let mut point =
            DensePoint::new(2, &[curvature, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
        let mut watch = Watch::new(&mut quiet, &never);
        let found = measure(&mut point, &everything, &tight(), &mut watch).unwrap();
        assert_eq!(found.facts.loss, 0.0);
        assert_eq!(found.sharpness.is_some(), has_sharpness, "{curvature:e}");
        assert_eq!(found.spectrum.top.len(), usize::from(has_sharpness), "{curvature:e}");
        assert!(found.non_uniformity.is_none(), "{curvature:e}");
        let refused = Minimum::of(&mut point, &tight()).err().unwrap();
        assert!(refused.is_overflow(), "{curvature:e}: {refused}");
    }
}

#[test]
fn one_unit_and_no_curvature_are_refused() {
    let mut one = DensePoint::new(1, &[2.0]).unwrap();
    let refused = Minimum::of(&mut one, &tight()).err().unwrap();
    assert!(refused.to_string().contains("at least two"), "{refused}");
    let mut flat = DensePoint::new(1, &[0.0, 0.0]).unwrap();
    let refused = Minimum::of(&mut flat, &tight()).err().unwrap();
    assert!(refused.to_string().contains("H is zero"), "{refused}");
}

/// Whatever is at work when the flag is set ends, and says so.
#[test]
fn an_interruption_ends_every_stage() {
    // Of the first events every one, then some; with simulations there are thousands.
    for after in (0..30).chain((30..150).step_by(17)) {
        let flag = AtomicBool::new(false);
        let mut events = 0;
        let mut stop = |_: Measuring| {
            events += 1;
            if events > after {
                flag.store(true, Ordering::Relaxed);
            }
        };
        let mut watch = Watch::new(&mut stop, &flag);
        let mut point = planted();
        let question = StabilityQuestion {
            batch_size: Some(2),
            boundary: true,
            attribution: 2,
            batch_sharpness: true,
            quick: true,
            ..StabilityQuestion::default()
        };
        let answered = Minimum::watched(&mut point, &Budget::default(), &mut watch)
            .and_then(|mut minimum| minimum.ask_watched(&question, &mut watch));
        if flag.load(Ordering::Relaxed) {
            assert!(matches!(answered, Err(Error::Interrupted)), "after {after} events");
        } else {
            assert!(answered.is_ok());
        }
    }
}

/// Curvatures 0.2 and 3.8: independent batches of one leave above 0.552486, and an epoch in any order
/// multiplies the distance by (1 − 0.2η)(1 − 3.8η), which is −1 at 0.559472. The verdict is about the
/// optimiser's own scheme.
#[test]
fn a_verdict_is_about_the_own_sampling_scheme() {
    let mut point = DensePoint::new(1, &[0.2, 3.8]).unwrap();
    let mut minimum = Minimum::of(&mut point, &tight()).unwrap();
    let mut ask = |sampling| {
        let question = StabilityQuestion::about(0.556, 1).quick();
        let sampling = Some(sampling);
        minimum.ask(&StabilityQuestion { sampling, ..question }).unwrap()
    };
    let independent = ask(Sampling::IndependentBatches);
    assert_eq!(independent.verdict, Some(Verdict::Leaves));
    assert!(by(&independent.thresholds, &CriterionName::RESHUFFLED).is_none());
    for sampling in [Sampling::ReshuffledEpochs, Sampling::FileOrder] {
        let answer = ask(sampling);
        assert_eq!(answer.verdict, Some(Verdict::Stays), "{sampling}");
        assert_eq!((answer.sampling_assumed, answer.sampling_used), (sampling, sampling));
        let threshold = deciding(&answer.thresholds, sampling).unwrap();
        assert!((threshold.learning_rate - 0.559_472).abs() < 1e-5, "{threshold:?}");
        assert!((answer.margin.unwrap() - 0.556 / 0.559_472).abs() < 1e-5);
        let about = format!("the verdict is about {}", sampling.description());
        assert!(answer.notes.iter().any(|note| note.starts_with(&about)), "{:?}", answer.notes);
    }
    // Without its order a single shuffle is judged by independent batches, and a note says so.
    let unknown = ask(Sampling::SingleShuffle);
    assert_eq!(unknown.sampling_assumed, Sampling::IndependentBatches);
    assert!(unknown.notes.iter().any(|note| note.contains("its order is not known here")));
    minimum.set_order(vec![1, 0]);
    let question = StabilityQuestion::about(0.556, 1).quick();
    let sampling = Some(Sampling::SingleShuffle);
    let known = minimum.ask(&StabilityQuestion { sampling, ..question }).unwrap();
    assert_eq!(known.verdict, Some(Verdict::Stays));

    // The smallest batch of a learning rate between both thresholds.
    let question =
        StabilityQuestion { learning_rate: Some(0.556), quick: true, ..Default::default() };
    let mut smallest = |sampling| {
        let question = StabilityQuestion { sampling: Some(sampling), ..question };
        minimum.ask(&question).unwrap().smallest_batch_size.unwrap().estimated
    };
    assert_eq!(smallest(Sampling::IndependentBatches), Some(2));
    assert_eq!(smallest(Sampling::ReshuffledEpochs), Some(1));
}

/// What is known of a minimum answers as the minimum does, without another product, and of no other point.
#[test]
fn a_minimum_is_asked_again_later() {
    let mut point = planted();
    let at_one = StabilityQuestion::about(0.19, 1).quick();
    let mut minimum = Minimum::of(&mut point, &tight()).unwrap();
    minimum.remark("a remark".into());
    let expected = minimum.ask(&at_one).unwrap();
    let known = minimum.known();

    let later = known.clone().at(&mut point).unwrap().ask(&at_one).unwrap();
    assert_eq!(later, expected);
    assert!(later.notes.contains(&"a remark".to_owned()));

    let mut other = DensePoint::new(1, &[0.2, 3.8]).unwrap();
    let refused = known.at(&mut other).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::OtherPoint { .. }), "{refused}");
}

/// The record of a point says why a number is missing.
#[test]
fn a_summary_names_what_is_missing() {
    let mut point = planted();
    let (mut quiet, never) = (|_: Measuring| (), AtomicBool::new(false));
    let mut watch = Watch::new(&mut quiet, &never);
    let question = SpectrumQuestion { top: 2, ..SpectrumQuestion::default() };
    let found = measure_curvature(&mut point, &question, &tight(), &mut watch).unwrap();
    let whole = summary(&point, None, found.clone());
    assert!(whole.unanswered.is_empty() && whole.train_loss.is_none());
    assert_eq!((whole.parameters, whole.train_examples, whole.outputs), (2, Some(10), Some(2)));
    assert_eq!(whole.spectrum.unwrap().top.len(), 2);
    let less = MeasuredCurvature { sharpness: None, ..found };
    let said = summary(&point, None, less).unanswered;
    assert_eq!(said.len(), 1);
    assert!(said[0].quantity == "sharpness" && said[0].reason.contains("overflows"), "{said:?}");
}
