//! Vector work in parallel over fixed chunks, summed in a fixed order.
//!
//! A sum is taken over chunks of [`CHUNK`] entries, and over the chunks from first to last. The
//! chunks do not depend on the number of threads, so the bits do not either.

use rayon::prelude::*;

use crate::kernels::dots;

/// Entries of a chunk: 32 KiB, so that one chunk of a vector stays in a first-level cache of
/// 48 KiB while the same chunk of every basis vector streams past it.
pub const CHUNK: usize = 4096;

/// Applies `work` to every chunk of `target` with its own row of `partials` (`width` numbers a
/// chunk), in parallel, then adds the rows from first to last into `sums` (`width` numbers).
///
/// `work` gets the chunk's offset, the chunk and its row, whose content is arbitrary.
pub(crate) fn for_chunks<W>(target: &mut [f64], partials: &mut [f64], sums: &mut [f64], work: W)
where
    W: Fn(usize, &mut [f64], &mut [f64]) + Sync,
{
    let width = sums.len();
    if target.len() <= CHUNK {
        return work(0, target, sums);
    }
    let partials = &mut partials[..target.len().div_ceil(CHUNK) * width];
    target
        .par_chunks_mut(CHUNK)
        .zip(partials.par_chunks_mut(width))
        .enumerate()
        .for_each(|(chunk, (piece, row))| work(chunk * CHUNK, piece, row));
    sums.fill(0.0);
    for row in partials.chunks(width) {
        sums.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
    }
}

/// aᵀb.
///
/// # Panics
/// When `b` is shorter than `a`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let chunk = |(x, y): (&[f64], &[f64])| dots(x, [y])[0];
    if a.len() <= CHUNK {
        return chunk((a, b));
    }
    let b = &b[..a.len()];
    let parts: Vec<f64> = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(chunk).collect();
    parts.iter().sum()
}

/// The Euclidean norm ‖a‖.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// y ← factor·y.
pub fn scale(factor: f64, y: &mut [f64]) {
    elementwise(y, |_, piece| piece.iter_mut().for_each(|entry| *entry *= factor));
}

/// y ← y + factor·x.
///
/// # Panics
/// When `x` is shorter than `y`.
pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    let x = &x[..y.len()];
    elementwise(y, |offset, piece| {
        piece.iter_mut().zip(&x[offset..]).for_each(|(y, x)| *y += factor * x);
    });
}

fn elementwise(y: &mut [f64], work: impl Fn(usize, &mut [f64]) + Sync) {
    if y.len() <= CHUNK {
        return work(0, y);
    }
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, piece)| work(chunk * CHUNK, piece));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths around the chunk's; small integers, so that every order of summation is exact.
    #[test]
    fn chunked_work_agrees_with_the_plain_loop() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17] {
            let vector = |k: usize| -> Vec<f64> {
                (0..length).map(|i| ((i * k + i / 7) % 9) as f64 - 4.0).collect()
            };
            let (a, b) = (vector(1), vector(2));
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert_eq!(dot(&a, &b), plain);
            assert_eq!(norm(&a), a.iter().map(|x| x * x).sum::<f64>().sqrt());
            let mut y = b.clone();
            axpy(2.0, &a, &mut y);
            scale(-1.0, &mut y);
            for i in 0..length {
                assert_eq!(y[i], -(b[i] + 2.0 * a[i]));
            }
            let mut partials = vec![7.0; length.div_ceil(CHUNK) * 2];
            let mut sums = [5.0; 2];
            let mut y = b.clone();
            for_chunks(&mut y, &mut partials, &mut sums, |offset, piece, row| {
                row[0] = piece.iter().zip(&a[offset..]).map(|(x, y)| x * y).sum();
                row[1] = piece.len() as f64;
            });
            assert_eq!(sums, [plain, length as f64]);
        }
    }
}
