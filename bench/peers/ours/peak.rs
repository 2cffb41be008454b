//! The most that this machine can multiply and add, measured.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use pulp::{Simd, WithSimd};

/// Independent chains of fused multiply–adds: more than latency × units of any processor of today.
const CHAINS: usize = 16;
const ROUNDS: usize = 20_000_000;

struct Chains;

impl WithSimd for Chains {
    /// Lanes.
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (factor, term) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(0.5)));
        let mut chains = [simd.splat_f32s(black_box(1.0)); CHAINS];
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = simd.mul_add_f32s(*chain, factor, term);
            }
        }
        black_box(chains);
        S::F32_LANES
    }
}

/// Floating-point operations a second in f32 on this many threads at once, the best of five.
pub(crate) fn measure(threads: usize) -> f64 {
    let once = || {
        let barrier = Barrier::new(threads);
        let rate = || {
            barrier.wait();
            let start = Instant::now();
            let lanes = pulp::Arch::new().dispatch(Chains);
            (2 * lanes * CHAINS * ROUNDS) as f64 / start.elapsed().as_secs_f64()
        };
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(rate)).collect();
            handles.into_iter().map(|handle| handle.join().expect("no panic")).sum::<f64>()
        })
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}
