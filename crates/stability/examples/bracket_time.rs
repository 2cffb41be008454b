//! Time and width of the mean-square bracket, and time of the threshold of reshuffled epochs, on synthetic problems of the size of the paper's
//! networks: n examples of lognormal scale, curvatures falling as a power of their index.
//!
//! `cargo run --release -p minimascope-stability --example bracket_time -- n K P r exponent B…`

use std::ops::ControlFlow;
use std::time::Instant;

use minimascope_stability::epochs::critical::{self as epochs, EpochParameters};
use minimascope_stability::mean_square::{CriticalParameters, critical};
use minimascope_stability::{Batching, ExampleFactors, LearningRate, Sampling};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<f64> =
        std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let [n, k, p, r, exponent, sizes @ ..] = numbers.as_slice() else {
        return Err("give n K P r exponent B…".into());
    };
    let (n, k, p, r) = (*n as usize, *k as usize, *p as usize, *r as usize);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut normal = || {
        let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut rows = vec![0.0; n * k * p];
    for example in rows.chunks_exact_mut(k * p) {
        // Norms of the rows differ between examples by a factor of e^±0.7.
        let scale = (0.7 * normal()).exp();
        for row in example.chunks_exact_mut(p) {
            for (j, value) in row.iter_mut().enumerate() {
                *value = scale * normal() * ((j + 1) as f64).powf(-0.5 * exponent);
            }
        }
    }
    let start = Instant::now();
    let all = ExampleFactors::from_rows(n, k, p, &rows)?;
    let factors = all.truncated(r);
    eprintln!(
        "factors: {:.1} s, rank {} of {}, a {:.3}, tail {:.2e}, trace {:.3}",
        start.elapsed().as_secs_f64(),
        factors.rank(),
        all.rank(),
        factors.sharpness(),
        factors.tail(),
        factors.trace(),
    );
    for size in sizes {
        let batching = Batching::new(n, *size as usize, Sampling::IndependentBatches)?;
        let start = Instant::now();
        let plain = CriticalParameters { certificate_rank: 0, ..CriticalParameters::default() };
        let found = critical(&factors, &batching, &plain, &mut |_| ControlFlow::Continue(()))?;
        let without = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let parameters = CriticalParameters::default();
        let found_with =
            critical(&factors, &batching, &parameters, &mut |_| ControlFlow::Continue(()))?;
        let with = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let exact = CriticalParameters { certificate_rank: 0, first_rank: r, ..parameters };
        let full = critical(&factors, &batching, &exact, &mut |_| ControlFlow::Continue(()))?;
        let last = start.elapsed().as_secs_f64();
        let ranks: Vec<String> = found
            .ranks
            .iter()
            .map(|v| format!("{}: {:.6}", v.rank, v.critical_learning_rate))
            .collect();
        eprintln!(
            "B {size}: T1 {:.6}, lower {:.6} ({:?}), estimate {:.6}, width {:.2} %; {} ; {:.2} s, \
             {:.2} s with certificate ({} products); all {} ranks at once {:.6} in {:.1} s ({})",
            found.theorem_one,
            found_with.lower,
            found_with.lower_by,
            found.estimate,
            100.0 * (found_with.upper / found_with.lower - 1.0),
            ranks.join(", "),
            without,
            with,
            found_with.products,
            factors.rank(),
            full.estimate,
            last,
            full.products,
        );
        let start = Instant::now();
        let used = Batching::new(n, *size as usize, Sampling::ReshuffledEpochs)?;
        let rate = LearningRate::new(found.estimate)?;
        let mut products = 0;
        let reshuffled =
            epochs::critical(&factors, &used, rate, &EpochParameters::default(), &mut |at| {
                products = at.products;
                ControlFlow::Continue(())
            })?;
        if let Some(at) = reshuffled {
            eprintln!(
                "    reshuffled {:.6} ± {:.6}, {:.4} of independent, {} orders, slope {:.1}, {:.1e} left out; \
                 {} products, {:.1} s",
                at.learning_rate,
                at.standard_error,
                at.learning_rate / found.estimate,
                at.orders,
                at.slope,
                at.left_out,
                products,
                start.elapsed().as_secs_f64(),
            );
        }
    }
    Ok(())
}
