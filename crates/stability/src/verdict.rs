//! Stays, leaves, or not decided.

use super::Note;
use crate::LearningRate;

/// Where η* lies: proved ends and a converged estimate between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// Stable in mean square below: proved.
    pub lower: f64,
    /// The best value known.
    pub estimate: f64,
    /// Unstable in mean square above: proved.
    pub upper: f64,
}

impl Bracket {
    /// (upper − lower)/estimate.
    pub fn relative_width(&self) -> f64 {
        (self.upper - self.lower) / self.estimate
    }

    /// What the bracket says about a learning rate.
    pub fn judge(&self, learning_rate: LearningRate) -> Judgement {
        let eta = learning_rate.value();
        let verdict = if eta <= self.lower {
            Verdict::Stays
        } else if eta > self.upper {
            Verdict::Leaves
        } else {
            Verdict::NotDecided
        };
        Judgement { verdict, margin: eta / self.estimate, bracket: *self }
    }
}

/// What linear stability in mean square says of SGD started close to the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// η is at most the proved lower end, at a point where no note forbids to say so.
    Stays,
    /// η is above the proved upper end. "Leaves" is about the mean square: below the almost-sure
    /// threshold most trajectories still return, and beyond the linear regime f may hold them.
    Leaves,
    /// η lies inside the bracket, where the estimate is a hint; or below it, at a point that is no
    /// minimum ([`Note::forbids_staying`]).
    NotDecided,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stays => "stays",
            Self::Leaves => "leaves",
            Self::NotDecided => "not decided",
        })
    }
}

/// A verdict with the numbers it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// η/η*, by the estimate: below 1 leans to staying.
    pub margin: f64,
    /// The bracket.
    pub bracket: Bracket,
}

impl Judgement {
    /// The judgement at a point of which `notes` are known: where one forbids to say so, nothing is
    /// decided.
    pub fn at_a_point_with(self, notes: &[Note]) -> Self {
        let forbidden = match self.verdict {
            Verdict::Stays => notes.iter().any(Note::forbids_staying),
            Verdict::Leaves => notes.iter().any(Note::forbids_leaving),
            Verdict::NotDecided => false,
        };
        let verdict = if forbidden { Verdict::NotDecided } else { self.verdict };
        Self { verdict, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_staying_needs_a_minimum() {
        let bracket = Bracket { lower: 0.5, estimate: 0.8, upper: 1.0 };
        let negative = Note::NegativeCurvature { smallest: -1.0, sharpness: 2.0 };
        let gap = Note::GaussNewtonGap { sharpness_ratio: 0.9, non_uniformity_ratio: 1.0 };
        for (eta, notes, verdict) in [
            (0.4, &[gap][..], Verdict::Stays),
            (0.4, &[gap, negative], Verdict::NotDecided),
            (0.6, &[negative], Verdict::NotDecided),
            (1.1, &[negative], Verdict::Leaves),
            (1.1, &[Note::WeightDecay(1e-4)], Verdict::NotDecided),
        ] {
            let judged = bracket.judge(LearningRate::new(eta).unwrap()).at_a_point_with(notes);
            assert_eq!(judged.verdict, verdict, "{eta}, {notes:?}");
        }
    }

    #[test]
    fn edges() {
        let bracket = Bracket { lower: 0.5, estimate: 0.8, upper: 1.0 };
        let judge = |eta| bracket.judge(LearningRate::new(eta).unwrap()).verdict;
        assert_eq!(judge(0.5), Verdict::Stays);
        assert_eq!(judge(0.51), Verdict::NotDecided);
        assert_eq!(judge(1.0), Verdict::NotDecided);
        assert_eq!(judge(1.01), Verdict::Leaves);
        assert_eq!(bracket.judge(LearningRate::new(0.4).unwrap()).margin, 0.5);
    }
}
