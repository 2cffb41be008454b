//! Reproducible random numbers: one seed, and a separate stream for each kind of draw.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is drawn. The streams are independent, so that one more draw of one kind changes no other
/// kind. Their numbers are part of the results' definition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RandomDraw {
    /// Which examples a sample holds.
    Sample = 1,
    /// Which examples get a wrong label.
    CorruptedExamples = 2,
    /// Which wrong labels they get.
    WrongLabels = 3,
}

/// The stream of `seed` for one kind of draw.
pub(crate) fn stream(seed: u64, draw: RandomDraw) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(draw as u64);
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
