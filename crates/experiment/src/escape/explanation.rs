//! What an observation says that is not as predicted, by the linearised relaunch.

use minimascope_record::escape::{Cell, Explanation, Linearised};
use minimascope_record::stability::Verdict;

/// Whether a cell asks for an explanation: it is decided and seen otherwise, or it lies inside the
/// bracket.
pub(super) fn is_wanted(cell: &Cell) -> bool {
    cell.predicted == Verdict::NotDecided || cell.has_left() != expected(cell)
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
    let (left, expected) = (cell.has_left(), expected(cell));
    let (used, other) = (&linearised.laws[0], linearised.laws.get(1));
    match (left, used.has_left()) {
        (false, true) => Explanation::NonlinearReturn,
        (true, false) if linearised.share_of_loss < ENOUGH => Explanation::Unexplained,
        (true, false) => Explanation::NonlinearDeparture,
        _ if left == expected => Explanation::AsEstimated,
        (true, true) => match other {
            Some(other) if !other.has_left() => Explanation::Reshuffling,
            _ => Explanation::Residuals,
        },
        (false, false) => {
            if used.leaves_in_the_end() {
                return Explanation::FiniteSteps;
            }
            match (other, cell.predicted_growth.typical) {
                (Some(other), _) if other.has_left() => Explanation::Reshuffling,
                (_, Some(typical)) if typical < 1.0 => Explanation::RarePaths,
                _ => Explanation::Slow,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use minimascope_record::escape::{LinearisedLaunches, PredictedGrowth};
    use minimascope_record::training::Sampling;

    use super::*;

    fn cell(predicted: Verdict, margin: f64, left: u64, typical: f64) -> Cell {
        Cell {
            learning_rate: 0.1,
            batch_size: 4,
            predicted,
            margin,
            predicted_growth: PredictedGrowth {
                directions: 2,
                mean_square: 1.1,
                mean_square_in_half: 1.1,
                typical: Some(typical),
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

    /// Left within the steps, and later, by the law used and by the other.
    fn linearised(used: (u64, u64), other: (u64, u64)) -> Linearised {
        let launches = |sampling, (left, left_later)| LinearisedLaunches {
            sampling,
            launches: 3,
            left,
            left_later,
            left_at: None,
            growth: None,
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
        let stayed = |typical| cell(Leaves, 2.0, 1, typical);
        let left = cell(Stays, 0.5, 3, 0.9);
        let without_residuals = Linearised { share_of_loss: 0.03, ..linearised((0, 0), (0, 0)) };
        assert_eq!(explain(&left, &without_residuals), Unexplained);
        for (cell, used, other, expected) in [
            (stayed(1.2), (3, 0), (3, 0), NonlinearReturn),
            (stayed(1.2), (1, 2), (3, 0), FiniteSteps),
            (stayed(1.2), (0, 0), (2, 0), Reshuffling),
            (stayed(0.9), (0, 0), (1, 0), RarePaths),
            (stayed(1.0), (0, 0), (0, 0), Slow),
            (left.clone(), (0, 3), (0, 3), NonlinearDeparture),
            (left.clone(), (3, 0), (0, 0), Reshuffling),
            (left, (3, 0), (3, 0), Residuals),
            (cell(NotDecided, 1.1, 3, 1.2), (2, 0), (3, 0), AsEstimated),
            (cell(NotDecided, 0.9, 0, 1.2), (0, 0), (0, 0), AsEstimated),
            (cell(NotDecided, 1.1, 0, 0.9), (0, 0), (0, 0), RarePaths),
            (cell(NotDecided, 0.9, 3, 0.9), (0, 0), (0, 0), NonlinearDeparture),
        ] {
            assert!(is_wanted(&cell), "{cell:?}");
            assert_eq!(explain(&cell, &linearised(used, other)), expected, "{cell:?} {used:?}");
        }
        assert!(!is_wanted(&cell(Leaves, 2.0, 2, 1.0)));
        assert!(!is_wanted(&cell(Stays, 0.5, 1, 1.0)));
    }
}
