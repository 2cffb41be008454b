//! Explains an observation that is not as predicted, by the same launches in the linearised dynamics.

use minimascope_record::escape::{Cell, Explanation, Linearised, LinearisedLaunches};
use minimascope_record::stability::Verdict;

/// Whether a cell asks for an explanation: it is decided and a launch was seen to do otherwise, or it
/// lies inside the bracket.
pub(super) fn is_wanted(cell: &Cell) -> bool {
    cell.predicted == Verdict::NotDecided || Departed::of(cell).left != expected(cell)
}

/// What there is to explain: the launches that did not do as expected, or all of them where all did.
struct Departed {
    /// What they did.
    left: bool,
    seeds: Vec<usize>,
    launches: u64,
    /// Steps of each.
    steps: u64,
}

impl Departed {
    fn of(cell: &Cell) -> Self {
        let expected = expected(cell);
        let of = |left: bool| -> Vec<usize> {
            let seeds = cell.departures.iter().enumerate();
            seeds.filter(|(_, at)| at.is_some() == left).map(|(seed, _)| seed).collect()
        };
        let against = of(!expected);
        let (left, seeds) =
            if against.is_empty() { (expected, of(expected)) } else { (!expected, against) };
        Self { left, seeds, launches: cell.departures.len() as u64, steps: cell.max_steps }
    }

    /// Whether most of them have a twin, the linearised launch on the same batches, that does the same
    /// within so many steps.
    fn is_done_by_twins(&self, launches: &LinearisedLaunches, steps: u64) -> bool {
        let twins = self.seeds.iter().filter_map(|seed| launches.departures.get(*seed));
        2 * twins.filter(|at| self.is_done(at, steps)).count() > self.seeds.len()
    }

    /// Whether so many of so few launches would do the same once in twenty times, if each did as often
    /// as the linearised ones.
    fn is_done_as_often(&self, launches: &LinearisedLaunches, steps: u64) -> bool {
        let rate = self.done(launches, steps) as f64 / launches.departures.len() as f64;
        at_least(self.seeds.len() as u64, self.launches, rate) >= CHANCE
    }

    /// Whether more of the one scheme's linearised launches do the same than of the other's, by more than
    /// what chance gives once in twenty times.
    fn is_done_more_by(&self, one: &LinearisedLaunches, other: &LinearisedLaunches) -> bool {
        let count = |launches: &LinearisedLaunches| {
            (self.done(launches, self.steps), launches.departures.len() as u64)
        };
        more_often(count(one), count(other)) <= CHANCE
    }

    /// How many of a scheme's linearised launches do the same within so many steps.
    fn done(&self, launches: &LinearisedLaunches, steps: u64) -> u64 {
        launches.departures.iter().filter(|at| self.is_done(at, steps)).count() as u64
    }

    fn is_done(&self, at: &Option<u64>, steps: u64) -> bool {
        at.is_some_and(|at| at <= steps) == self.left
    }
}

/// What is too rare to be called chance.
const CHANCE: f64 = 0.05;

/// The chance of at least so many of `of`, each with the chance `rate`.
fn at_least(count: u64, of: u64, rate: f64) -> f64 {
    let terms = (0..count).map(|hits| {
        choose(of, hits) * rate.powi(hits as i32) * (1.0 - rate).powi((of - hits) as i32)
    });
    1.0 - terms.sum::<f64>()
}

/// The chance that the first sample has so many of all that were found, or more, if both are of one
/// distribution: Fisher's exact test.
fn more_often((count, of): (u64, u64), (others, of_others): (u64, u64)) -> f64 {
    let found = count + others;
    let ways = |hits: u64| choose(of, hits) * choose(of_others, found - hits);
    let terms = (count..=of.min(found)).map(|hits| ways(hits) / choose(of + of_others, found));
    terms.sum()
}

/// How many ways there are to choose `taken` of `of`.
fn choose(of: u64, taken: u64) -> f64 {
    if taken > of {
        return 0.0;
    }
    (0..taken).map(|k| (of - k) as f64 / (k + 1) as f64).product()
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

/// By what the linearised dynamics do with the same (η, B), steps and criterion on the same batches:
/// where they differ from the network the difference is nonlinear, unless on other batches they do so
/// as often; where they do the same it is in the prediction's own terms, many steps, independent
/// batches, a mean over all paths and no residuals.
pub(super) fn explain(cell: &Cell, linearised: &Linearised) -> Explanation {
    let seen = Departed::of(cell);
    let (used, other) = (&linearised.by_sampling[0], linearised.by_sampling.get(1));
    let by_scheme = || other.is_some_and(|other| seen.is_done_more_by(used, other));
    match (seen.left, seen.is_done_by_twins(used, seen.steps)) {
        (_, false) if seen.is_done_as_often(used, seen.steps) => Explanation::Chance,
        (false, false) => Explanation::NonlinearReturn,
        (true, false) if linearised.share_of_loss < ENOUGH => Explanation::Unexplained,
        (true, false) => Explanation::NonlinearDeparture,
        (left, true) if left == expected(cell) => Explanation::AsEstimated,
        (true, true) if by_scheme() => Explanation::Reshuffling,
        (true, true) => Explanation::Residuals,
        (false, true) if !seen.is_done_by_twins(used, linearised.max_steps) => {
            Explanation::FiniteSteps
        }
        (false, true) if by_scheme() => Explanation::Reshuffling,
        (false, true) => match (shrinks(used), other.and_then(shrinks)) {
            (Some(true), Some(false)) => Explanation::Reshuffling,
            (Some(true), Some(true)) => Explanation::RarePaths,
            _ => Explanation::Slow,
        },
    }
}

/// Whether a typical path shrinks in the long run, where e^{2γ} is further from 1 than twice its
/// standard error.
fn shrinks(launches: &LinearisedLaunches) -> Option<bool> {
    let (typical, error) = (launches.typical?, launches.typical_standard_error?);
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
            max_steps: 100,
            departures: (0..3).map(|seed| (seed < left).then_some(50)).collect(),
            largest_loss_ratio: None,
            explanation: None,
            linearised: None,
        }
    }

    /// Left within the steps, and later, and the growth of a typical path.
    type Counts = (u64, u64, f64);

    fn linearised(used: Counts, other: Counts) -> Linearised {
        let launches = |sampling, (left, left_later, typical): Counts| LinearisedLaunches {
            sampling,
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
            by_sampling: vec![
                launches(Sampling::ReshuffledEpochs, used),
                launches(Sampling::IndependentBatches, other),
            ],
        }
    }

    #[test]
    fn every_explanation_has_its_measurement() {
        use Explanation::{
            AsEstimated, Chance, FiniteSteps, NonlinearDeparture, NonlinearReturn, RarePaths,
            Reshuffling, Residuals, Slow, Unexplained,
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
            (cell(Leaves, 2.0, 2), (2, 0, 1.2), loud(3), Slow),
            (cell(Leaves, 2.0, 2), (2, 0, 0.9), (2, 0, 0.9), RarePaths),
            // Most left, though they should stay.
            (left.clone(), (0, 3, 0.9), (0, 3, 0.9), NonlinearDeparture),
            (left.clone(), loud(3), quiet(0.9), Reshuffling),
            (left, loud(3), loud(3), Residuals),
            // One left: its twin, or as many others.
            (cell(Stays, 0.5, 1), quiet(0.9), quiet(0.9), NonlinearDeparture),
            (cell(Stays, 0.5, 1), loud(1), quiet(0.9), Residuals),
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
        // The twin stays and another leaves, as often as one in three; one in a hundred is not.
        let mut by_another = linearised(quiet(0.9), quiet(0.9));
        by_another.by_sampling[0].departures[1] = Some(50);
        assert_eq!(explain(&cell(Stays, 0.5, 1), &by_another), Chance);
        by_another.by_sampling[0].departures =
            (0..100).map(|seed| (seed == 7).then_some(50)).collect();
        assert_eq!(explain(&cell(Stays, 0.5, 1), &by_another), NonlinearDeparture);
        // The twin of the one that stayed left before the steps were over: not finite steps.
        let mut by_another = linearised(loud(3), loud(3));
        by_another.by_sampling[0].departures = vec![Some(50), None, Some(50)];
        assert_eq!(explain(&cell(Leaves, 2.0, 2), &by_another), Chance);
        // The twin leaves, and with it as few as by the other scheme, or many more.
        let some = |of: usize, left: usize| (0..of).map(move |seed| (seed < left).then_some(50));
        for (used, other, expected) in [(1, 0, Residuals), (4, 0, Residuals), (5, 0, Reshuffling)] {
            let mut unequal = linearised(loud(1), quiet(0.9));
            unequal.by_sampling[0].departures = some(32, used).collect();
            unequal.by_sampling[1].departures = some(32, other).collect();
            assert_eq!(explain(&cell(Stays, 0.5, 1), &unequal), expected, "{used} and {other}");
        }
        assert!(!is_wanted(&cell(Leaves, 2.0, 3)));
        assert!(!is_wanted(&cell(Stays, 0.5, 0)));
    }

    #[test]
    fn tails_of_chance() {
        assert_eq!((at_least(0, 3, 0.2), at_least(3, 3, 0.5)), (1.0, 0.125));
        // 1 − (2/3)³, 3·(1/3)²·(2/3) + (1/3)³, and certainties.
        assert!((at_least(1, 3, 1.0 / 3.0) - 19.0 / 27.0).abs() < 1e-15);
        assert!((at_least(2, 3, 1.0 / 3.0) - 7.0 / 27.0).abs() < 1e-15);
        assert_eq!((at_least(1, 3, 0.0), at_least(3, 3, 1.0)), (0.0, 1.0));
        // All three of six that are in the first half: 1/C(6, 3); anything, surely.
        assert!((more_often((3, 3), (0, 3)) - 0.05).abs() < 1e-15);
        assert!((more_often((0, 32), (7, 32)) - 1.0).abs() < 1e-12);
        // Fisher's tea: 3 of 4 cups and 1 of 4, 17/70.
        assert!((more_often((3, 4), (1, 4)) - 17.0 / 70.0).abs() < 1e-15);
    }
}
