//! What this machine can do, measured in the same run as what is compared with it.
//!
//! The floor of an operation is the longer of two times: its multiply–adds at the rate of a loop
//! that never leaves the registers, and its bytes at the rate at which a buffer of the same size is
//! read (so data that fits a cache is compared with that cache, not with memory).

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};
use rayon::ThreadPool;
use rayon::prelude::*;

/// The threads that measure, and the peak of all of them together.
pub(crate) struct Roofline {
    pool: ThreadPool,
    threads: usize,
    /// f32 operations a second; a multiply–add is two.
    pub(crate) peak: f64,
}

impl Roofline {
    /// Measures the peak, in some tenths of a second.
    pub(crate) fn new(threads: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.expect("threads start");
        let operations = |rounds: usize| -> usize {
            pool.broadcast(|_| Arch::new().dispatch(MultiplyAdds { rounds })).iter().sum()
        };
        let peak = best_rate(|| operations(1 << 20) as f64);
        Self { pool, threads, peak }
    }

    /// The time below which nothing can do `operations` with `turns` over `bytes`. What is read and
    /// written counts two turns.
    pub(crate) fn floor(&self, operations: f64, turns: f64, bytes: f64) -> Floor {
        let computing = operations / self.peak;
        let reading = if bytes > 0.0 { turns * bytes / self.read_rate(bytes) } else { 0.0 };
        Floor { seconds: computing.max(reading) }
    }

    /// Bytes a second from a buffer of this size, read over and over, each thread its own share.
    pub(crate) fn read_rate(&self, bytes: f64) -> f64 {
        let numbers = (bytes / 4.0 / self.threads as f64).max(64.0) as usize;
        let shares: Vec<Vec<f32>> = (0..self.threads).map(|_| vec![1.0; numbers]).collect();
        let rounds = (1 << 23) / numbers + 1;
        best_rate(|| {
            let read = |share: &Vec<f32>| {
                for _ in 0..rounds {
                    black_box(Arch::new().dispatch(Sum { numbers: black_box(share) }));
                }
            };
            self.pool.install(|| shares.par_iter().for_each(read));
            (4 * numbers * rounds * self.threads) as f64
        })
    }
}

impl fmt::Display for Roofline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cache, memory] = [1e6, 2e8].map(|bytes| self.read_rate(bytes) / 1e9);
        write!(
            f,
            "{} thread(s): {:.0} Gflop/s of multiply-adds in f32; {cache:.0} GB/s from 1 MB, \
             {memory:.0} GB/s from 200 MB",
            self.threads,
            self.peak / 1e9
        )
    }
}

/// A time that an operation is compared with; shown beside its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    /// Seconds.
    pub seconds: f64,
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let microseconds = self.seconds * 1e6;
        if microseconds < 1000.0 {
            write!(f, "floor {microseconds:.3} µs")
        } else {
            write!(f, "floor {:.3} ms", microseconds / 1e3)
        }
    }
}

/// The most of `work`'s units a second in seven turns: what disturbs only slows down.
fn best_rate(work: impl Fn() -> f64) -> f64 {
    let rate = |_| {
        let start = Instant::now();
        let units = work();
        units / start.elapsed().as_secs_f64()
    };
    (0..7).map(rate).fold(0.0, f64::max)
}

/// Multiply–adds on registers alone; returns the operations done.
struct MultiplyAdds {
    rounds: usize,
}

impl WithSimd for MultiplyAdds {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        // Two units of four cycles' latency need eight independent sums; twelve leave a margin.
        const SUMS: usize = 12;
        let (factor, term) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(1.0)));
        let mut sums = [simd.splat_f32s(0.0); SUMS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, factor, term);
            }
        }
        let total: f32 = sums.iter().map(|sum| simd.reduce_sum_f32s(*sum)).sum();
        black_box(total);
        2 * SUMS * self.rounds * size_of::<S::f32s>() / size_of::<f32>()
    }
}

/// The sum of numbers in memory, with enough running sums to wait for memory alone.
struct Sum<'a> {
    numbers: &'a [f32],
}

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (registers, _) = S::as_simd_f32s(self.numbers);
        let (eights, _) = registers.as_chunks::<8>();
        let mut sums = [simd.splat_f32s(0.0); 8];
        for eight in eights {
            for (sum, register) in sums.iter_mut().zip(eight) {
                *sum = simd.add_f32s(*sum, *register);
            }
        }
        sums.iter().map(|sum| simd.reduce_sum_f32s(*sum)).sum()
    }
}
