//! Stays, leaves, or not decided.

use minimascope_record::stability::Verdict;
use minimascope_record::threshold::Threshold;

use crate::LearningRate;
use crate::applicability::Note;

/// A verdict with the numbers it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// η/η*, by the estimate: below 1 leans to staying.
    pub margin: f64,
}

/// What the exact threshold says of a learning rate at a point of which `notes` are known. Where a
/// note forbids to say that SGD stays, or that it leaves, nothing is decided.
pub fn judge(exact: &Threshold, learning_rate: LearningRate, notes: &[Note]) -> Judgement {
    let (eta, ends) = (learning_rate.value(), exact.ends());
    let verdict = if eta <= ends.lower && !notes.iter().any(Note::forbids_staying) {
        Verdict::Stays
    } else if eta > ends.upper && !notes.iter().any(Note::forbids_leaving) {
        Verdict::Leaves
    } else {
        Verdict::NotDecided
    };
    // A record holds finite numbers.
    Judgement { verdict, margin: (eta / exact.learning_rate).min(f64::MAX) }
}

#[cfg(test)]
mod tests {
    use minimascope_record::threshold::{Bracket, CriterionName, Evidence, Proves};

    use super::*;

    fn exact() -> Threshold {
        Threshold {
            criterion: CriterionName::MEAN_SQUARE,
            title: "exact".to_owned(),
            learning_rate: 0.8,
            bracket: Some(Bracket { lower: 0.5, upper: 1.0 }),
            proves: Proves::Both,
            source: String::new(),
            evidence: Evidence::Formula,
            remark: None,
        }
    }

    #[test]
    fn only_staying_needs_a_minimum() {
        let negative = Note::NegativeCurvature { smallest: -1.0, sharpness: 2.0 };
        let gap = Note::GaussNewtonGap { sharpness_ratio: 0.9, non_uniformity_ratio: 1.0 };
        for (eta, notes, verdict) in [
            (0.4, &[gap][..], Verdict::Stays),
            (0.4, &[gap, negative], Verdict::NotDecided),
            (0.6, &[negative], Verdict::NotDecided),
            (1.1, &[negative], Verdict::Leaves),
            (1.1, &[Note::WeightDecay(1e-4)], Verdict::NotDecided),
        ] {
            let judged = judge(&exact(), LearningRate::new(eta).unwrap(), notes);
            assert_eq!(judged.verdict, verdict, "{eta}, {notes:?}");
        }
    }

    #[test]
    fn the_ends_belong_to_the_bracket() {
        let judged = |eta| judge(&exact(), LearningRate::new(eta).unwrap(), &[]).verdict;
        assert_eq!(judged(0.5), Verdict::Stays);
        assert_eq!(judged(0.51), Verdict::NotDecided);
        assert_eq!(judged(1.0), Verdict::NotDecided);
        assert_eq!(judged(1.01), Verdict::Leaves);
        assert_eq!(judge(&exact(), LearningRate::new(0.4).unwrap(), &[]).margin, 0.5);
    }
}
