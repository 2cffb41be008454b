//! A grid of (η, B): observed against predicted.

use std::sync::atomic::AtomicBool;

use minimascope_net::Scalar;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::{Agreement, Cell, EscapeGrid, Fate, GridQuestion};
use minimascope_record::measured::finite;
use minimascope_record::stability::{BoundaryRow, StabilityQuestion, Verdict};
use minimascope_record::threshold::{Threshold, deciding};
use minimascope_record::training::Sampling;
use minimascope_stability::criterion::{Effort, Simulation};
use minimascope_stability::verdict::Judgement;
use minimascope_stability::{Batching, LearningRate, Momentum};

use super::leaving::LeavingRule;
use super::linearised::{LinearisedNetwork, LinearisedQuestion, output_gradient};
use super::prediction::typical_of;
use super::schedule::Observation;
use super::setting::LaunchSetting;
use super::{LaunchStore, explanation, is_same_point, within_noise};
use crate::Error;
use crate::folder::GRID;
use crate::loaded_plan::in_precision;
use crate::progress::{Event, Progress, watching};
use crate::stability::RunMinimum;

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
    minimum: &mut RunMinimum<'_, '_>,
    grid: &Grid,
    place: &LaunchStore,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<EscapeGrid, Error> {
    let n = minimum.plan().train().len();
    grid.check(n)?;
    let rule = minimum.leaving_rule()?;
    let used = grid.sampling.unwrap_or(minimum.plan().config().train.sampling);
    let mut record = EscapeGrid {
        schema_version: SCHEMA_VERSION,
        origin: minimum.origin(),
        point: minimum.minimum.measured().clone(),
        sampling: used,
        seeds: grid.seeds,
        asked: GridQuestion {
            learning_rates: grid.learning_rates.clone(),
            batch_sizes: grid.batch_sizes.clone(),
            max_steps: grid.max_steps,
            quick: grid.quick,
            all_directions: minimum.minimum.factors().covers_range(),
        },
        complete: false,
        criterion: rule.to_string(),
        leaving_loss: rule.limit(),
        constant_output_loss: minimum.constant_output_loss(),
        boundary: Vec::new(),
        cells: Vec::new(),
        agreement: Agreement::default(),
        notes: Vec::new(),
        folder: None,
    };
    let earlier = place.earlier::<EscapeGrid>(GRID)?;
    if let Some(mut earlier) = earlier.filter(|earlier| is_same_question(earlier, &record)) {
        // What a record says is explained as this version explains it.
        for cell in &mut earlier.cells {
            let linearised = cell.linearised.as_ref();
            cell.explanation = linearised.map(|linearised| explanation::explain(cell, linearised));
        }
        if earlier.complete {
            place.folder.write_json(GRID, &earlier)?;
            return Ok(earlier);
        }
        (record.boundary, record.cells) = (earlier.boundary, earlier.cells);
    }
    place.folder.create()?;
    let batchings = sizes(&grid.batch_sizes, n).into_iter();
    let batchings = batchings.map(|size| Batching::new(n, size, used));
    let batchings: Vec<Batching> = batchings.collect::<Result<_, _>>()?;
    let question = StabilityQuestion { quick: grid.quick, ..StabilityQuestion::default() };
    let effort = minimum.minimum.effort(&question)?;
    let effort = Effort { simulation: Simulation::None, ..effort };
    watching(progress, interrupt, |watch| minimum.minimum.settle(&batchings[0], &effort, watch))?;
    record.point = minimum.minimum.measured().clone();
    let batch_sizes: Vec<usize> = batchings.iter().map(Batching::batch_size).collect();
    for batching in &batchings[record.boundary.len()..] {
        let found = watching(progress, interrupt, |watch| {
            minimum.minimum.thresholds(batching, &effort, watch)
        });
        let thresholds = match found.map_err(Error::from) {
            Err(Error::Interrupted) => return Ok(record),
            other => other?,
        };
        let batch_size = batching.batch_size();
        record.boundary.push(BoundaryRow { batch_size, thresholds, verdict: None });
        place.folder.write_json(GRID, &record)?;
    }
    // The smallest batch size is the noisiest: it needs the most directions.
    let first = record.boundary.first().map_or(&[][..], |row| &row.thresholds);
    record.notes = minimum.minimum.notes(used, &batch_sizes, first)?;
    record.notes.extend(within_noise(rule));
    record.notes.extend(minimum.minimum.notes_on(first, Momentum::NONE));
    let chosen = || around(&record.boundary, used);
    let rates = if grid.learning_rates.is_empty() { chosen() } else { grid.learning_rates.clone() };
    let gradient = output_gradient(&mut minimum.minimum)?;
    let network = LinearisedNetwork::new(minimum.minimum.factors(), &gradient, rule);
    let precision = minimum.plan().config().precision;
    let cells = Cells {
        minimum,
        network: &network,
        grid,
        used,
        rates,
        batchings,
        rule,
        place,
        record,
        progress,
        interrupt,
    };
    in_precision!(precision, T => cells.launch::<T>())
}

/// Whether cells of the one are cells of the other.
fn is_same_question(one: &EscapeGrid, other: &EscapeGrid) -> bool {
    let key = |of: &EscapeGrid| (of.asked.clone(), of.sampling, of.seeds, of.leaving_loss);
    key(one) == key(other)
        && is_same_point((&one.origin, &one.point), (&other.origin, &other.point))
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
fn around(boundary: &[BoundaryRow], used: Sampling) -> Vec<f64> {
    let deciding = boundary.iter().filter_map(|row| deciding(&row.thresholds, used));
    let estimates = || deciding.clone().map(|threshold| threshold.learning_rate);
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

/// The launches of every cell, each saved.
struct Cells<'m, 't, 'p> {
    minimum: &'m RunMinimum<'t, 'p>,
    network: &'m LinearisedNetwork<'m>,
    grid: &'m Grid,
    used: Sampling,
    rates: Vec<f64>,
    batchings: Vec<Batching>,
    rule: LeavingRule,
    place: &'m LaunchStore,
    record: EscapeGrid,
    progress: &'m mut dyn Progress,
    interrupt: &'m AtomicBool,
}

impl Cells<'_, '_, '_> {
    /// Every cell that the record does not hold yet, batch size by batch size.
    fn launch<T: Scalar>(mut self) -> Result<EscapeGrid, Error> {
        let (start, loaded) = self.minimum.start::<T>()?;
        let count = self.rates.len();
        for index in self.record.cells.len()..count * self.batchings.len() {
            let (batching, rate) = (self.batchings[index / count], self.rates[index % count]);
            let size = batching.batch_size();
            self.progress.event(Event::Launching {
                number: index as u64 + 1,
                of: (count * self.batchings.len()) as u64,
                learning_rate: rate,
                batch_size: size,
            });
            let fewer = MOST_EXAMPLES.div_ceil(size as u64);
            let setting = LaunchSetting {
                loaded: &loaded,
                start: &start,
                sampling: self.used,
                rule: self.rule,
                max_steps: self.grid.max_steps.min(fewer),
            };
            let thresholds = self.record.boundary[index / count].thresholds.clone();
            let cell = self.cell(&setting, rate, (&batching, &thresholds))?;
            let Some(cell) = cell else { break };
            let record = &mut self.record;
            record.cells.push(cell);
            record.agreement = agreement(&record.cells);
            record.complete = record.cells.len() == count * self.batchings.len();
            self.place.folder.write_json(GRID, record)?;
        }
        Ok(self.record)
    }

    /// One cell; `None` when interrupted.
    fn cell<T: Scalar>(
        &mut self,
        setting: &LaunchSetting<'_, '_, T>,
        learning_rate: f64,
        (batching, thresholds): (&Batching, &[Threshold]),
    ) -> Result<Option<Cell>, Error> {
        let rate = LearningRate::new(learning_rate)?;
        let Judgement { verdict: predicted, margin } =
            self.minimum.minimum.judge(thresholds, rate, self.used)?;
        let size = batching.batch_size();
        // Without noise, one launch is all of them.
        let seeds = if batching.noise() == 0.0 { 1 } else { self.grid.seeds };
        let (progress, interrupt) = (&mut *self.progress, self.interrupt);
        let pair = (learning_rate, size);
        let Some(seen) = departures(setting, pair, seeds, progress, interrupt)? else {
            return Ok(None);
        };
        let mut cell = Cell {
            learning_rate,
            batch_size: size,
            predicted,
            margin,
            predicted_growth: self.minimum.predicted_growth(batching, rate)?,
            max_steps: setting.max_steps,
            departures: seen.departures,
            largest_loss_ratio: seen.largest.and_then(|loss| finite(loss / self.rule.loss())),
            explanation: None,
            linearised: None,
        };
        if explanation::is_wanted(&cell) {
            let question = LinearisedQuestion {
                learning_rate: rate,
                batching: *batching,
                launches: seeds,
                max_steps: setting.max_steps,
                observation: Observation::Departure,
                typical: typical_of(&cell.predicted_growth),
            };
            let linearised = self.network.launch(&question, progress, interrupt)?;
            let Some(linearised) = linearised else { return Ok(None) };
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
    setting: &LaunchSetting<'_, '_, T>,
    pair: (f64, usize),
    seeds: u64,
    progress: &mut dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Option<Departures>, Error> {
    let mut seen = Departures { departures: Vec::new(), largest: Some(0.0) };
    for seed in 0..seeds {
        let observation = Observation::Departure;
        let launch = setting.launch(pair, seed, observation, progress, interrupt)?;
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
