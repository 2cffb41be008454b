//! The cost of Lanczos beside its products: an operator whose product is one pass over memory.
//!
//! `cargo run --release -p minimascope-linop --example basis_cost [dimension] [products]`
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use minimascope_linop::{End, LanczosParameters, SymmetricOperator, lanczos};
use rayon::prelude::*;

/// A diagonal with a few outliers, that keeps the time spent in it.
struct Timed {
    diagonal: Vec<f64>,
    spent: Duration,
}

impl SymmetricOperator for Timed {
    fn dimension(&self) -> usize {
        self.diagonal.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let start = Instant::now();
        y.par_iter_mut()
            .zip(x)
            .zip(&self.diagonal)
            .with_min_len(4096)
            .for_each(|((y, x), value)| *y = value * x);
        self.spent += start.elapsed();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let dimension = arguments.next().unwrap_or(Ok(900_000))?;
    let products = arguments.next().unwrap_or(Ok(13))?;
    let bulk = (0..dimension).map(|i| (i as f64 / dimension as f64).powi(8));
    let diagonal: Vec<f64> = bulk.collect();
    for _ in 0..5 {
        let mut operator = Timed { diagonal: diagonal.clone(), spent: Duration::ZERO };
        let parameters = LanczosParameters {
            tolerance: 1e-13,
            max_products: products,
            ..LanczosParameters::new(End::Largest, 1)
        };
        let mut times = vec![Instant::now()];
        let start = Instant::now();
        let spectrum = lanczos(&mut operator, &parameters, None, &mut |_| {
            times.push(Instant::now());
            ControlFlow::Continue(())
        })?;
        let total = start.elapsed();
        let around = (total - operator.spent).as_secs_f64() * 1e3;
        let last = times.last().map_or(Duration::ZERO, |at| at.elapsed());
        println!(
            "{dimension} entries, {} products: {:.1} ms in all, {around:.1} ms beside the products, \
             {:.2} ms each; start {:.1} ms, end {:.1} ms",
            spectrum.products,
            total.as_secs_f64() * 1e3,
            around / spectrum.products as f64,
            (times[1] - times[0]).as_secs_f64() * 1e3,
            last.as_secs_f64() * 1e3,
        );
        let steps: Vec<String> =
            times.windows(2).map(|t| format!("{:.1}", (t[1] - t[0]).as_secs_f64() * 1e3)).collect();
        println!("  steps [ms, products included]: {}", steps.join(" "));
    }
    Ok(())
}
