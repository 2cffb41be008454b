//! Fewer directions, or fewer examples.

use super::ExampleFactors;
use super::construct::blocks_of;
use crate::Error;

impl ExampleFactors {
    /// The `rank` leading directions; the blocks stay those of the full factors, and the first
    /// curvature left out becomes the tail. A rank beyond the present one changes nothing.
    pub fn truncated(&self, rank: usize) -> Self {
        let rank = rank.max(1);
        if rank >= self.rank() {
            return self.clone();
        }
        let rows = self.rows.chunks_exact(self.rank()).flat_map(|row| &row[..rank]);
        Self {
            examples: self.examples,
            outputs: self.outputs,
            curvatures: self.curvatures[..rank].to_vec(),
            rows: rows.copied().collect(),
            blocks: self.blocks.clone(),
            tail: self.tail.max(self.curvatures[rank]),
        }
    }

    /// The problem without the given examples: H becomes the mean of the others.
    ///
    /// Exact when the coordinates span the range. From truncated coordinates it is the compression
    /// to them, whose complement is no longer invariant under the new H: the tail becomes infinite,
    /// which makes lower bounds zero, while upper bounds stay upper bounds.
    ///
    /// # Errors
    /// [`Error::NoSuchExample`], fewer than two examples left, or no curvature left.
    pub fn without(&self, left_out: &[usize]) -> Result<Self, Error> {
        let mut keep = vec![true; self.examples];
        for &index in left_out {
            let examples = self.examples;
            *keep.get_mut(index).ok_or(Error::NoSuchExample { index, examples })? = false;
        }
        let kept: Vec<usize> = (0..self.examples).filter(|i| keep[*i]).collect();
        let size = self.outputs * self.rank();
        let rows: Vec<f64> =
            kept.iter().flat_map(|i| &self.rows[i * size..][..size]).copied().collect();
        let mut reduced = Self::from_rows(kept.len(), self.outputs, self.rank(), &rows)?;
        if !self.covers_range() {
            reduced.blocks = kept.iter().flat_map(|i| self.block(*i)).copied().collect();
            reduced.tail = f64::INFINITY;
        }
        Ok(reduced)
    }

    /// The part of each block A_iA_iᵀ that the coordinates do not carry; zero when they span the
    /// range. Positive semi-definite up to rounding.
    pub(crate) fn tail_blocks(&self) -> Vec<f64> {
        let carried = blocks_of(self.outputs, self.rank(), &self.rows);
        self.blocks.iter().zip(carried).map(|(full, part)| full - part).collect()
    }
}
