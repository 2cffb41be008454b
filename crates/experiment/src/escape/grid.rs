//! A grid of (η, B): observed against predicted.

use std::sync::atomic::AtomicBool;

use minimascope_net::Scalar;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::{Agreement, Cell, EscapeGrid, Fate, GridQuestion};
use minimascope_record::stability::{BoundaryRow, CriticalLearningRate, Verdict};
use minimascope_record::training::Sampling;
use minimascope_stability::{Batching, LearningRate};

use super::criterion::Criterion;
use super::launch::{Launcher, Observation};
use super::prediction::typical_of;
use super::relaunch::{Again, Relaunch};
use super::{Place, explanation, is_same_point, within_noise};
use crate::Error;
use crate::progress::{Event, Progress};
use crate::stability::{Minimum, Wanted, Watch, assumed, law, not_settled};

/// The table of agreement, cell by cell.
const RECORD: &str = "grid.json";
/// Examples that one launch may draw: at large B the noise is small, and what leaves leaves soon.
/// A cell says how many steps it had.
const MOST_EXAMPLES: u64 = 100_000;
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

/// Launches every cell until it leaves or its steps are used up. The record goes to its folder
/// after every batch size's thresholds and every cell, and the same question goes on from there;
/// it is not complete when interrupted.
///
/// # Errors
/// [`Error::Stability`] for an η or B outside its range, or no seeds or steps;
/// [`Error::NothingToLeave`]; [`Error::Write`].
pub fn grid(
    minimum: &mut Minimum<'_>,
    grid: &Grid,
    place: &Place,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<EscapeGrid, Error> {
    let n = minimum.plan().train().len();
    grid.check(n)?;
    let criterion = minimum.criterion()?;
    let used = grid.sampling.unwrap_or(minimum.plan().config().train.sampling);
    let sampling = assumed(used);
    let mut notes = minimum.notes(sampling, used)?;
    notes.extend(within_noise(criterion));
    let mut record = EscapeGrid {
        schema_version: SCHEMA_VERSION,
        minimum: minimum.record().clone(),
        sampling: used,
        seeds: grid.seeds,
        asked: GridQuestion {
            learning_rates: grid.learning_rates.clone(),
            batch_sizes: grid.batch_sizes.clone(),
            max_steps: grid.max_steps,
            quick: grid.quick,
            all_directions: minimum.factors.covers_range(),
        },
        complete: false,
        criterion: criterion.to_string(),
        leaving_loss: criterion.limit(),
        constant_output_loss: minimum.constant_output_loss(),
        boundary: Vec::new(),
        cells: Vec::new(),
        agreement: Agreement::default(),
        notes,
        folder: None,
    };
    let earlier = place.earlier::<EscapeGrid>(RECORD);
    if let Some(mut earlier) = earlier.filter(|earlier| is_same_question(earlier, &record)) {
        // What a record says is explained as this version explains it.
        for cell in &mut earlier.cells {
            let linearised = cell.linearised.as_ref();
            cell.explanation = linearised.map(|linearised| explanation::explain(cell, linearised));
        }
        if earlier.complete {
            place.folder.write_json(RECORD, &earlier)?;
            return Ok(earlier);
        }
        (record.boundary, record.cells) = (earlier.boundary, earlier.cells);
    }
    place.folder.create()?;
    let batchings = sizes(&grid.batch_sizes, n).into_iter();
    let batchings = batchings.map(|size| Batching::new(n, size, law(sampling)));
    let batchings: Vec<Batching> = batchings.collect::<Result<_, _>>()?;
    let mut watch = Watch { progress, interrupt };
    let wanted = Wanted { almost_sure: false, ..Wanted::of_plain_sgd(grid.quick) };
    minimum.settle(&batchings[0], &wanted, &mut watch)?;
    record.minimum = minimum.record().clone();
    for batching in &batchings[record.boundary.len()..] {
        let critical_learning_rate = minimum.critical(batching, &wanted, &mut watch)?;
        if watch.is_interrupted() {
            return Ok(record);
        }
        let batch_size = batching.batch_size();
        record.boundary.push(BoundaryRow { batch_size, critical_learning_rate, verdict: None });
        place.folder.write_json(RECORD, &record)?;
    }
    let first = record.boundary.first().map(|row| &row.critical_learning_rate.exact);
    record.notes.extend(first.and_then(not_settled));
    let chosen = || around(&record.boundary);
    let rates = if grid.learning_rates.is_empty() { chosen() } else { grid.learning_rates.clone() };
    let cells = Cells { minimum, grid, used, rates, batchings, criterion, place };
    if minimum.is_double_precision() {
        cells.launch::<f64>(&mut record, &mut watch)?;
    } else {
        cells.launch::<f32>(&mut record, &mut watch)?;
    }
    Ok(record)
}

/// Whether cells of the one are cells of the other, with the departures that explanations rest on.
fn is_same_question(one: &EscapeGrid, other: &EscapeGrid) -> bool {
    let key = |of: &EscapeGrid| (of.asked.clone(), of.sampling, of.seeds, of.leaving_loss);
    let has_departures = |cell: &Cell| cell.departures.len() as u64 == cell.launches;
    key(one) == key(other)
        && is_same_point(&one.minimum, &other.minimum)
        && one.cells.iter().all(has_departures)
}

/// Those given, or evenly apart in logarithm from 1 to n; rising.
fn sizes(given: &[usize], n: usize) -> Vec<usize> {
    let place = |index| (n as f64).powf(f64::from(index) / f64::from(BATCH_SIZES - 1));
    let mut sizes = if given.is_empty() {
        (0..BATCH_SIZES).map(|index| place(index).round() as usize).collect()
    } else {
        given.to_vec()
    };
    sizes.sort_unstable();
    sizes.dedup();
    sizes
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
    criterion: Criterion,
    place: &'m Place,
}

impl Cells<'_, '_> {
    /// Every cell that the record does not hold yet, batch size by batch size.
    fn launch<T: Scalar>(
        &self,
        record: &mut EscapeGrid,
        watch: &mut Watch<'_>,
    ) -> Result<(), Error> {
        let (start, problem) = self.minimum.start::<T>()?;
        let relaunch = self.minimum.relaunch(&problem, &start, self.criterion)?;
        let count = self.rates.len();
        for index in record.cells.len()..count * self.batchings.len() {
            let (batching, rate) = (&self.batchings[index / count], self.rates[index % count]);
            let critical = &record.boundary[index / count].critical_learning_rate;
            let size = batching.batch_size();
            watch.progress.event(Event::Launching {
                number: index as u64 + 1,
                of: (count * self.batchings.len()) as u64,
                learning_rate: rate,
                batch_size: size,
            });
            let fewer = MOST_EXAMPLES.div_ceil(size as u64);
            let launcher = Launcher {
                problem: &problem,
                start: &start,
                sampling: self.used,
                criterion: self.criterion,
                max_steps: self.grid.max_steps.min(fewer),
            };
            let cell = self.cell((&launcher, &relaunch), rate, (batching, critical), watch)?;
            let Some(cell) = cell else { return Ok(()) };
            record.cells.push(cell);
            record.agreement = agreement(&record.cells);
            record.complete = record.cells.len() == count * self.batchings.len();
            self.place.folder.write_json(RECORD, record)?;
        }
        Ok(())
    }

    fn cell<T: Scalar>(
        &self,
        (launcher, relaunch): (&Launcher<'_, '_, T>, &Relaunch<'_>),
        learning_rate: f64,
        (batching, critical): (&Batching, &CriticalLearningRate),
        watch: &mut Watch<'_>,
    ) -> Result<Option<Cell>, Error> {
        let rate = LearningRate::new(learning_rate)?;
        let (predicted, margin) = self.minimum.judge(&critical.exact, rate)?;
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
            predicted_growth: self.minimum.predicted_growth(batching, rate, self.used)?,
            left: seen.departures.iter().flatten().count() as u64,
            launches: seeds,
            max_steps: launcher.max_steps,
            left_at: seen.departures.iter().flatten().min().copied(),
            departures: seen.departures,
            largest_loss_ratio: seen.largest.map(|loss| loss / self.criterion.loss()),
            explanation: None,
            linearised: None,
        };
        if explanation::is_wanted(&cell) {
            let again = Again {
                learning_rate: rate,
                batching: *batching,
                used: self.used,
                launches: seeds,
                max_steps: launcher.max_steps,
                observation: Observation::Departure,
                typical: typical_of(&cell.predicted_growth),
            };
            let Some(linearised) = relaunch.launch(&again, watch)? else { return Ok(None) };
            cell.explanation = Some(explanation::explain(&cell, &linearised));
            cell.linearised = Some(linearised);
        }
        Ok(Some(cell))
    }
}

/// The launches of one cell.
struct Departures {
    /// When each left, if it did.
    departures: Vec<Option<u64>>,
    /// `None` after a divergence.
    largest: Option<f64>,
}

fn departures<T: Scalar>(
    launcher: &Launcher<'_, '_, T>,
    pair: (f64, usize),
    seeds: u64,
    watch: &mut Watch<'_>,
) -> Result<Option<Departures>, Error> {
    let mut seen = Departures { departures: Vec::new(), largest: Some(0.0) };
    for seed in 0..seeds {
        let observation = Observation::Departure;
        let launch = launcher.launch(pair, seed, observation, watch.progress, watch.interrupt)?;
        if launch.fate == Fate::Interrupted {
            return Ok(None);
        }
        let left = launch.fate.has_left();
        seen.departures.push(left.then(|| launch.left_at.unwrap_or(launch.steps)));
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
