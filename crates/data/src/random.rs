//! Reproducible randomness: one seed, a separate stream for each purpose.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What random numbers are for. Streams of different purposes are independent, so that one more
/// draw here changes nothing there. The numbers are part of the results' definition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Which examples a sample holds.
    Sample = 1,
    /// Which examples get a wrong label.
    CorruptedExamples = 2,
    /// Which wrong labels they get.
    WrongLabels = 3,
}

/// The stream of `purpose` under `seed`.
pub(crate) fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose as u64);
    random
}

/// `number` different numbers below `below`, every set equally likely, in ascending order: the
/// start of a Fisher–Yates shuffle.
///
/// # Panics
/// If `number` is larger than `below`; callers have checked.
pub(crate) fn distinct(random: &mut ChaCha8Rng, number: usize, below: usize) -> Vec<usize> {
    assert!(number <= below, "{number} different numbers below {below}");
    let mut all: Vec<usize> = (0..below).collect();
    for at in 0..number {
        all.swap(at, at + uniform(random, below - at));
    }
    all.truncate(number);
    all.sort_unstable();
    all
}

/// A number below `below`, every one equally likely. Drawn in 64 bits on every platform.
pub(crate) fn uniform(random: &mut ChaCha8Rng, below: usize) -> usize {
    random.random_range(0..below as u64) as usize
}
