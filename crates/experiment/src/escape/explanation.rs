//! What an observation says that is not as predicted, by the linearised relaunch.

use minimascope_record::escape::{Cell, Explanation, Linearised, LinearisedLaunches};
use minimascope_record::stability::Verdict;

/// Whether a cell asks for an explanation: it is decided and a launch was seen to do otherwise, or it
/// lies inside the bracket.
pub(super) fn is_wanted(cell: &Cell) -> bool {
    cell.predicted == Verdict::NotDecided || Seen::of(cell).left != expected(cell)
}

/// What there is to explain: the launches that did not do as expected, or all of them where all did.
struct Seen {
    /// What they did.
    left: bool,
    seeds: Vec<usize>,
    launches: u64,
}

impl Seen {
    fn of(cell: &Cell) -> Self {
        let expected = expected(cell);
        let of = |left: bool| -> Vec<usize> {
            let seeds = cell.departures.iter().enumerate();
            seeds.filter(|(_, at)| at.is_some() == left).map(|(seed, _)| seed).collect()
        };
        let against = of(!expected);
        let (left, seeds) =
            if against.is_empty() { (expected, of(expected)) } else { (!expected, against) };
        Self { left, seeds, launches: cell.launches }
    }

    /// Whether most of them have a twin, the linearised launch on the same batches, that does the same
    /// within so many steps.
    fn is_done_by_twins(&self, law: &LinearisedLaunches, steps: u64) -> bool {
        let twins = self.seeds.iter().filter_map(|seed| law.departures.get(*seed));
        2 * twins.filter(|at| self.is_done(at, steps)).count() > self.seeds.len()
    }

    /// Whether so many of so few launches would do the same once in twenty times, if each did as often
    /// as the linearised ones.
    fn is_done_as_often(&self, law: &LinearisedLaunches, steps: u64) -> bool {
        let done = law.departures.iter().filter(|at| self.is_done(at, steps)).count();
        let rate = done as f64 / law.departures.len() as f64;
        at_least(self.seeds.len() as u64, self.launches, rate) >= OFTEN
    }

    fn is_done(&self, at: &Option<u64>, steps: u64) -> bool {
        at.is_some_and(|at| at <= steps) == self.left
    }
}

/// The chance of what a rate is called able to explain.
const OFTEN: f64 = 0.05;

/// The chance of at least so many of `of`, each with the chance `rate`.
fn at_least(count: u64, of: u64, rate: f64) -> f64 {
    let mut choices = 1.0;
    let mut below = 0.0;
    for hits in 0..count {
        below += choices * rate.powi(hits as i32) * (1.0 - rate).powi((of - hits) as i32);
        choices *= (of - hits) as f64 / (hits + 1) as f64;
    }
    1.0 - below
}

/// What the prediction, or inside the bracket the estimate, says.
fn expected(cell: &Cell) -> bool {
    match cell.predicted {
        Verdict::Leaves => true,
        Verdict::Stays => false,
        Verdict::NotDecided => cell.margin > 1.0,
    }
}

/// The share of the minimum's loss that a relaunch must hold to exclude that residuals push: the rest is
/// of no effect in it.
const ENOUGH: f64 = 0.5;

/// By what the linearised dynamics do with the same (η, B), steps and criterion, on the same batches
/// or as often: where they differ from the network the difference is nonlinear; where they do the same
/// it is in the prediction's own terms, many steps, independent batches, a mean over all paths and
/// no residuals.
pub(super) fn explain(cell: &Cell, linearised: &Linearised) -> Explanation {
    let seen = Seen::of(cell);
    let often = |law: &LinearisedLaunches| seen.is_done_as_often(law, cell.max_steps);
    let (used, other) = (&linearised.laws[0], linearised.laws.get(1));
    let same = seen.is_done_by_twins(used, cell.max_steps) || often(used);
    match (seen.left, same) {
        (false, false) => Explanation::NonlinearReturn,
        (true, false) if linearised.share_of_loss < ENOUGH => Explanation::Unexplained,
        (true, false) => Explanation::NonlinearDeparture,
        (left, true) if left == expected(cell) => Explanation::AsEstimated,
        (true, true) => match other {
            Some(other) if !often(other) => Explanation::Reshuffling,
            _ => Explanation::Residuals,
        },
        (false, true) => {
            if !seen.is_done_by_twins(used, linearised.max_steps) {
                return Explanation::FiniteSteps;
            }
            match (other, shrinks(used), other.and_then(shrinks)) {
                (Some(other), ..) if !often(other) => Explanation::Reshuffling,
                (_, Some(true), Some(false)) => Explanation::Reshuffling,
                (_, Some(true), Some(true)) => Explanation::RarePaths,
                _ => Explanation::Slow,
            }
        }
    }
}

/// Whether a typical path shrinks in the long run, where e^{2γ} is further from 1 than twice its
/// standard error.
fn shrinks(law: &LinearisedLaunches) -> Option<bool> {
    let (typical, error) = (law.typical?, law.typical_standard_error?);
    ((typical - 1.0).abs() > 2.0 * error).then_some(typical < 1.0)
}

#[cfg(test)]
mod tests {
    use minimascope_record::escape::PredictedGrowth;
    use minimascope_record::training::Sampling;

    use super::*;

    fn cell(predicted: Verdict, margin: f64, left: u64) -> Cell {
        Cell {
            learning_rate: 0.1,
            batch_size: 4,
            predicted,
            margin,
            predicted_growth: PredictedGrowth {
                directions: 2,
                mean_square: 1.1,
                mean_square_in_half: 1.1,
                typical: Some(0.9),
                typical_standard_error: Some(0.0),
            },
            left,
            launches: 3,
            max_steps: 100,
            left_at: None,
            departures: (0..3).map(|seed| (seed < left).then_some(50)).collect(),
            largest_loss_ratio: None,
            explanation: None,
            linearised: None,
        }
    }

    /// Left within the steps, and later, and the growth of a typical path.
    type Law = (u64, u64, f64);

    fn linearised(used: Law, other: Law) -> Linearised {
        let launches = |sampling, (left, left_later, typical): Law| LinearisedLaunches {
            sampling,
            launches: 3,
            left,
            left_later,
            left_at: None,
            departures: (0..3)
                .map(|seed| {
                    (seed < left + left_later).then_some(if seed < left { 50 } else { 300 })
                })
                .collect(),
            growth: None,
            typical: Some(typical),
            typical_standard_error: Some(0.01),
        };
        Linearised {
            directions: 2,
            share_of_loss: 1.0,
            max_steps: 400,
            laws: vec![
                launches(Sampling::ReshuffledEpochs, used),
                launches(Sampling::IndependentBatches, other),
            ],
        }
    }

    #[test]
    fn every_explanation_has_its_measurement() {
        use Explanation::{
            AsEstimated, FiniteSteps, NonlinearDeparture, NonlinearReturn, RarePaths, Reshuffling,
            Residuals, Slow, Unexplained,
        };
        use Verdict::{Leaves, NotDecided, Stays};
        let quiet = |typical| (0, 0, typical);
        let loud = |left| (left, 0, 1.2);
        let left = cell(Stays, 0.5, 3);
        let without_residuals =
            Linearised { share_of_loss: 0.03, ..linearised(quiet(0.9), quiet(0.9)) };
        assert_eq!(explain(&left, &without_residuals), Unexplained);
        for (cell, used, other, expected) in [
            // Most stayed, though they should leave.
            (cell(Leaves, 2.0, 1), loud(3), loud(3), NonlinearReturn),
            (cell(Leaves, 2.0, 1), (1, 2, 1.2), loud(3), FiniteSteps),
            (cell(Leaves, 2.0, 1), quiet(1.2), loud(3), Reshuffling),
            (cell(Leaves, 2.0, 1), quiet(1.2), loud(2), Slow),
            (cell(Leaves, 2.0, 1), quiet(0.9), quiet(1.03), Reshuffling),
            (cell(Leaves, 2.0, 1), quiet(0.9), quiet(0.99), Slow),
            (cell(Leaves, 2.0, 1), quiet(0.9), (1, 0, 0.95), RarePaths),
            (cell(Leaves, 2.0, 1), quiet(1.0), quiet(0.9), Slow),
            // One stayed: its twin, or as many others.
            (cell(Leaves, 2.0, 2), loud(3), loud(3), NonlinearReturn),
            (cell(Leaves, 2.0, 2), (2, 1, 1.2), loud(3), FiniteSteps),
            (cell(Leaves, 2.0, 2), (2, 0, 1.2), loud(3), Reshuffling),
            (cell(Leaves, 2.0, 2), (2, 0, 0.9), (2, 0, 0.9), RarePaths),
            // Most left, though they should stay.
            (left.clone(), (0, 3, 0.9), (0, 3, 0.9), NonlinearDeparture),
            (left.clone(), loud(3), quiet(0.9), Reshuffling),
            (left, loud(3), loud(3), Residuals),
            // One left: its twin, or as many others.
            (cell(Stays, 0.5, 1), quiet(0.9), quiet(0.9), NonlinearDeparture),
            (cell(Stays, 0.5, 1), loud(1), quiet(0.9), Reshuffling),
            (cell(Stays, 0.5, 1), loud(1), loud(1), Residuals),
            // Inside the bracket.
            (cell(NotDecided, 1.1, 3), loud(2), loud(3), AsEstimated),
            (cell(NotDecided, 0.9, 0), quiet(0.9), quiet(0.9), AsEstimated),
            (cell(NotDecided, 1.1, 0), quiet(0.9), quiet(0.9), RarePaths),
            (cell(NotDecided, 0.9, 3), quiet(0.9), quiet(0.9), NonlinearDeparture),
            (cell(NotDecided, 0.9, 1), quiet(0.9), quiet(0.9), NonlinearDeparture),
        ] {
            assert!(is_wanted(&cell), "{cell:?}");
            assert_eq!(explain(&cell, &linearised(used, other)), expected, "{cell:?} {used:?}");
        }
        // The twin stays, another leaves: as often as one in three.
        let mut by_another = linearised(quiet(0.9), quiet(0.9));
        by_another.laws[0].departures[1] = Some(50);
        by_another.laws[1].departures[1] = Some(50);
        assert_eq!(explain(&cell(Stays, 0.5, 1), &by_another), Residuals);
        // One in a hundred does not explain one in three.
        by_another.laws[0].departures = (0..100).map(|seed| (seed == 7).then_some(50)).collect();
        assert_eq!(explain(&cell(Stays, 0.5, 1), &by_another), NonlinearDeparture);
        assert!(!is_wanted(&cell(Leaves, 2.0, 3)));
        assert!(!is_wanted(&cell(Stays, 0.5, 0)));
    }

    #[test]
    fn tails_of_the_binomial_law() {
        assert_eq!((at_least(0, 3, 0.2), at_least(3, 3, 0.5)), (1.0, 0.125));
        // 1 − (2/3)³, 3·(1/3)²·(2/3) + (1/3)³, and certainties.
        assert!((at_least(1, 3, 1.0 / 3.0) - 19.0 / 27.0).abs() < 1e-15);
        assert!((at_least(2, 3, 1.0 / 3.0) - 7.0 / 27.0).abs() < 1e-15);
        assert_eq!((at_least(1, 3, 0.0), at_least(3, 3, 1.0)), (0.0, 1.0));
    }
}
