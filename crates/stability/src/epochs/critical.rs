//! The critical learning rate of SGD in epochs.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::moment::LowRank;
use super::period::{Period, Periods, is_reversible};
use super::product::{PeriodProduct, StepOrder};
use crate::{Batching, Error, ExampleFactors, LearningRate, MeanEstimate, Momentum};

/// How far to go.
#[derive(Clone, Debug)]
pub struct EpochParameters {
    /// Relative standard error of the threshold at which no more orders are drawn.
    pub tolerance: f64,
    /// Columns of the second moment.
    pub columns: usize,
    /// Orders that the second moment is found with.
    pub fitted_orders: usize,
    /// Most orders that its growth is measured with.
    pub most_orders: usize,
    /// All orders are taken where there are at most so many different ones.
    pub most_enumerated: usize,
    /// β.
    pub momentum: Momentum,
    /// Of the orders.
    pub seed: u64,
    /// The one order of all epochs, where there is one and it is known.
    pub order: Option<Vec<usize>>,
}

impl Default for EpochParameters {
    /// To half a per cent, with at most 256 orders, in 64 columns found with 32 orders. As many orders
    /// are kept as blocks: 0.2 GB in 2,000 directions.
    fn default() -> Self {
        Self {
            tolerance: 5e-3,
            columns: 64,
            fitted_orders: 32,
            most_orders: 256,
            most_enumerated: 720,
            momentum: Momentum::NONE,
            seed: 0,
            order: None,
        }
    }
}

impl EpochParameters {
    /// The same to 2 %, with fewer columns and orders.
    pub fn quick(self) -> Self {
        Self { tolerance: 2e-2, columns: 32, fitted_orders: 16, most_orders: 64, ..self }
    }
}

/// The threshold of SGD in epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochCritical {
    /// The critical η.
    pub learning_rate: f64,
    /// For all orders, of those drawn and of the search; 0 where all were taken in a small problem.
    pub standard_error: f64,
    /// Orders whose mean growth is 1 at this η.
    pub orders: usize,
    /// Whether these are all different orders.
    pub enumerated: bool,
    /// Columns of the second moment.
    pub columns: usize,
    /// The share of the second moment's trace outside these columns.
    pub left_out: f64,
    /// d log ρ/d log η at the threshold, ρ the growth of a period.
    pub slope: f64,
    /// Whether the standard error met the tolerance.
    pub converged: bool,
}

/// Where the search stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochProgress {
    /// Products of a period with a block so far.
    pub products: usize,
    /// The present η.
    pub learning_rate: f64,
}

/// Largest factor between two learning rates of the search.
const STEP: f64 = 1.15;
/// Most learning rates tried.
const MOST_TRIED: usize = 60;
/// Largest state of a small problem.
const SMALL: usize = 16;
/// Two learning rates closer than this, relatively, say nothing of the slope.
const NEAR: f64 = 1e-3;
/// Power steps at one η while the growth still changes.
const MOST_POWER_STEPS: usize = 40;
/// Power steps while the slope is not known.
const FIRST_STEPS: usize = 4;
/// Power steps at one η at least, once the slope is known.
const LEAST_STEPS: usize = 6;
/// The same in a small problem.
const LEAST_SMALL_STEPS: usize = 40;
/// The same where they cost nothing.
const MOST_EXACT_STEPS: usize = 300;
/// Relative accuracy of the root of a small problem.
const EXACT: f64 = 1e-7;
/// Orders that are multiplied between two calls of `progress`.
const GROUP: usize = 16;
/// Orders that the growth is measured with at least.
const FEWEST_ORDERS: usize = 64;

/// The smallest η from `start` on at which the mean square grows over a period; `None` when `progress`
/// breaks.
///
/// `start` is a learning rate near the threshold, such as that of independent batches.
///
/// # Errors
/// [`Error::NotBracketed`] where the mean square grows at none of the learning rates tried;
/// [`Error::Shape`].
pub fn critical(
    factors: &ExampleFactors,
    batching: &Batching,
    start: LearningRate,
    parameters: &EpochParameters,
    progress: &mut dyn FnMut(&EpochProgress) -> ControlFlow<()>,
) -> Result<Option<EpochCritical>, Error> {
    if factors.examples() != batching.examples() {
        let (expected, found) = (factors.examples(), batching.examples());
        return Err(Error::Shape { what: "the batching", expected, found });
    }
    let all = Periods::all(batching, parameters.most_enumerated);
    let enumerated = all.is_some();
    let mut drawn = Periods::new(*batching, parameters.seed);
    let fitted = all.unwrap_or_else(|| drawn.draw(parameters.fitted_orders));
    let state = PeriodProduct::new(factors, start, parameters.momentum).state_len();
    let moment = leading_curvatures(factors, state, parameters.columns);
    let mut search = Search {
        factors,
        parameters,
        enumerated,
        fitted,
        right: moment.clone(),
        left: (!is_reversible(batching)).then_some(moment),
        products: 0,
        progress,
    };
    let Some(mut root) = search.root(start.value())? else { return Ok(None) };
    if enumerated {
        let error = if search.is_exact() { 0.0 } else { root.rate * search.accuracy() };
        let at = MeanEstimate { value: root.rate, standard_error: error };
        return Ok(Some(search.found(at, search.fitted.len(), root.slope, true)));
    }
    // The moment is found with all orders drawn before, and measured with as many new ones: its error
    // lowers the growth by a share of 1/M, less than the standard error, which falls as 1/√M.
    loop {
        let periods = drawn.draw(search.fitted.len().max(FEWEST_ORDERS));
        let Some(measured) = search.measured(root, &periods)? else { return Ok(None) };
        let accurate = measured.standard_error < parameters.tolerance * measured.value;
        if accurate || 2 * periods.len() > parameters.most_orders {
            return Ok(Some(search.found(measured, periods.len(), root.slope, accurate)));
        }
        search.fitted.extend(periods);
        root = match search.root(measured.value)? {
            Some(root) => root,
            None => return Ok(None),
        };
    }
}

/// H in its leading directions: near the moment that grows first.
fn leading_curvatures(factors: &ExampleFactors, state: usize, columns: usize) -> LowRank {
    let kept = columns.min(factors.rank());
    let mut block = vec![0.0; state * kept];
    for (j, column) in block.chunks_exact_mut(state).enumerate() {
        column[j] = factors.curvatures()[j].sqrt();
    }
    LowRank { columns: block, state, left_out: 0.0 }
}

struct Search<'a> {
    factors: &'a ExampleFactors,
    parameters: &'a EpochParameters,
    enumerated: bool,
    fitted: Vec<Period>,
    right: LowRank,
    /// That of periods read backward, where these are not as likely as the periods themselves.
    left: Option<LowRank>,
    products: usize,
    progress: &'a mut dyn FnMut(&EpochProgress) -> ControlFlow<()>,
}

#[derive(Clone, Copy)]
struct Root {
    rate: f64,
    slope: f64,
}

impl Search<'_> {
    /// The root of log ρ for the fitted orders, ρ by the quotient of the moments, which is off by the
    /// product of their errors.
    fn root(&mut self, start: f64) -> Result<Option<Root>, Error> {
        let accuracy = self.accuracy();
        let mut now = start.ln();
        let mut before: Option<(f64, f64)> = None;
        let mut slope: Option<f64> = None;
        let mut growth = f64::NAN;
        for _ in 0..MOST_TRIED {
            let settled = self.settle(now.exp(), slope)?;
            let Some(value) = settled else { return Ok(None) };
            growth = value;
            if let Some((place, value)) = before
                && (now - place).abs() > NEAR
            {
                // Below the threshold the flat directions, which hardly shrink, can hide the slope.
                slope = Some((growth - value) / (now - place)).filter(|slope| *slope > 0.0);
                before = Some((now, growth));
            }
            before = before.or(Some((now, growth)));
            let step = slope.map_or(-growth.signum() * STEP.ln(), |slope| -growth / slope);
            now += step.clamp(-STEP.ln(), STEP.ln());
            if let Some(slope) = slope.filter(|_| step.abs() < accuracy) {
                return Ok(Some(Root { rate: now.exp(), slope }));
            }
        }
        Err(Error::NotBracketed { learning_rate: now.exp(), exponent: growth })
    }

    /// Power steps at one η until what is still to come of the growth's change, by the ratio of the last
    /// two changes, moves the root by little: log ρ.
    fn settle(&mut self, rate: f64, slope: Option<f64>) -> Result<Option<f64>, Error> {
        let mut values: Vec<f64> = Vec::new();
        let steps = match slope {
            _ if self.is_exact() => MOST_EXACT_STEPS,
            // Far from the root, or below it, where flat directions take over.
            None if !self.is_small() => FIRST_STEPS,
            None => LEAST_SMALL_STEPS,
            Some(_) => MOST_POWER_STEPS,
        };
        let slope = slope.unwrap_or(1.0);
        // A direction that grows faster may have little of the moment at first.
        let least = if self.is_small() { LEAST_SMALL_STEPS } else { LEAST_STEPS };
        for _ in 0..steps {
            let Some(growth) = self.power_step(rate)? else { return Ok(None) };
            values.push(growth.ln());
            if let [.., first, second, third] = values[..] {
                let (before, now) = ((second - first).abs(), (third - second).abs());
                let rest = if now < before { now * now / (before - now) } else { now };
                if values.len() >= least && rest < 0.2 * self.accuracy() * slope {
                    return Ok(Some(third));
                }
            }
        }
        Ok(values.last().copied())
    }

    /// Of the root for the fitted orders, relatively.
    fn accuracy(&self) -> f64 {
        if self.is_exact() { EXACT } else { 0.25 * self.parameters.tolerance }
    }

    /// Whether the moments have all directions of a small problem, so that nothing but the number of
    /// power steps limits the accuracy.
    fn is_exact(&self) -> bool {
        self.enumerated && self.is_small()
    }

    fn is_small(&self) -> bool {
        self.right.state <= SMALL
    }

    fn power_step(&mut self, rate: f64) -> Result<Option<f64>, Error> {
        let fitted = std::mem::take(&mut self.fitted);
        let images = self.images(rate, &fitted, StepOrder::Forward)?;
        let back = match self.left {
            Some(_) => self.images(rate, &fitted, StepOrder::Backward)?,
            None => Some(Vec::new()),
        };
        self.fitted = fitted;
        let (Some(images), Some(back)) = (images, back) else { return Ok(None) };
        let growth = MeanEstimate::of_mean(&self.quotient(&images)).value;
        if !(growth.is_finite() && growth > 0.0) {
            return Err(Error::NotBracketed { learning_rate: rate, exponent: growth.ln() });
        }
        let (state, most) = (self.right.state, self.parameters.columns);
        self.right = LowRank::of_blocks(&images, state, most)?;
        if let Some(left) = &mut self.left {
            *left = LowRank::of_blocks(&back, state, most)?;
        }
        Ok(Some(growth))
    }

    fn found(
        &self,
        MeanEstimate { value: learning_rate, standard_error }: MeanEstimate,
        orders: usize,
        slope: f64,
        converged: bool,
    ) -> EpochCritical {
        EpochCritical {
            learning_rate,
            standard_error,
            orders,
            enumerated: self.enumerated,
            columns: self.right.rank(),
            left_out: self.right.left_out,
            slope,
            converged,
        }
    }

    fn quotient(&self, images: &[Vec<f64>]) -> Vec<f64> {
        let left = self.left.as_ref().unwrap_or(&self.right);
        left.quotients(&self.right, images, self.parameters.momentum)
    }

    /// Where the mean growth by these periods is 1, by the slope of log ρ at the root of the others.
    fn measured(&mut self, root: Root, periods: &[Period]) -> Result<Option<MeanEstimate>, Error> {
        let mut growths = Vec::with_capacity(periods.len());
        for group in periods.chunks(GROUP) {
            let Some(images) = self.images(root.rate, group, StepOrder::Forward)? else {
                return Ok(None);
            };
            growths.extend(self.quotient(&images));
        }
        let MeanEstimate { value, standard_error } = MeanEstimate::of_mean(&growths);
        let rate = root.rate * (-value.ln() / root.slope).exp();
        let standard_error = rate * (standard_error / value / root.slope).hypot(self.accuracy());
        Ok(Some(MeanEstimate { value: rate, standard_error }))
    }

    /// A_π L for every period; `None` when `progress` breaks.
    fn images(
        &mut self,
        rate: f64,
        periods: &[Period],
        reading: StepOrder,
    ) -> Result<Option<Vec<Vec<f64>>>, Error> {
        let moment = match (reading, &self.left) {
            (StepOrder::Backward, Some(left)) => left,
            _ => &self.right,
        };
        let product =
            PeriodProduct::new(self.factors, LearningRate::new(rate)?, self.parameters.momentum);
        let mut images = Vec::with_capacity(periods.len());
        for group in periods.chunks(GROUP) {
            let blocks: Vec<Vec<f64>> = group
                .par_iter()
                .map(|period| {
                    let mut block = moment.columns.clone();
                    product.apply(period, reading, &mut block);
                    block
                })
                .collect();
            self.products += blocks.len();
            images.extend(blocks);
            let now = EpochProgress { products: self.products, learning_rate: rate };
            if (self.progress)(&now).is_break() {
                return Ok(None);
            }
        }
        Ok(Some(images))
    }
}

#[cfg(test)]
mod tests;
