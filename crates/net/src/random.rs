//! The random streams of a run: one seed, split by use, so that one more draw for one use changes
//! no other.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What random numbers are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RandomUse {
    Initialization = 1,
    Batches = 2,
}

/// The stream of `seed` for a purpose.
pub(crate) fn stream(seed: u64, purpose: RandomUse) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose as u64);
    random
}

/// A standard normal number, by Box and Muller: one of the pair, so that no state is left over.
pub(crate) fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * random.random::<f64>()).cos()
}

/// The stream of `seed` for a purpose at one index (an epoch, a step): a position far from those
/// of other indices, so that none needs the ones before it.
pub(crate) fn stream_at(seed: u64, purpose: RandomUse, index: u64) -> ChaCha8Rng {
    let mut random = stream(seed, purpose);
    // 2³² words for each index, of the 2⁶⁸ words that a stream has.
    random.set_word_pos(u128::from(index) << 32);
    random
}
