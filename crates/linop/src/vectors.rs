//! Vector work in parallel over fixed chunks, summed in a fixed order.
//!
//! A sum is taken over chunks of [`CHUNK`] entries, inside a chunk in eight interleaved partial
//! sums, and over the chunks from first to last. The chunks do not depend on the number of
//! threads and the lanes not on the processor, so the bits depend on neither.

use pulp::Arch;
use rayon::prelude::*;

/// Entries of a chunk: 32 KiB, so that one chunk of a vector stays in a first-level cache of
/// 48 KiB while the same chunk of every basis vector streams past it.
pub const CHUNK: usize = 4096;

/// Interleaved partial sums of a dot product: the f64 lanes of the widest vector unit (AVX-512).
const LANES: usize = 8;

/// Applies `work` to every chunk of `target` with its own row of `partials` (`width` numbers a
/// chunk), in parallel, then adds the rows from first to last into `sums` (`width` numbers).
///
/// `work` gets the chunk's offset, the chunk and its zeroed row.
pub(crate) fn for_chunks<W>(target: &mut [f64], partials: &mut [f64], sums: &mut [f64], work: W)
where
    W: Fn(usize, &mut [f64], &mut [f64]) + Sync,
{
    let width = sums.len();
    let arch = Arch::new();
    let run = |chunk: usize, piece: &mut [f64], row: &mut [f64]| {
        row.fill(0.0);
        arch.dispatch(|| work(chunk * CHUNK, piece, row));
    };
    if target.len() <= CHUNK {
        return run(0, target, sums);
    }
    let partials = &mut partials[..target.len().div_ceil(CHUNK) * width];
    target
        .par_chunks_mut(CHUNK)
        .zip(partials.par_chunks_mut(width))
        .enumerate()
        .for_each(|(chunk, (piece, row))| run(chunk, piece, row));
    sums.fill(0.0);
    for row in partials.chunks(width) {
        sums.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
    }
}

/// The dot products of `w` with `N` vectors of the same length, each in eight interleaved sums.
#[inline(always)]
pub(crate) fn dots<const N: usize>(w: &[f64], with: [&[f64]; N]) -> [f64; N] {
    let mut sums = [[0.0; LANES]; N];
    let (blocks, tail) = w.as_chunks::<LANES>();
    let rows = with.map(|v| v[..w.len()].as_chunks::<LANES>());
    for (index, block) in blocks.iter().enumerate() {
        for n in 0..N {
            let other = &rows[n].0[index];
            for lane in 0..LANES {
                sums[n][lane] += block[lane] * other[lane];
            }
        }
    }
    std::array::from_fn(|n| {
        let [a, b, c, d, e, f, g, h] = sums[n];
        let mut sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
        for (x, y) in tail.iter().zip(rows[n].1) {
            sum += x * y;
        }
        sum
    })
}

/// One dot product on this thread, without chunks; for rows of a dense matrix.
pub(crate) fn dot_in_order(a: &[f64], b: &[f64]) -> f64 {
    Arch::new().dispatch(|| dots(a, [b])[0])
}

/// aᵀb.
///
/// # Panics
/// When `b` is shorter than `a`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let arch = Arch::new();
    let chunk = |(x, y): (&[f64], &[f64])| arch.dispatch(|| dots(x, [y])[0]);
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
    combine(1.0, y, factor, x);
}

/// y ← a·y + b·x.
pub(crate) fn combine(a: f64, y: &mut [f64], b: f64, x: &[f64]) {
    let x = &x[..y.len()];
    elementwise(y, |offset, piece| {
        let length = piece.len();
        piece.iter_mut().zip(&x[offset..offset + length]).for_each(|(y, x)| *y = a * *y + b * x);
    });
}

fn elementwise(y: &mut [f64], work: impl Fn(usize, &mut [f64]) + Sync) {
    let arch = Arch::new();
    if y.len() <= CHUNK {
        return arch.dispatch(|| work(0, y));
    }
    y.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, piece)| arch.dispatch(|| work(chunk * CHUNK, piece)));
}
