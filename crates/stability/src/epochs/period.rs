//! The batches of SGD between two draws of the order: one epoch, or an epoch and its reverse.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Batching, Sampling};

/// The batches of one period, in the order of the steps.
///
/// A period of reshuffled epochs is one epoch. A period of epochs that are followed by their reverse is
/// two. With one order for all epochs every period is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    examples: Vec<usize>,
    batches: Vec<Range<usize>>,
}

impl Period {
    /// The period that starts with the examples in this order.
    pub fn new(batching: &Batching, order: &[usize]) -> Self {
        let size = batching.batch_size();
        let mut period = Self { examples: Vec::new(), batches: Vec::new() };
        period.append(order.iter().copied(), size);
        if batching.sampling() == Sampling::ReshuffledAndReversed {
            period.append(order.iter().rev().copied(), size);
        }
        period
    }

    fn append(&mut self, order: impl Iterator<Item = usize>, size: usize) {
        let first = self.examples.len();
        self.examples.extend(order);
        let end = self.examples.len();
        let starts = (first..end).step_by(size);
        self.batches.extend(starts.map(|start| start..(start + size).min(end)));
    }

    /// Steps of a period.
    pub fn steps(&self) -> usize {
        self.batches.len()
    }

    /// The batch of a step.
    pub fn batch(&self, step: usize) -> &[usize] {
        &self.examples[self.batches[step].clone()]
    }
}

/// The periods of a scheme that draws its examples in epochs.
#[derive(Clone, Debug)]
pub struct Periods {
    batching: Batching,
    random: ChaCha8Rng,
    order: Vec<usize>,
}

impl Periods {
    /// The stream of `seed`.
    pub fn new(batching: Batching, seed: u64) -> Self {
        let order = (0..batching.examples()).collect();
        Self { batching, random: ChaCha8Rng::seed_from_u64(seed), order }
    }

    /// The next `count` periods, each with a fresh order.
    pub fn draw(&mut self, count: usize) -> Vec<Period> {
        let mut periods = Vec::with_capacity(count);
        for _ in 0..count {
            for place in (1..self.order.len()).rev() {
                let other = self.random.random_range(0..=place);
                self.order.swap(place, other);
            }
            periods.push(Period::new(&self.batching, &self.order));
        }
        periods
    }

    /// Every different period once, all equally likely, if there are at most `most`.
    ///
    /// Orders that differ inside a batch are the same: n!/(B!^m·(n mod B)!) of them are left for m
    /// full batches.
    pub fn all(batching: &Batching, most: usize) -> Option<Vec<Period>> {
        let (n, size) = (batching.examples(), batching.batch_size());
        let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
        for place in 0..n {
            let mut longer = Vec::new();
            for order in &orders {
                // Inside a batch the examples rise.
                let after = order.last().filter(|_| place % size != 0);
                let next = (0..n).filter(|new| !order.contains(new));
                for new in next.filter(|new| after.is_none_or(|last| new > last)) {
                    let mut order = order.clone();
                    order.push(new);
                    longer.push(order);
                }
            }
            // A partial order may still turn out to have no end, so that there is some room.
            if longer.len() > 8 * most.max(n) {
                return None;
            }
            orders = longer;
        }
        (orders.len() <= most)
            .then(|| orders.iter().map(|order| Period::new(batching, order)).collect())
    }
}

/// Whether a period read from its end is as likely as read from its start: the second moment's map is
/// then self-adjoint.
pub fn is_reversible(batching: &Batching) -> bool {
    batching.examples().is_multiple_of(batching.batch_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batching(n: usize, b: usize, sampling: Sampling) -> Batching {
        Batching::new(n, b, sampling).unwrap()
    }

    #[test]
    fn a_period_is_an_epoch_or_two() {
        let one = Period::new(&batching(5, 2, Sampling::ReshuffledEpochs), &[3, 1, 4, 0, 2]);
        let batches: Vec<&[usize]> = (0..one.steps()).map(|step| one.batch(step)).collect();
        assert_eq!(batches, [&[3, 1][..], &[4, 0], &[2]]);
        let two = Period::new(&batching(5, 2, Sampling::ReshuffledAndReversed), &[3, 1, 4, 0, 2]);
        let batches: Vec<&[usize]> = (3..two.steps()).map(|step| two.batch(step)).collect();
        assert_eq!(batches, [&[2, 0][..], &[4, 1], &[3]]);
    }

    /// 5!/(2!·2!·1!) = 30 and 4! = 24 different epochs.
    #[test]
    fn every_period_once() {
        let count = |n, b| {
            let batching = batching(n, b, Sampling::ReshuffledEpochs);
            let all = Periods::all(&batching, 100)?;
            let found = all.len();
            let orders: std::collections::HashSet<_> =
                all.into_iter().map(|period| period.examples).collect();
            assert_eq!(orders.len(), found);
            Some(found)
        };
        assert_eq!((count(5, 2), count(4, 1), count(4, 4)), (Some(30), Some(24), Some(1)));
        assert_eq!(count(6, 1), None);
    }
}
