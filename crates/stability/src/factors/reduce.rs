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
    /// Exact when the directions span the range. From leading directions it is the compression
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

    /// The part of each block A_iA_iᵀ that the directions do not carry; zero when they span the
    /// range. Positive semi-definite up to rounding.
    pub(crate) fn tail_blocks(&self) -> Vec<f64> {
        let carried = blocks_of(self.outputs, self.rank(), &self.rows);
        self.blocks.iter().zip(carried).map(|(full, part)| full - part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaving out examples is the problem built without them; truncation keeps the blocks and
    /// moves the rest of each into the tail.
    #[test]
    fn fewer_examples_and_fewer_directions() {
        let (n, k, p) = (5, 2, 4);
        let rows = crate::problems::random_rows(n * k, p, 8);
        let all = ExampleFactors::from_rows(n, k, p, &rows).unwrap();
        let less = all.without(&[0, 3]).unwrap();
        let kept: Vec<f64> =
            [1, 2, 4].iter().flat_map(|i| &rows[i * k * p..][..k * p]).copied().collect();
        let direct = ExampleFactors::from_rows(3, k, p, &kept).unwrap();
        for (a, b) in less.curvatures().iter().zip(direct.curvatures()) {
            assert!((a - b).abs() < 1e-12 * direct.sharpness(), "{a} against {b}");
        }
        assert!(matches!(all.without(&[5]), Err(Error::NoSuchExample { index: 5, examples: 5 })));
        assert!(matches!(all.without(&[0, 1, 2, 3]), Err(Error::TooFewExamples(1))));

        let part = all.truncated(2);
        assert_eq!((part.rank(), part.tail()), (2, all.curvatures()[2]));
        assert!((part.trace() - all.trace()).abs() < 1e-12 * all.trace());
        // The tail blocks carry the curvatures left out: Σ tr/n.
        let tail: f64 =
            part.tail_blocks().chunks_exact(k * k).map(|b| b[0] + b[3]).sum::<f64>() / n as f64;
        let expected: f64 = all.curvatures()[2..].iter().sum();
        assert!((tail - expected).abs() < 1e-12 * all.trace(), "{tail} against {expected}");
        assert_eq!(part.without(&[0]).unwrap().tail(), f64::INFINITY);
    }
}
