//! Operators whose spectrum is known exactly.
#![allow(dead_code, unreachable_pub)] // Every test binary uses a part of it.

use minimascope_linop::{ProductFailure, SymmetricOperator};

/// R diag(values) R with R a product of Householder reflections I − 2uuᵀ: the eigenvalues are
/// `values` to rounding at any dimension, with dense eigenvectors and O(dimension) products.
pub struct Planted {
    pub values: Vec<f64>,
    reflections: Vec<Vec<f64>>,
    scratch: Vec<f64>,
    pub products: usize,
}

impl Planted {
    pub fn new(values: &[f64]) -> Self {
        let dimension = values.len();
        let reflection = |seed: u64| {
            let mut state = seed;
            let entries: Vec<f64> = (0..dimension)
                .map(|_| {
                    // Knuth's MMIX generator; any fixed vector without structure would do.
                    state =
                        state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
                })
                .collect();
            let norm = entries.iter().map(|x| x * x).sum::<f64>().sqrt();
            entries.iter().map(|x| x / norm).collect()
        };
        let reflections = (1..=3).map(reflection).collect();
        Self { values: values.to_vec(), reflections, scratch: vec![0.0; dimension], products: 0 }
    }

    /// The eigenvector of `values[index]`.
    pub fn eigenvector(&self, index: usize) -> Vec<f64> {
        let mut vector = vec![0.0; self.values.len()];
        vector[index] = 1.0;
        self.reflections.iter().for_each(|u| reflect(u, &mut vector));
        vector
    }

    /// The values in descending order.
    pub fn descending(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted
    }

    pub fn norm(&self) -> f64 {
        self.values.iter().fold(0.0, |most: f64, value| most.max(value.abs()))
    }
}

fn reflect(u: &[f64], x: &mut [f64]) {
    let twice = 2.0 * u.iter().zip(x.iter()).map(|(a, b)| a * b).sum::<f64>();
    x.iter_mut().zip(u).for_each(|(x, u)| *x -= twice * u);
}

impl SymmetricOperator for Planted {
    fn dimension(&self) -> usize {
        self.values.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        self.products += 1;
        self.scratch.copy_from_slice(x);
        self.reflections.iter().rev().for_each(|u| reflect(u, &mut self.scratch));
        for ((y, x), value) in y.iter_mut().zip(&self.scratch).zip(&self.values) {
            *y = value * x;
        }
        self.reflections.iter().for_each(|u| reflect(u, y));
        Ok(())
    }
}

/// Rounds input and output to f32 and adds a relative error that depends on the input's bits: a
/// product in f32, not quite symmetric, the same for the same input.
pub struct Noisy<O> {
    pub inner: O,
    pub relative: f64,
}

impl<O: SymmetricOperator> SymmetricOperator for Noisy<O> {
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
        let rounded: Vec<f64> = x.iter().map(|&x| f64::from(x as f32)).collect();
        self.inner.apply(&rounded, y)?;
        let scale = (y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64).sqrt();
        for (y, x) in y.iter_mut().zip(x) {
            let mixed = x.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
            let error = mixed as f64 / (1u64 << 53) as f64 - 0.5;
            *y = f64::from((*y + 2.0 * self.relative * scale * error) as f32);
        }
        Ok(())
    }

    fn rounding(&self) -> f64 {
        self.relative
    }
}

/// Spectra by name: the shapes that break eigensolvers.
pub fn spectra() -> Vec<(&'static str, Vec<f64>)> {
    let ramp = |n: usize| (0..n).map(move |i| i as f64 / n as f64);
    vec![
        ("one", vec![-2.5]),
        ("two", vec![3.0, 3.0]),
        ("three, one zero", vec![0.0, -1.0, 2.0]),
        ("zero", vec![0.0; 12]),
        ("identity", vec![1.0; 40]),
        ("rank one", [vec![7.0], vec![0.0; 59]].concat()),
        ("rank one, negative", [vec![-7.0], vec![0.0; 59]].concat()),
        ("double at the top", [vec![5.0, 5.0, 4.0], ramp(57).collect()].concat()),
        ("triple at both ends", [vec![9.0; 3], vec![-9.0; 3], ramp(50).collect()].concat()),
        (
            "cluster of five",
            [(0..5).map(|i| 8.0 + 1e-3 * f64::from(i)).collect(), ramp(45).collect::<Vec<_>>()]
                .concat(),
        ),
        ("negative giant", [vec![-1e6, 2.0, 1.5], ramp(47).collect()].concat()),
        (
            "bulk and outliers",
            [vec![20.0, 12.0, 7.0, -0.3], ramp(196).map(|x| x * x * 0.5).collect()].concat(),
        ),
        ("geometric", (0..40).map(|i| 10f64.powf(-f64::from(i) / 20.0)).collect()),
        ("tiny scale", ramp(30).map(|x| 1e-150 * (x + 1.0)).collect()),
        ("huge scale", ramp(30).map(|x| 1e140 * (x - 0.5)).collect()),
    ]
}
