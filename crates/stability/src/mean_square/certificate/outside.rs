//! The blocks as the directions left out see them.

use minimascope_linop::SymmetricOperator;

use crate::ExampleFactors;
use crate::factors::apply_blocks;

/// P·blockdiag(T)·P on the nK outputs, P = I − UUᵀ, U = A_V H_V^{-1/2}/√n.
pub(super) struct OutsideBlocks<'a> {
    factors: &'a ExampleFactors,
    blocks: &'a [f64],
    coordinates: Vec<f64>,
    inside: Vec<f64>,
    outside: Vec<f64>,
}

impl<'a> OutsideBlocks<'a> {
    pub(super) fn new(factors: &'a ExampleFactors, blocks: &'a [f64]) -> Self {
        let count = factors.examples() * factors.outputs();
        let coordinates = vec![0.0; factors.rank()];
        Self { factors, blocks, coordinates, inside: vec![0.0; count], outside: vec![0.0; count] }
    }

    /// u ← Pu.
    fn project(&mut self, u: &mut [f64]) {
        let n = self.factors.examples() as f64;
        self.factors.apply_rows_transposed(u, &mut self.coordinates);
        for (value, h) in self.coordinates.iter_mut().zip(self.factors.curvatures()) {
            *value /= n * h;
        }
        self.factors.apply_rows(&self.coordinates, &mut self.inside);
        u.iter_mut().zip(&self.inside).for_each(|(u, part)| *u -= part);
    }
}

impl SymmetricOperator for OutsideBlocks<'_> {
    fn dimension(&self) -> usize {
        self.outside.len()
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let mut outside = std::mem::take(&mut self.outside);
        outside.copy_from_slice(x);
        self.project(&mut outside);
        apply_blocks(self.blocks, self.factors.outputs(), &outside, y);
        self.outside = outside;
        self.project(y);
    }
}
