//! What is asked about a minimum.

use minimascope_record::training::Sampling;
use minimascope_stability::{self as theory, Batching, LearningRate, Momentum};

use crate::Error;

/// A question. With η and B: does SGD stay? With B alone: up to which η? With η alone: from which
/// B on? With neither: does the run's own (η, B) stay?
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Query {
    /// η.
    pub learning_rate: Option<f64>,
    /// B.
    pub batch_size: Option<usize>,
    /// β; the run's if absent.
    pub momentum: Option<f64>,
    /// How the optimiser draws batches; as the run did if absent.
    pub sampling: Option<Sampling>,
    /// Critical learning rates at B = 1, 2, 4, … n too.
    pub boundary: bool,
    /// So many examples to blame; 0 for none.
    pub blame: usize,
    /// The curvature along SGD's own steps too.
    pub batch_sharpness: bool,
    /// Neither certificates nor simulations: seconds instead of minutes, and Theorem 1 for a
    /// lower end.
    pub quick: bool,
    /// The relative change under a doubling of the directions at which η* counts as settled; 1 % if
    /// absent.
    pub tolerance: Option<f64>,
}

impl Query {
    /// Whether it has a meaning for n examples, before anything is measured.
    ///
    /// # Errors
    /// [`Error::Stability`] for an η, B, β or tolerance outside its range, and for fewer than two
    /// examples.
    pub fn check(&self, examples: usize) -> Result<(), Error> {
        let law = theory::Sampling::IndependentWithoutReplacement;
        Batching::new(examples, self.batch_size.unwrap_or(1), law)?;
        self.learning_rate.map(LearningRate::new).transpose()?;
        self.momentum.map(Momentum::new).transpose()?;
        if let Some(tolerance) = self.tolerance
            && !(tolerance > 0.0 && tolerance < 1.0)
        {
            return Err(theory::Error::Tolerance(tolerance).into());
        }
        Ok(())
    }
}
