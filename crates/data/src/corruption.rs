//! Wrong labels on purpose: drawn from a seed, never the true label, and every change is listed.

use minimascope_record::dataset::Corruption;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::random::{RandomDraw, distinct, stream, uniform};

/// One example that got a wrong label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedLabel {
    /// The example, counted from 0 in the corrupted dataset.
    pub example: usize,
    /// Its true label.
    pub from: u32,
    /// Its new one; never `from`.
    pub to: u32,
}

impl Dataset {
    /// The dataset with wrong labels, each uniform over the other classes, and every changed label,
    /// ascending by example.
    ///
    /// # Errors
    /// [`Error::TooFewExamples`] if more are to be corrupted (or kept) than there are,
    /// [`Error::NoneRequested`] if no example would be left, [`Error::NoWrongLabel`] with a single
    /// class, [`Error::Fraction`] if the fraction is not between 0 and 1.
    pub fn corrupted(&self, corruption: Corruption) -> Result<(Dataset, Vec<ChangedLabel>), Error> {
        if self.classes() < 2 {
            return Err(Error::NoWrongLabel(self.source().into()));
        }
        let seed = corruption.seed();
        let mut choice = stream(seed, RandomDraw::CorruptedExamples);
        let (kept, examples) = match corruption {
            Corruption::AfterClean { clean, corrupted, .. } => {
                let kept = clean.saturating_add(corrupted);
                (self.first(kept)?, (clean..kept).collect())
            }
            Corruption::Number { examples, .. } => {
                (self.clone(), self.drawn(&mut choice, examples)?)
            }
            Corruption::Fraction { fraction, .. } => {
                if !(0.0..=1.0).contains(&fraction) {
                    return Err(Error::Fraction(fraction));
                }
                let number = (fraction * self.len() as f64).round() as usize;
                (self.clone(), self.drawn(&mut choice, number)?)
            }
        };
        let mut wrong = stream(seed, RandomDraw::WrongLabels);
        let mut labels = kept.labels().to_vec();
        let mut changed = Vec::with_capacity(examples.len());
        for example in examples {
            let from = labels[example];
            // Uniform over the classes − 1 others: those from the true one on move up by one.
            let other = uniform(&mut wrong, kept.classes() - 1) as u32;
            let to = if other >= from { other + 1 } else { other };
            labels[example] = to;
            changed.push(ChangedLabel { example, from, to });
        }
        let dataset = kept.rebuilt(kept.images().to_vec(), labels)?;
        Ok((dataset, changed))
    }

    fn drawn(
        &self,
        random: &mut rand_chacha::ChaCha8Rng,
        number: usize,
    ) -> Result<Vec<usize>, Error> {
        if number > self.len() {
            return Err(Error::TooFewExamples {
                file: self.source().into(),
                requested: number,
                available: self.len(),
            });
        }
        Ok(distinct(random, number, self.len()))
    }
}
