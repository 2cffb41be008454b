//! The batch of each step. It is a function of seed and step alone, so that a run continued from a
//! checkpoint needs nothing but its step.

use minimascope_record::training::Sampling;
use rand::RngExt;

use crate::random::{RandomUse, stream_at};

/// The batches of a run.
#[derive(Clone, Debug)]
pub struct Batches {
    sampling: Sampling,
    examples: usize,
    batch_size: usize,
    seed: u64,
    /// In epochs: the order of the epoch `ordered`. Otherwise a permutation that is always the
    /// identity between steps.
    order: Vec<usize>,
    ordered: Option<u64>,
    swaps: Vec<(usize, usize)>,
}

impl Batches {
    /// Batches of `batch_size` out of `examples`; both at least 1, `batch_size` at most
    /// `examples` (checked by [`crate::train::Trainer`]).
    pub fn new(sampling: Sampling, examples: usize, batch_size: usize, seed: u64) -> Self {
        let order = (0..examples).collect();
        Self { sampling, examples, batch_size, seed, order, ordered: None, swaps: Vec::new() }
    }

    /// Steps of one epoch. With independent batches: as many as reshuffled epochs would have.
    pub fn steps_per_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch_size) as u64
    }

    /// Whether every step takes every example once; the order is then the file's.
    pub fn is_full(&self) -> bool {
        self.batch_size == self.examples && self.sampling != Sampling::WithReplacement
    }

    /// The order of the examples in an epoch, for a scheme that has one.
    pub fn order(&mut self, epoch: u64) -> &[usize] {
        self.take_order(epoch);
        &self.order
    }

    /// Overwrites `batch` with the examples of a step.
    pub fn draw(&mut self, step: u64, batch: &mut Vec<usize>) {
        batch.clear();
        if self.is_full() {
            batch.extend(0..self.examples);
            return;
        }
        match self.sampling {
            Sampling::ReshuffledEpochs
            | Sampling::ReshuffledAndReversed
            | Sampling::SingleShuffle
            | Sampling::FileOrder => {
                let epoch = step / self.steps_per_epoch();
                if self.ordered != Some(epoch) {
                    self.take_order(epoch);
                }
                let first = (step % self.steps_per_epoch()) as usize * self.batch_size;
                let last = (first + self.batch_size).min(self.examples);
                batch.extend_from_slice(&self.order[first..last]);
            }
            Sampling::IndependentBatches => {
                let mut random = stream_at(self.seed, RandomUse::Batches, step);
                for at in 0..self.batch_size {
                    let other = random.random_range(at..self.examples);
                    self.order.swap(at, other);
                    self.swaps.push((at, other));
                }
                batch.extend_from_slice(&self.order[..self.batch_size]);
                while let Some((at, other)) = self.swaps.pop() {
                    self.order.swap(at, other);
                }
            }
            Sampling::WithReplacement => {
                let mut random = stream_at(self.seed, RandomUse::Batches, step);
                batch.extend((0..self.batch_size).map(|_| random.random_range(0..self.examples)));
            }
        }
    }

    /// Sets the order of an epoch.
    fn take_order(&mut self, epoch: u64) {
        match self.sampling {
            Sampling::ReshuffledAndReversed => {
                self.shuffle(epoch - epoch % 2);
                if epoch % 2 == 1 {
                    self.order.reverse();
                }
            }
            Sampling::SingleShuffle => self.shuffle(0),
            Sampling::ReshuffledEpochs => self.shuffle(epoch),
            // The identity, as it was made.
            Sampling::FileOrder | Sampling::IndependentBatches | Sampling::WithReplacement => {}
        }
        self.ordered = Some(epoch);
    }

    fn shuffle(&mut self, stream: u64) {
        let mut random = stream_at(self.seed, RandomUse::Batches, stream);
        self.order.clear();
        self.order.extend(0..self.examples);
        for at in (1..self.examples).rev() {
            let other = random.random_range(0..=at);
            self.order.swap(at, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_every_example_once_and_ends_ragged() {
        let mut batches = Batches::new(Sampling::ReshuffledEpochs, 10, 4, 3);
        let mut batch = Vec::new();
        let mut epochs = Vec::new();
        for epoch in 0..3 {
            let (mut seen, mut sizes) = (Vec::new(), Vec::new());
            for step in 0..3 {
                batches.draw(epoch * 3 + step, &mut batch);
                sizes.push(batch.len());
                seen.extend_from_slice(&batch);
            }
            assert_eq!(sizes, [4, 4, 2]);
            epochs.push(seen.clone());
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(epochs[0], epochs[1]);
    }

    #[test]
    fn orders_of_epochs() {
        let order = |sampling, epoch| Batches::new(sampling, 9, 2, 3).order(epoch).to_vec();
        let file: Vec<usize> = (0..9).collect();
        for epoch in 0..4 {
            assert_eq!(order(Sampling::FileOrder, epoch), file);
            let once = order(Sampling::SingleShuffle, epoch);
            assert_eq!(once, order(Sampling::ReshuffledEpochs, 0));
            let mut pair = order(Sampling::ReshuffledAndReversed, epoch - epoch % 2);
            assert_eq!(pair, order(Sampling::ReshuffledEpochs, epoch - epoch % 2));
            if epoch % 2 == 1 {
                pair.reverse();
            }
            assert_eq!(order(Sampling::ReshuffledAndReversed, epoch), pair);
        }
    }

    #[test]
    fn a_step_is_drawn_the_same_in_any_order() {
        for sampling in Sampling::ALL {
            let mut batch = Vec::new();
            let mut forward = Batches::new(sampling, 50, 7, 1);
            let drawn: Vec<_> = (0..20)
                .map(|step| {
                    forward.draw(step, &mut batch);
                    batch.clone()
                })
                .collect();
            let mut backward = Batches::new(sampling, 50, 7, 1);
            for step in (0..20).rev() {
                backward.draw(step, &mut batch);
                assert_eq!(batch, drawn[usize::try_from(step).unwrap()], "{sampling:?}");
            }
        }
    }

    /// Every example is in a batch of B of n with probability B/n; the count over 4,000 steps is
    /// binomial, and 6 standard deviations leave one false alarm in 10⁷.
    #[test]
    fn independent_batches_are_uniform_and_without_repetition() {
        let (n, size, steps) = (12, 5, 4000);
        for sampling in [Sampling::IndependentBatches, Sampling::WithReplacement] {
            let mut batches = Batches::new(sampling, n, size, 9);
            let (mut counts, mut batch) = (vec![0_u32; n], Vec::new());
            let mut repeated = false;
            for step in 0..steps {
                batches.draw(step, &mut batch);
                batch.iter().for_each(|i| counts[*i] += 1);
                batch.sort_unstable();
                repeated |= batch.windows(2).any(|pair| pair[0] == pair[1]);
            }
            assert_eq!(repeated, sampling == Sampling::WithReplacement);
            let share = size as f64 / n as f64;
            let deviation = (steps as f64 * share).sqrt();
            for count in counts {
                assert!((f64::from(count) - steps as f64 * share).abs() < 6.0 * deviation);
            }
        }
    }
}
