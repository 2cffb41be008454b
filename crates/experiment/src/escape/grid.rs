//! A grid of (η, B): observed against predicted.

use std::sync::atomic::AtomicBool;

use minimascope_net::Scalar;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::{Agreement, Cell, EscapeGrid, Fate};
use minimascope_record::stability::{BoundaryRow, CriticalLearningRate, Verdict};
use minimascope_record::training::Sampling;
use minimascope_stability::{Batching, LearningRate};

use super::criterion::Criterion;
use super::launch::{Launcher, Observation};
use crate::Error;
use crate::progress::Progress;
use crate::stability::{Minimum, Wanted, Watch, assumed, law, not_settled, records};

/// Examples that one launch may draw: at large B the noise is small, and what leaves leaves soon.
const MOST_EXAMPLES: u64 = 300_000;
/// Learning rates of a grid that names none.
const LEARNING_RATES: usize = 7;
/// Batch sizes of a grid that names none.
const BATCH_SIZES: i32 = 6;
/// How far the learning rates reach beyond the smallest and the largest threshold.
const MARGIN: f64 = 1.5;

/// What is launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// η; seven around the predicted thresholds if empty.
    pub learning_rates: Vec<f64>,
    /// B; six from 1 to n if empty.
    pub batch_sizes: Vec<usize>,
    /// How batches are drawn; as the run did if absent.
    pub sampling: Option<Sampling>,
    /// Launches of each cell.
    pub seeds: u64,
    /// The most steps of each; fewer at large B.
    pub max_steps: u64,
    /// Whether Theorem 1 is enough for the lower ends.
    pub quick: bool,
}

impl Grid {
    /// Whether it has a meaning for n examples, before anything is measured.
    ///
    /// # Errors
    /// [`Error::Stability`] for an η or B outside its range, or no seeds or steps.
    pub fn check(&self, examples: usize) -> Result<(), Error> {
        super::check(examples, &self.learning_rates, &self.batch_sizes)?;
        super::not_zero(self.seeds, self.max_steps)
    }
}

/// Launches every cell until it leaves or its steps are used up; `None` when interrupted.
///
/// # Errors
/// [`Error::Stability`] for an η or B outside its range, or no seeds or steps.
pub fn grid(
    minimum: &mut Minimum<'_>,
    grid: &Grid,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<EscapeGrid>, Error> {
    let n = minimum.plan().train().len();
    grid.check(n)?;
    let used = grid.sampling.unwrap_or(minimum.plan().config().train.sampling);
    let sampling = assumed(used);
    let mut sizes = grid.batch_sizes.clone();
    if sizes.is_empty() {
        let place = |index| (n as f64).powf(f64::from(index) / f64::from(BATCH_SIZES - 1));
        sizes = (0..BATCH_SIZES).map(|index| place(index).round() as usize).collect();
    }
    sizes.sort_unstable();
    sizes.dedup();
    let batchings = sizes.iter().map(|size| Batching::new(n, *size, law(sampling)));
    let batchings: Vec<Batching> = batchings.collect::<Result<_, _>>()?;
    let mut watch = Watch { progress, interrupt };
    let wanted = Wanted { almost_sure: false, ..Wanted::of_plain_sgd(grid.quick) };
    minimum.settle(&batchings[0], &wanted, &mut watch)?;
    let mut boundary = Vec::new();
    for batching in &batchings {
        let critical_learning_rate = minimum.critical(batching, &wanted, &mut watch)?;
        let batch_size = batching.batch_size();
        boundary.push(BoundaryRow { batch_size, critical_learning_rate, verdict: None });
        if watch.is_interrupted() {
            return Ok(None);
        }
    }
    let rates = if grid.learning_rates.is_empty() {
        around(&boundary)
    } else {
        grid.learning_rates.clone()
    };
    let cells = Cells { minimum, grid, used, rates, batchings, boundary: &boundary };
    let cells = if minimum.is_double_precision() {
        cells.launch::<f64>(&mut watch)?
    } else {
        cells.launch::<f32>(&mut watch)?
    };
    let Some(cells) = cells else { return Ok(None) };
    let mut notes = minimum.notes(sampling, used)?;
    let first = boundary.first().map(|row| &row.critical_learning_rate.exact);
    notes.extend(first.and_then(not_settled));
    let criterion = Criterion::from_loss(minimum.record().train_loss);
    Ok(Some(EscapeGrid {
        schema_version: SCHEMA_VERSION,
        minimum: minimum.record().clone(),
        sampling: used,
        seeds: grid.seeds,
        criterion: criterion.to_string(),
        agreement: agreement(&cells),
        boundary,
        cells,
        notes,
        folder: None,
    }))
}

/// Learning rates evenly apart in logarithm, from below the smallest threshold to above the largest.
fn around(boundary: &[BoundaryRow]) -> Vec<f64> {
    let estimates = || boundary.iter().map(|row| row.critical_learning_rate.exact.estimate);
    let low = estimates().fold(f64::INFINITY, f64::min) / MARGIN;
    let high = estimates().fold(0.0, f64::max) * MARGIN;
    let step = (high / low).powf(1.0 / (LEARNING_RATES - 1) as f64);
    let rates = std::iter::successors(Some(low), |rate| Some(rate * step));
    // Three digits are enough to name a cell, and easier to launch again.
    rates.take(LEARNING_RATES).map(three_digits).collect()
}

fn three_digits(value: f64) -> f64 {
    let scale = 10_f64.powi(2 - value.log10().floor() as i32);
    (value * scale).round() / scale
}

struct Cells<'m, 'a> {
    minimum: &'m Minimum<'a>,
    grid: &'m Grid,
    used: Sampling,
    rates: Vec<f64>,
    batchings: Vec<Batching>,
    boundary: &'m [BoundaryRow],
}

impl Cells<'_, '_> {
    fn launch<T: Scalar>(&self, watch: &mut Watch<'_>) -> Result<Option<Vec<Cell>>, Error> {
        let (start, problem) = self.minimum.start::<T>()?;
        let criterion = Criterion::from_loss(self.minimum.record().train_loss);
        let mut cells = Vec::new();
        for (batching, row) in self.batchings.iter().zip(self.boundary) {
            for rate in &self.rates {
                let size = batching.batch_size();
                let fewer = MOST_EXAMPLES.div_ceil(size as u64);
                let launcher = Launcher {
                    problem: &problem,
                    start: &start,
                    sampling: self.used,
                    criterion,
                    max_steps: self.grid.max_steps.min(fewer),
                };
                let cell =
                    self.cell(&launcher, *rate, (batching, &row.critical_learning_rate), watch)?;
                let Some(cell) = cell else { return Ok(None) };
                cells.push(cell);
            }
        }
        Ok(Some(cells))
    }

    fn cell<T: Scalar>(
        &self,
        launcher: &Launcher<'_, '_, T>,
        learning_rate: f64,
        (batching, critical): (&Batching, &CriticalLearningRate),
        watch: &mut Watch<'_>,
    ) -> Result<Option<Cell>, Error> {
        let rate = LearningRate::new(learning_rate)?;
        let (predicted, margin) = records::judge(&critical.exact, rate);
        let size = batching.batch_size();
        // Without noise, one launch is all of them.
        let seeds = if batching.noise() == 0.0 { 1 } else { self.grid.seeds };
        let Some(seen) = departures(launcher, (learning_rate, size), seeds, watch)? else {
            return Ok(None);
        };
        let mut cell = Cell {
            learning_rate,
            batch_size: size,
            predicted,
            margin,
            predicted_growth: self.minimum.predicted_growth(batching, rate)?,
            left: seen.left,
            launches: seeds,
            max_steps: launcher.max_steps,
            left_at: seen.left_at,
            largest_loss_ratio: seen.largest.map(|loss| loss / launcher.criterion.loss()),
            explanation: None,
        };
        cell.explanation = match (predicted, cell.has_left()) {
            (Verdict::Leaves, false) => Some(self.why_it_stays(&cell, launcher, watch)?),
            (Verdict::Stays, true) => Some(why_it_leaves(&cell)),
            _ => None,
        };
        Ok(Some(cell))
    }

    /// A cell above the mean-square threshold that stays.
    fn why_it_stays<T: Scalar>(
        &self,
        cell: &Cell,
        launcher: &Launcher<'_, '_, T>,
        watch: &mut Watch<'_>,
    ) -> Result<String, Error> {
        let steps = cell.max_steps as f64;
        match cell.predicted_growth.typical {
            Some(factor) if factor < 1.0 => Ok(format!(
                "between the mean-square and the almost-sure threshold: the linearised loss of \
                 almost every sequence of batches shrinks, ×{factor:.4} a step"
            )),
            // The criterion is a factor of ten, and the growing direction starts with a part of the loss.
            Some(factor) if factor.powf(steps) < 100.0 => Ok(format!(
                "too slow: the linearised loss typically grows ×{factor:.5} a step, \
                 ×{:.1} in {steps} steps",
                factor.powf(steps)
            )),
            _ if self.used == Sampling::ReshuffledEpochs => {
                let independent = Launcher { sampling: Sampling::IndependentBatches, ..*launcher };
                let pair = (cell.learning_rate, cell.batch_size);
                let seen = departures(&independent, pair, cell.launches, watch)?;
                Ok(match seen {
                    Some(seen) if 2 * seen.left > cell.launches => format!(
                        "reshuffling: with independent batches {} of {} launches leave",
                        seen.left, cell.launches
                    ),
                    _ => "nonlinear: with independent batches it stays as well".to_owned(),
                })
            }
            _ => Ok("nonlinear: the loss bends the path back before it is ten times as large"
                .to_owned()),
        }
    }
}

/// A cell below the proved threshold that leaves.
fn why_it_leaves(cell: &Cell) -> String {
    let ratio = cell.largest_loss_ratio.map_or("infinity".to_owned(), |r| format!("×{r:.0}"));
    format!(
        "beyond the linear theory: examples that are not fitted keep pushing, and a batch that \
         expands carries it away (largest loss {ratio} of the minimum's)"
    )
}

/// The launches of one cell.
struct Departures {
    left: u64,
    left_at: Option<u64>,
    /// `None` after a divergence.
    largest: Option<f64>,
}

fn departures<T: Scalar>(
    launcher: &Launcher<'_, '_, T>,
    pair: (f64, usize),
    seeds: u64,
    watch: &mut Watch<'_>,
) -> Result<Option<Departures>, Error> {
    let mut seen = Departures { left: 0, left_at: None, largest: Some(0.0) };
    for seed in 0..seeds {
        let observation = Observation::Departure;
        let launch = launcher.launch(pair, seed, observation, watch.progress, watch.interrupt)?;
        if launch.fate == Fate::Interrupted {
            return Ok(None);
        }
        seen.left += u64::from(launch.fate.has_left());
        seen.left_at = seen.left_at.into_iter().chain(launch.left_at).min();
        seen.largest = seen.largest.zip(launch.largest_loss).map(|(a, b)| a.max(b));
    }
    Ok(Some(seen))
}

fn agreement(cells: &[Cell]) -> Agreement {
    let mut counts = Agreement::default();
    for cell in cells {
        let left = cell.has_left();
        match (cell.predicted, left) {
            (Verdict::Stays, false) => counts.stays_as_predicted += 1,
            (Verdict::Leaves, true) => counts.leaves_as_predicted += 1,
            (Verdict::Stays, true) => counts.leaves_against_prediction += 1,
            (Verdict::Leaves, false) => counts.stays_against_prediction += 1,
            (Verdict::NotDecided, _) => {
                counts.not_decided += 1;
                counts.not_decided_as_estimated += usize::from(left == (cell.margin > 1.0));
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        assert_eq!(three_digits(0.004_123_9), 0.00412);
        assert_eq!(three_digits(0.149_96), 0.15);
        assert_eq!(three_digits(1234.0), 1230.0);
    }
}
