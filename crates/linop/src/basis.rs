//! The Krylov basis: orthonormal columns in one flat vector, and the three passes over them.
//!
//! Every pass goes once through memory: while a chunk of the vector at hand is in cache, the same
//! chunk of each basis vector streams past it. At 900,000 entries a column is 7.2 MB, so the
//! passes run at memory bandwidth and nothing else about them matters.

use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::kernels::{dots, subtract};
use crate::vectors::{CHUNK, for_chunks};

/// A classical Gram–Schmidt pass is repeated when it leaves less than this share of the norm:
/// then cancellation has cost more than half a bit, and one repetition is enough (the criterion of
/// Daniel, Gragg, Kaufman and Stewart 1976; "twice is enough" is Kahan's, in Parlett 1980, §6.9).
const REPEAT_BELOW: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// A remainder below this share of ‖A‖ is rounding: the span is invariant. The rounding of a
/// Gram–Schmidt pass is a few ε‖w‖ for any length, since sums are taken in chunks.
pub(crate) const INVARIANT_BELOW: f64 = 64.0 * f64::EPSILON;

/// Room for `capacity` columns of `dimension` entries each.
pub(crate) struct Basis {
    dimension: usize,
    data: Vec<f64>,
    partials: Vec<f64>,
    sums: Vec<f64>,
    taken: Vec<f64>,
}

/// What orthogonalising a vector w against columns v_0 … v_{j−1} found.
pub(crate) struct Projection {
    /// ‖w‖² before.
    pub(crate) norm_squared: f64,
    /// ‖w − VVᵀw‖ after.
    pub(crate) remainder: f64,
}

impl Basis {
    /// Columns are zero, and memory is touched only when a column is first written.
    pub(crate) fn new(dimension: usize, capacity: usize) -> Self {
        let chunks = dimension.div_ceil(CHUNK);
        Self {
            dimension,
            data: vec![0.0; dimension * capacity],
            partials: vec![0.0; if chunks > 1 { chunks * (capacity + 1) } else { 0 }],
            sums: vec![0.0; capacity + 1],
            taken: vec![0.0; capacity],
        }
    }

    pub(crate) fn column(&self, index: usize) -> &[f64] {
        &self.data[index * self.dimension..(index + 1) * self.dimension]
    }

    pub(crate) fn column_mut(&mut self, index: usize) -> &mut [f64] {
        &mut self.data[index * self.dimension..(index + 1) * self.dimension]
    }

    /// Column `source` and, mutably, the later column `target`.
    pub(crate) fn pair(&mut self, source: usize, target: usize) -> (&[f64], &mut [f64]) {
        debug_assert!(source < target);
        let (head, tail) = self.data.split_at_mut(target * self.dimension);
        (&head[source * self.dimension..][..self.dimension], &mut tail[..self.dimension])
    }

    /// Copies column `source` to another place.
    pub(crate) fn copy(&mut self, source: usize, target: usize) {
        if source != target {
            let start = source * self.dimension;
            self.data.copy_within(start..start + self.dimension, target * self.dimension);
        }
    }

    /// Makes column `index` orthogonal to all columns before it, leaves it unnormalised, and adds
    /// what was taken away to `coefficients` (cleared first; `index` of them are filled).
    ///
    /// The last two columns go first: for a product with the last column they hold nearly all of
    /// it (Lanczos' three terms), so that the pass over the whole basis cancels little and is
    /// seldom repeated. A NaN or infinity shows in `norm_squared`.
    pub(crate) fn orthogonalise(&mut self, index: usize, coefficients: &mut [f64]) -> Projection {
        let dimension = self.dimension;
        let (columns, tail) = self.data.split_at_mut(index * dimension);
        let columns = &*columns;
        let w = &mut tail[..dimension];
        let (partials, sums) = (&mut self.partials, &mut self.sums);
        let coefficients = &mut coefficients[..index];
        coefficients.fill(0.0);

        let recent = index.saturating_sub(2);
        let width = index - recent;
        for_chunks(w, partials, &mut sums[..width + 1], |offset, piece, row| {
            dots_with_columns(columns, dimension, recent, offset, piece, row);
        });
        let norm_squared = sums[width];
        if !norm_squared.is_finite() {
            return Projection { norm_squared, remainder: f64::NAN };
        }
        coefficients[recent..].copy_from_slice(&sums[..width]);

        // Subtract the recent ones and, in the same pass, project on all.
        self.taken[..width].copy_from_slice(&sums[..width]);
        let taken = &mut self.taken;
        for_chunks(w, partials, &mut sums[..index + 1], |offset, piece, row| {
            subtract_columns(columns, dimension, recent, offset, piece, &taken[..width]);
            dots_with_columns(columns, dimension, 0, offset, piece, row);
        });
        let mut remainder = sums[index].sqrt();
        for repetition in 0.. {
            taken[..index].copy_from_slice(&sums[..index]);
            coefficients.iter_mut().zip(&*taken).for_each(|(sum, part)| *sum += part);
            for_chunks(w, partials, &mut sums[..1], |offset, piece, row| {
                subtract_columns(columns, dimension, 0, offset, piece, &taken[..index]);
                row[0] = dots(piece, [piece])[0];
            });
            let before = std::mem::replace(&mut remainder, sums[0].sqrt());
            // Still shrinking after two repetitions: w lies in the span, to rounding.
            if remainder >= REPEAT_BELOW * before || repetition == 2 {
                break;
            }
            for_chunks(w, partials, &mut sums[..index + 1], |offset, piece, row| {
                dots_with_columns(columns, dimension, 0, offset, piece, row);
            });
        }
        Projection { norm_squared, remainder }
    }

    /// Replaces the first columns V (as many as `rotation` has rows) by V·`rotation`, in place.
    ///
    /// By chunks of rows: a tile of V is copied into cache, multiplied, and written back over the
    /// leading columns. The columns from `rotation.ncols()` on keep their old content.
    pub(crate) fn rotate(&mut self, rotation: MatRef<'_, f64>) {
        let (from, to) = (rotation.nrows(), rotation.ncols());
        let chunks = self.dimension.div_ceil(CHUNK);
        let mut pieces: Vec<Vec<&mut [f64]>> = Vec::with_capacity(chunks);
        pieces.resize_with(chunks, || Vec::with_capacity(from));
        for column in self.data.chunks_mut(self.dimension).take(from) {
            for (chunk, piece) in pieces.iter_mut().zip(column.chunks_mut(CHUNK)) {
                chunk.push(piece);
            }
        }
        // A tile of at most 64 Ki numbers (512 KiB) and its image stay in a second-level cache of 1 MiB.
        let rows = ((1 << 16) / from).clamp(16, CHUNK);
        let scratch = || (vec![0.0; rows * from], vec![0.0; rows * to]);
        pieces.par_iter_mut().for_each_init(scratch, |(tile, image), pieces| {
            let length = pieces[0].len();
            for start in (0..length).step_by(rows) {
                let rows = rows.min(length - start);
                for (tile, piece) in tile.chunks_mut(rows).zip(&*pieces) {
                    tile.copy_from_slice(&piece[start..start + rows]);
                }
                let source = MatRef::from_column_major_slice(&tile[..rows * from], rows, from);
                let image = &mut image[..rows * to];
                faer::linalg::matmul::matmul(
                    MatMut::from_column_major_slice_mut(image, rows, to),
                    Accum::Replace,
                    source,
                    rotation,
                    1.0,
                    Par::Seq,
                );
                for (piece, column) in pieces.iter_mut().zip(image.chunks(rows)) {
                    piece[start..start + rows].copy_from_slice(column);
                }
            }
        });
    }

    /// Takes out the first `count` columns.
    pub(crate) fn into_columns(self, count: usize) -> Vec<Vec<f64>> {
        (0..count).map(|index| self.column(index).to_vec()).collect()
    }
}

/// row ← [wᵀv_first … wᵀv_last, wᵀw] for one chunk w of a vector: four columns at a time, so that
/// w is read from the first-level cache once for four columns from memory.
fn dots_with_columns(
    columns: &[f64],
    dimension: usize,
    first: usize,
    offset: usize,
    w: &[f64],
    row: &mut [f64],
) {
    let piece = |column: usize| &columns[(first + column) * dimension + offset..][..w.len()];
    let count = row.len() - 1;
    let (fours, rest) = row[..count].as_chunks_mut::<4>();
    for (index, sums) in fours.iter_mut().enumerate() {
        *sums = dots(w, std::array::from_fn(|n| piece(4 * index + n)));
    }
    let done = count - rest.len();
    for (index, sum) in rest.iter_mut().enumerate() {
        *sum = dots(w, [piece(done + index)])[0];
    }
    row[count] = dots(w, [w])[0];
}

/// w ← w − Σ factors_i v_(first+i) for one chunk w of a vector, four columns at a time.
fn subtract_columns(
    columns: &[f64],
    dimension: usize,
    first: usize,
    offset: usize,
    w: &mut [f64],
    factors: &[f64],
) {
    let length = w.len();
    let piece = |column: usize| &columns[(first + column) * dimension + offset..][..length];
    let (fours, rest) = factors.as_chunks::<4>();
    for (index, factors) in fours.iter().enumerate() {
        subtract(w, *factors, std::array::from_fn(|n| piece(4 * index + n)));
    }
    for (index, factor) in rest.iter().enumerate() {
        subtract(w, [*factor], [piece(factors.len() - rest.len() + index)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, fill_uniform};
    use crate::vectors::{dot, norm, scale};
    use faer::Mat;

    const LENGTH: usize = 2 * CHUNK + 11;

    /// Seven orthonormal columns, made by the basis itself.
    fn filled() -> Basis {
        let mut basis = Basis::new(LENGTH, 9);
        let mut coefficients = [0.0; 9];
        for column in 0..7 {
            fill_uniform(basis.column_mut(column), 1, Purpose::Direction(column));
            let remainder = basis.orthogonalise(column, &mut coefficients).remainder;
            scale(1.0 / remainder, basis.column_mut(column));
        }
        basis
    }

    #[test]
    fn what_is_left_is_orthogonal_and_what_was_taken_is_counted() {
        let mut basis = filled();
        let mut coefficients = [0.0; 9];
        // Nearly in the span, so that one pass cancels eleven digits and must be repeated.
        fill_uniform(basis.column_mut(7), 2, Purpose::Direction(0));
        scale(1e-11, basis.column_mut(7));
        for column in 0..7 {
            let part = basis.column(column).to_vec();
            crate::vectors::axpy(1.0 + column as f64, &part, basis.column_mut(7));
        }
        let length = norm(basis.column(7));
        let projection = basis.orthogonalise(7, &mut coefficients);
        assert!((projection.norm_squared.sqrt() - length).abs() < 1e-14 * length);
        assert!(
            (projection.remainder - norm(basis.column(7))).abs() < 1e-14 * projection.remainder
        );
        for (column, coefficient) in coefficients[..7].iter().enumerate() {
            assert!((coefficient - (1.0 + column as f64)).abs() < 1e-9);
            let overlap = dot(basis.column(column), basis.column(7)) / projection.remainder;
            assert!(overlap.abs() < 1e-14, "column {column}: {overlap}");
        }
        // A vector of the span leaves rounding only.
        let inside = basis.column(3).to_vec();
        basis.column_mut(7).copy_from_slice(&inside);
        let projection = basis.orthogonalise(7, &mut coefficients);
        assert!(projection.remainder < INVARIANT_BELOW, "{}", projection.remainder);
    }

    #[test]
    fn rotation_in_place_is_the_matrix_product() {
        let mut basis = filled();
        let before: Vec<Vec<f64>> = (0..7).map(|column| basis.column(column).to_vec()).collect();
        let rotation = Mat::from_fn(6, 3, |i, j| ((i * 3 + j * 5) % 7) as f64 - 3.0);
        basis.rotate(rotation.as_ref());
        for column in 0..3 {
            for (row, &found) in basis.column(column).iter().enumerate() {
                let exact: f64 = (0..6).map(|i| before[i][row] * rotation[(i, column)]).sum();
                // Six terms of at most 3·max|v|, and max|v| is below 0.03.
                assert!((found - exact).abs() < 6.0 * f64::EPSILON * 6.0 * 0.1);
            }
        }
        assert_eq!(basis.column(6), before[6], "columns outside stay");
    }
}
