//! What Lanczos costs beside its products, with the floor: an operator whose product is one pass
//! over memory. `cargo bench -p minimascope-linop --bench basis`.

#[path = "../../net/benches/roofline/mod.rs"]
#[allow(dead_code, reason = "the kernels have other floors")]
mod roofline;

use std::fmt;
use std::sync::LazyLock;

use divan::Bencher;
use minimascope_linop::{
    LanczosParameters, ProductFailure, SpectrumEnd, SymmetricOperator, lanczos, silent,
};
use rayon::prelude::*;
use roofline::{Floor, Roofline};

static MACHINE: LazyLock<Roofline> =
    LazyLock::new(|| Roofline::new(std::thread::available_parallelism().map_or(1, usize::from)));

#[allow(clippy::print_stdout)]
fn main() {
    println!("{}", *MACHINE);
    divan::main();
}

/// The usual number for a sharpness, the last one for its residual.
const PRODUCTS: usize = 14;

struct Case {
    dimension: usize,
    floor: Floor,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, {PRODUCTS} products, {}", self.dimension, self.floor)
    }
}

/// The parameters of the study's two networks.
fn cases() -> impl Iterator<Item = Case> {
    [71_410, 898_510].into_iter().map(|dimension| {
        // With j columns: the vector against two of them; without those, against all; without all.
        // The vector is written twice. A product reads three and writes one.
        let vectors: usize = (1..PRODUCTS).map(|j| (2 + 1) + (j + 2) + (j + 2) + 4).sum();
        let bytes = (vectors * dimension * size_of::<f64>()) as f64;
        // The rate at which memory of the basis' size is read.
        let basis = ((PRODUCTS + 1) * dimension * size_of::<f64>()) as f64;
        Case { dimension, floor: Floor { seconds: bytes / MACHINE.read_rate(basis) } }
    })
}

struct Diagonal(Vec<f64>);

impl SymmetricOperator for Diagonal {
    fn dimension(&self) -> usize {
        self.0.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let entries = y.par_iter_mut().zip(x).zip(&self.0).with_min_len(4096);
        entries.for_each(|((y, x), value)| *y = value * x);
        Ok(())
    }
}

#[divan::bench(args = cases())]
fn lanczos_beside_its_products(bencher: Bencher<'_, '_>, case: &Case) {
    let n = case.dimension;
    let mut operator = Diagonal((0..n).map(|i| (i as f64 / n as f64).powi(8)).collect());
    let parameters = LanczosParameters {
        tolerance: 1e-13,
        max_products: PRODUCTS,
        ..LanczosParameters::new(SpectrumEnd::Largest, 1)
    };
    bencher.bench_local(|| lanczos(&mut operator, &parameters, None, &mut silent).expect("solves"));
}
