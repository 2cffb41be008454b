//! What an observation says that is not as predicted, by the linearised relaunch.

use minimascope_record::escape::{Cell, Explanation, Linearised, LinearisedLaunches};
use minimascope_record::stability::Verdict;

/// Whether a cell asks for an explanation: it is decided and a launch was seen to do otherwise, or it
/// lies inside the bracket.
pub(super) fn is_wanted(cell: &Cell) -> bool {
    cell.predicted == Verdict::NotDecided || Seen::of(cell).left != expected(cell)
}

/// What there is to explain: what most launches did or, where the others did not do as expected,
/// what those did.
#[derive(Clone, Copy)]
struct Seen {
    left: bool,
    by_most: bool,
}

impl Seen {
    fn of(cell: &Cell) -> Self {
        let expected = expected(cell);
        let against = if expected { cell.launches - cell.left } else { cell.left };
        let by_most = cell.has_left() != expected || against == 0;
        Self { left: expected ^ (against > 0), by_most }
    }

    /// Whether `left` of so many linearised launches do the same: most of them, or one where one
    /// is to be explained.
    fn is_done_by(self, left: u64, launches: u64) -> bool {
        match (self.by_most, self.left) {
            (true, seen) => (2 * left > launches) == seen,
            (false, true) => left > 0,
            (false, false) => left < launches,
        }
    }
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

/// By what the linearised dynamics do with the same (η, B), steps and criterion: where they differ
/// from the network the difference is nonlinear; where they do the same it is in the prediction's
/// own terms, many steps, independent batches, a mean over all paths and no residuals.
pub(super) fn explain(cell: &Cell, linearised: &Linearised) -> Explanation {
    let seen = Seen::of(cell);
    let same = |law: &LinearisedLaunches| seen.is_done_by(law.left, law.launches);
    let (used, other) = (&linearised.laws[0], linearised.laws.get(1));
    match (seen.left, same(used)) {
        (false, false) => Explanation::NonlinearReturn,
        (true, false) if linearised.share_of_loss < ENOUGH => Explanation::Unexplained,
        (true, false) => Explanation::NonlinearDeparture,
        (left, true) if left == expected(cell) => Explanation::AsEstimated,
        (true, true) => match other {
            Some(other) if !same(other) => Explanation::Reshuffling,
            _ => Explanation::Residuals,
        },
        (false, true) => {
            let in_the_end = used.left + used.left_later;
            if !seen.is_done_by(in_the_end, used.launches) {
                return Explanation::FiniteSteps;
            }
            match (other, shrinks(used), other.and_then(shrinks)) {
                (Some(other), ..) if !same(other) => Explanation::Reshuffling,
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
            largest_loss_ratio: None,
            explanation: None,
            linearised: None,
        }
    }

    /// Left within the steps, and later, and the growth of a typical path.
    type Law = (u64, u64, f64);

    fn linearised(used: Law, other: Law) -> Linearised {
        let launches = |sampling, (left, left_later, typical)| LinearisedLaunches {
            sampling,
            launches: 3,
            left,
            left_later,
            left_at: None,
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
            (cell(Leaves, 2.0, 1), quiet(1.2), loud(2), Reshuffling),
            (cell(Leaves, 2.0, 1), quiet(0.9), quiet(1.03), Reshuffling),
            (cell(Leaves, 2.0, 1), quiet(0.9), quiet(0.99), Slow),
            (cell(Leaves, 2.0, 1), quiet(0.9), (1, 0, 0.95), RarePaths),
            (cell(Leaves, 2.0, 1), quiet(1.0), quiet(0.9), Slow),
            // One stayed: one linearised launch that stays too is enough.
            (cell(Leaves, 2.0, 2), loud(3), loud(3), NonlinearReturn),
            (cell(Leaves, 2.0, 2), (2, 1, 1.2), loud(3), FiniteSteps),
            (cell(Leaves, 2.0, 2), (2, 0, 1.2), loud(3), Reshuffling),
            (cell(Leaves, 2.0, 2), (2, 0, 0.9), (2, 0, 0.9), RarePaths),
            // Most left, though they should stay.
            (left.clone(), (0, 3, 0.9), (0, 3, 0.9), NonlinearDeparture),
            (left.clone(), loud(3), quiet(0.9), Reshuffling),
            (left, loud(3), loud(3), Residuals),
            // One left: one linearised launch that leaves too is enough.
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
        assert!(!is_wanted(&cell(Leaves, 2.0, 3)));
        assert!(!is_wanted(&cell(Stays, 0.5, 0)));
    }
}
