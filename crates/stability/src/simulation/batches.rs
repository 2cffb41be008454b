//! Batches as the sampling scheme draws them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Batching, Sampling};

/// The examples of a step.
pub(super) struct Draw<'a> {
    /// The batch.
    pub(super) batch: &'a [usize],
    /// All other examples, in two parts; unknown when a batch can hold an example twice.
    pub(super) left_out: Option<[&'a [usize]; 2]>,
}

/// An endless stream of batches. The same seed gives the same batches.
#[derive(Clone, Debug)]
pub struct BatchSampler {
    batching: Batching,
    random: ChaCha8Rng,
    /// A permutation of the examples, shuffled from the front.
    order: Vec<usize>,
    batch: Vec<usize>,
    /// Where the epoch stands (in epochs only).
    next: usize,
    /// Epochs begun.
    epochs: u64,
}

impl BatchSampler {
    /// The stream of `seed`.
    pub fn new(batching: Batching, seed: u64) -> Self {
        let examples = batching.examples();
        Self {
            batching,
            random: ChaCha8Rng::seed_from_u64(seed),
            order: (0..examples).collect(),
            batch: Vec::with_capacity(batching.batch_size()),
            next: examples,
            epochs: 0,
        }
    }

    /// The next batch: B examples, or what the epoch has left.
    pub fn next_batch(&mut self) -> &[usize] {
        self.next_draw().batch
    }

    /// The next batch with the examples that it leaves out.
    pub(super) fn next_draw(&mut self) -> Draw<'_> {
        let (n, b) = (self.batching.examples(), self.batching.batch_size());
        match self.batching.sampling() {
            Sampling::WithReplacement => {
                self.batch.clear();
                for _ in 0..b {
                    self.batch.push(self.random.random_range(0..n));
                }
                Draw { batch: &self.batch, left_out: None }
            }
            Sampling::IndependentBatches => {
                self.shuffle_front(b);
                let (batch, rest) = self.order.split_at(b);
                Draw { batch, left_out: Some([&[], rest]) }
            }
            Sampling::ReshuffledEpochs
            | Sampling::ReshuffledAndReversed
            | Sampling::SingleShuffle
            | Sampling::FileOrder => {
                if self.next >= n {
                    self.take_order();
                    self.next = 0;
                }
                let first = self.next;
                self.next = (first + b).min(n);
                let (before, after) = (&self.order[..first], &self.order[self.next..]);
                Draw { batch: &self.order[first..self.next], left_out: Some([before, after]) }
            }
        }
    }

    /// Sets the order of the next epoch.
    fn take_order(&mut self) {
        let (n, odd) = (self.order.len(), self.epochs % 2 == 1);
        match self.batching.sampling() {
            Sampling::ReshuffledAndReversed if odd => self.order.reverse(),
            Sampling::SingleShuffle if self.epochs > 0 => {}
            Sampling::FileOrder => {}
            _ => self.shuffle_front(n),
        }
        self.epochs += 1;
    }

    /// Fisher–Yates on the first `count` places: a uniform ordered sample without replacement,
    /// whatever order was left before.
    fn shuffle_front(&mut self, count: usize) {
        let n = self.order.len();
        for place in 0..count.min(n - 1) {
            let other = self.random.random_range(place..n);
            self.order.swap(place, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies of all C(4, 2) = 6 batches within five standard deviations; epochs are
    /// permutations with a short last batch.
    #[test]
    fn schemes() {
        let batching = Batching::new(4, 2, Sampling::IndependentBatches).unwrap();
        let mut sampler = BatchSampler::new(batching, 1);
        let mut counts = [0usize; 16];
        for _ in 0..60_000 {
            let batch = sampler.next_batch();
            assert_ne!(batch[0], batch[1]);
            counts[(1 << batch[0]) | (1 << batch[1])] += 1;
        }
        let deviation = (60_000.0f64 * (1.0 / 6.0) * (5.0 / 6.0)).sqrt();
        for count in counts.into_iter().filter(|c| *c > 0) {
            assert!((count as f64 - 10_000.0).abs() < 5.0 * deviation, "{counts:?}");
        }
        let batching = Batching::new(5, 2, Sampling::ReshuffledEpochs).unwrap();
        let mut sampler = BatchSampler::new(batching, 1);
        for _ in 0..100 {
            let mut epoch = Vec::new();
            for size in [2, 2, 1] {
                assert_eq!(sampler.next_batch().len(), size);
                epoch.extend_from_slice(&sampler.order[sampler.next - size..sampler.next]);
            }
            epoch.sort_unstable();
            assert_eq!(epoch, [0, 1, 2, 3, 4]);
        }
        let batching = Batching::new(3, 3, Sampling::WithReplacement).unwrap();
        let mut sampler = BatchSampler::new(batching, 1);
        let repeated = (0..100).filter(|_| {
            let b = sampler.next_batch();
            b[0] == b[1] || b[1] == b[2] || b[0] == b[2]
        });
        // Probability 7/9 of a repetition.
        assert!(repeated.count() > 60);
    }
}
