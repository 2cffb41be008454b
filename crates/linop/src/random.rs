//! Random vectors: one seed, split by purpose, so that no two uses share a stream.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a random vector is for; each purpose has its own streams of the seed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The n-th random direction of a Lanczos run.
    Direction(usize),
    /// The n-th probe of a stochastic estimate.
    Probe(usize),
}

impl Purpose {
    fn stream(self) -> u64 {
        match self {
            Self::Direction(n) => 2 * n as u64,
            Self::Probe(n) => 2 * n as u64 + 1,
        }
    }
}

fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(purpose.stream());
    generator
}

/// Independent uniform entries on [−1, 1). Signs alone would be exact eigenvectors of small
/// structured matrices, which hides their other eigenvalues.
pub(crate) fn fill_uniform(out: &mut [f64], seed: u64, purpose: Purpose) {
    let mut generator = generator(seed, purpose);
    for entry in out {
        // 53 random bits k give k·2⁻⁵² − 1, exactly.
        *entry = (generator.next_u64() >> 11) as f64 * f64::EPSILON - 1.0;
    }
}

/// Independent signs ±1 (Rademacher): E[zzᵀ] = I with the smallest variance for a trace.
pub(crate) fn fill_signs(out: &mut [f64], seed: u64, purpose: Purpose) {
    let mut generator = generator(seed, purpose);
    for entries in out.chunks_mut(64) {
        let mut bits = generator.next_u64();
        for entry in entries {
            *entry = if bits & 1 == 0 { 1.0 } else { -1.0 };
            bits >>= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_entries_cover_the_interval_with_its_mean_and_variance() {
        let count = 100_000;
        let mut entries = vec![0.0; count];
        fill_uniform(&mut entries, 3, Purpose::Direction(0));
        let mean = entries.iter().sum::<f64>() / count as f64;
        let square = entries.iter().map(|x| x * x).sum::<f64>() / count as f64;
        // Standard errors of the mean √(1/3n) and of the second moment √(4/45n); five of them.
        assert!(mean.abs() < 5.0 * (1.0 / (3.0 * count as f64)).sqrt(), "{mean}");
        assert!(
            (square - 1.0 / 3.0).abs() < 5.0 * (4.0 / (45.0 * count as f64)).sqrt(),
            "{square}"
        );
        assert!(entries.iter().all(|x| (-1.0..1.0).contains(x)));
    }

    #[test]
    fn purposes_and_seeds_have_streams_of_their_own() {
        let draw = |seed, purpose| {
            let mut signs = vec![0.0; 128];
            fill_signs(&mut signs, seed, purpose);
            signs
        };
        let first = draw(1, Purpose::Probe(0));
        assert_eq!(first, draw(1, Purpose::Probe(0)));
        assert_ne!(first, draw(1, Purpose::Probe(1)));
        assert_ne!(first, draw(1, Purpose::Direction(0)));
        assert_ne!(first, draw(2, Purpose::Probe(0)));
        assert!(first.iter().all(|x| x.abs() == 1.0));
    }
}
