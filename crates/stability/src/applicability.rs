//! Whether the theory applies to this point: what every verdict is printed with.

use derive_more::Display;
use minimascope_record::training::Sampling;

use crate::Error;

/// Below this training loss a point counts as interpolating: ten times the stopping rule of the
/// 2018 study, whose minima have H close to its Gauss–Newton part.
const INTERPOLATION_LOSS: f64 = 1e-3;
/// A negative end of H or of some H_i up to this share of the positive end passes. The theory puts the
/// Gauss–Newton part G ⪰ 0 for H, and λ_min(H) < 0 is part of the difference; H − G of norm ν moves an
/// eigenvalue a by at most ν, so that a threshold 2/a moves by the share ν/a. Thresholds are known to
/// one per cent (the default tolerance in the number of directions), and so much is no news. At η ≤ 2/a
/// such a direction grows by at most 2 % a step.
const NEGATIVE_SHARE: f64 = 1e-2;
/// A difference of sharpness or non-uniformity from the full Hessian's that deserves a note.
const GAUSS_NEWTON_SHARE: f64 = 0.05;

/// Facts about the point and the run; `None` for what was not measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applicability {
    /// f.
    pub training_loss: f64,
    /// |∇f|.
    pub gradient_norm: f64,
    /// λ_max(H).
    pub sharpness: f64,
    /// λ_min(H).
    pub smallest_curvature: Option<f64>,
    /// The most negative eigenvalue of any H_i, and the largest of any.
    pub example_ends: Option<(f64, f64)>,
    /// (a, s) of the factors over (a, s) of the full Hessian.
    pub gauss_newton: Option<(f64, f64)>,
    /// The sampling scheme that the criteria assume.
    pub sampling_assumed: Sampling,
    /// The sampling scheme of the optimiser.
    pub sampling_used: Sampling,
    /// λ of the optimiser's weight decay, which adds λI to every H_i.
    pub weight_decay: f64,
}

/// One thing to know before trusting a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Display)]
pub enum Note {
    /// The loss is not small: SGD's noise does not vanish here, so that no point is fixed for it.
    #[display(
        "the training loss is {training_loss:.3e}: examples still pull in different directions, \
         so that SGD fluctuates here and no verdict says stays"
    )]
    NotInterpolating {
        /// f.
        training_loss: f64,
    },
    /// One step of gradient descent at 2/a would move further than curvature can undo.
    #[display(
        "the gradient promises a decrease of {promised_decrease:.3e} of a loss of \
         {training_loss:.3e}: this is not a minimum yet, no verdict says stays; train further"
    )]
    NotStationary {
        /// |∇f|²/(2a), the decrease that the gradient promises.
        promised_decrease: f64,
        /// f.
        training_loss: f64,
    },
    /// H has a negative end: that direction grows at every learning rate, by 1 + η|λ| a step.
    #[display(
        "H has the eigenvalue {smallest:.3e} beside {sharpness:.3e}: along it every learning \
         rate drifts away, and no verdict says stays; of the full H 2/a is still necessary, the \
         rectangle still proves nothing, and Theorem 1 holds at no learning rate; Theorem 1 as \
         printed, the exact threshold, the bounds, the almost-sure threshold, decoupled noise \
         and the worst example are those of the Gauss-Newton parts, for which only the other \
         directions exist"
    )]
    NegativeCurvature {
        /// λ_min(H).
        smallest: f64,
        /// λ_max(H).
        sharpness: f64,
    },
    /// Some H_i has a negative end: the mean-square theory replaced it by its Gauss–Newton part.
    #[display(
        "an example's Hessian reaches {smallest:.3e} beside {largest:.3e}: a batch of few such \
         examples expands at every learning rate; sharpness and non-uniformity, and so 2/a and \
         the rectangle, are measured with it, all other criteria are those of the Gauss-Newton \
         parts, which leave it out"
    )]
    NegativeExample {
        /// The most negative eigenvalue.
        smallest: f64,
        /// The largest eigenvalue of any example.
        largest: f64,
    },
    /// The factors' a or s differ from the full Hessian's.
    #[display(
        "the factors have {sharpness_ratio:.3} of the Hessian's sharpness and \
         {non_uniformity_ratio:.3} of its non-uniformity: expect the thresholds to be off by as \
         much"
    )]
    GaussNewtonGap {
        /// a of the factors over a.
        sharpness_ratio: f64,
        /// s of the factors over s.
        non_uniformity_ratio: f64,
    },
    /// The optimiser draws batches otherwise than the criteria assume.
    #[display(
        "the criteria assume {}, the optimiser uses {}{}",
        assumed.description(), used.description(), about_order(*used)
    )]
    OtherSampling {
        /// By the criteria.
        assumed: Sampling,
        /// By the optimiser.
        used: Sampling,
    },
    /// The optimiser's weight decay adds to every curvature, and the criteria leave it out.
    #[display(
        "weight decay {_0} adds as much to every eigenvalue of H and of the H_i, which the \
         criteria leave out: it moves thresholds either way, and no verdict is given"
    )]
    WeightDecay(f64),
}

impl Applicability {
    /// The notes that apply, most serious first.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a run that diverged, [`Error::NoCurvature`] for one that is dead:
    /// the questions have no meaning there. Everything else is a note.
    pub fn notes(&self) -> Result<Vec<Note>, Error> {
        if !(self.training_loss.is_finite()
            && self.gradient_norm.is_finite()
            && self.sharpness.is_finite())
        {
            return Err(Error::NotFinite("the loss, the gradient or the sharpness"));
        }
        if self.sharpness <= 0.0 {
            return Err(Error::NoCurvature);
        }
        let mut notes = Vec::new();
        let (training_loss, sharpness) = (self.training_loss, self.sharpness);
        if training_loss > INTERPOLATION_LOSS {
            notes.push(Note::NotInterpolating { training_loss });
        }
        // At a quadratic minimum with f = 0, |∇f|² ≤ 2af: equality for the sharpest direction.
        let promised_decrease = self.gradient_norm.powi(2) / (2.0 * sharpness);
        if promised_decrease > 0.5 * training_loss {
            notes.push(Note::NotStationary { promised_decrease, training_loss });
        }
        if let Some(smallest) = self.smallest_curvature.filter(|v| *v < -NEGATIVE_SHARE * sharpness)
        {
            notes.push(Note::NegativeCurvature { smallest, sharpness });
        }
        if self.weight_decay > 0.0 {
            notes.push(Note::WeightDecay(self.weight_decay));
        }
        if let Some((smallest, largest)) = self.example_ends
            && smallest < -NEGATIVE_SHARE * largest
        {
            notes.push(Note::NegativeExample { smallest, largest });
        }
        if let Some((sharpness_ratio, non_uniformity_ratio)) = self.gauss_newton
            && (sharpness_ratio - 1.0).abs().max((non_uniformity_ratio - 1.0).abs())
                > GAUSS_NEWTON_SHARE
        {
            notes.push(Note::GaussNewtonGap { sharpness_ratio, non_uniformity_ratio });
        }
        if self.sampling_assumed != self.sampling_used {
            let (assumed, used) = (self.sampling_assumed, self.sampling_used);
            notes.push(Note::OtherSampling { assumed, used });
        }
        Ok(notes)
    }
}

/// What is known of another order of the examples than the criteria assume.
fn about_order(used: Sampling) -> &'static str {
    match used {
        Sampling::SingleShuffle => ": its order is not known here",
        _ if used.in_epochs() => {
            ": a threshold of its epochs from some of the orders is an estimate, and does not decide"
        }
        _ => "",
    }
}

impl Note {
    /// Whether the point is none at which a criterion can say that SGD stays: it is no minimum, or H
    /// has directions in which every learning rate drifts away, or the dynamics has curvature that the
    /// criteria leave out. That SGD leaves by too much curvature needs none of that.
    pub fn forbids_staying(&self) -> bool {
        matches!(
            self,
            Self::NotInterpolating { .. }
                | Self::NotStationary { .. }
                | Self::NegativeCurvature { .. }
                | Self::WeightDecay(_)
        )
    }

    /// Whether no criterion can say that SGD leaves: weight decay moves thresholds either way. Curvatures
    /// 0, 0 and 10 at B = 1 have η* = 0.2, 1, 1 and 11 have 0.2114.
    pub fn forbids_leaving(&self) -> bool {
        matches!(self, Self::WeightDecay(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_follow_the_facts() {
        let fine = Applicability {
            training_loss: 1e-4,
            gradient_norm: 1e-3,
            sharpness: 20.0,
            smallest_curvature: Some(-0.01),
            example_ends: Some((-0.5, 900.0)),
            gauss_newton: Some((0.9998, 0.96)),
            sampling_assumed: Sampling::IndependentBatches,
            sampling_used: Sampling::IndependentBatches,
            weight_decay: 0.0,
        };
        assert_eq!(fine.notes().unwrap(), []);
        let decayed = Applicability { weight_decay: 1e-4, ..fine }.notes().unwrap();
        assert!(matches!(decayed[..], [Note::WeightDecay(_)]) && decayed[0].forbids_staying());
        let bad = Applicability {
            training_loss: 0.1,
            smallest_curvature: Some(-3.0),
            sampling_used: Sampling::ReshuffledEpochs,
            ..fine
        };
        let notes = bad.notes().unwrap();
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[1].to_string().contains("-3.000e0"));
        let forbid: Vec<bool> = notes.iter().map(Note::forbids_staying).collect();
        assert_eq!(forbid, [true, true, false], "{notes:?}");
        // |∇f|² = 0.04: a step along it promises 1e-3, ten times the loss.
        let steep = Applicability { gradient_norm: 0.2, ..fine }.notes().unwrap();
        assert!(matches!(steep[..], [Note::NotStationary { .. }]) && steep[0].forbids_staying());
        let diverged = Applicability { training_loss: f64::NAN, ..fine };
        assert!(matches!(diverged.notes(), Err(Error::NotFinite(_))));
        let dead = Applicability { sharpness: 0.0, ..fine };
        assert!(matches!(dead.notes(), Err(Error::NoCurvature)));
    }
}
