//! The product of all steps of a period, applied to many states at once.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::period::Period;
use crate::dense::axpy;
use crate::{ExampleFactors, LearningRate, Momentum};

/// Rows of the factors that are multiplied together. Among them the steps are solved one after the
/// other, which costs half as many numbers a column as there are rows.
const CHUNK_ROWS: usize = 64;

/// The order in which the steps of a period are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOrder {
    /// The first batch first.
    Forward,
    /// The last batch first.
    Backward,
}

/// A_π = Π_k M_k over the batches of a period: M_k x = x − (η/B_k) Σ_{i∈k} A_iᵀ(A_ix), or
/// v ← βv − (η/B_k) Σ A_iᵀ(A_ix), x ← x + v with momentum.
///
/// A state is x in the r directions, r numbers, with momentum followed by v. A block of c states costs
/// 2·nK·r·c multiply–adds an epoch as matrix products: those of a chunk of q rows R are Z = RX, a solve
/// with the Gram matrix RRᵀ by forward substitution, and X ← X − RᵀW.
#[derive(Clone, Copy, Debug)]
pub struct PeriodProduct<'a> {
    factors: &'a ExampleFactors,
    learning_rate: f64,
    momentum: f64,
}

impl<'a> PeriodProduct<'a> {
    /// In the directions of the factors.
    pub fn new(
        factors: &'a ExampleFactors,
        learning_rate: LearningRate,
        momentum: Momentum,
    ) -> Self {
        Self { factors, learning_rate: learning_rate.value(), momentum: momentum.value() }
    }

    /// Numbers of a state: r, or 2r with momentum.
    pub fn state_len(&self) -> usize {
        self.factors.rank() * if self.momentum > 0.0 { 2 } else { 1 }
    }

    /// block ← A_π block, its states as columns.
    pub fn apply(&self, period: &Period, reading: StepOrder, block: &mut [f64]) {
        let mut work = Chunk::default();
        let (mut first, steps) = (0, period.steps());
        let at = |step: usize| match reading {
            StepOrder::Forward => step,
            StepOrder::Backward => steps - 1 - step,
        };
        while first < steps {
            work.clear();
            let mut step = first;
            while step < steps
                && (work.is_empty() || work.rows() + self.rows_of(period, at(step)) <= CHUNK_ROWS)
            {
                work.gather(self.factors, period.batch(at(step)));
                step += 1;
            }
            self.apply_chunk(&mut work, block);
            first = step;
        }
    }

    fn rows_of(&self, period: &Period, step: usize) -> usize {
        period.batch(step).len() * self.factors.outputs()
    }

    fn apply_chunk(&self, chunk: &mut Chunk, block: &mut [f64]) {
        let (r, state) = (self.factors.rank(), self.state_len());
        let (q, c) = (chunk.rows(), block.len() / state);
        chunk.multiply(block, (r, state));
        let Chunk { rows, gram, images, velocity_images, batches } = chunk;
        let beta = self.momentum;
        // Σ_{l=0..j} β^l: how much of a force j + 1 steps ago is in x now.
        let next = |sum: &f64| Some(1.0 + beta * sum);
        let gains: Vec<f64> = std::iter::successors(Some(1.0), next).take(batches.len()).collect();
        // Σ_{l=1..t} β^l: how much of the first v is.
        let drift = |t: usize| if t == 0 { 0.0 } else { beta * gains[t - 1] };
        for (t, batch) in batches.iter().enumerate() {
            let rate = self.learning_rate * self.factors.outputs() as f64 / batch.len() as f64;
            let (before, now) = images.split_at_mut(batch.start * c);
            for (row, image) in batch.clone().zip(now.chunks_exact_mut(c)) {
                if beta > 0.0 {
                    axpy(drift(t), &velocity_images[row * c..][..c], image);
                }
                for (k, earlier) in batches[..t].iter().enumerate() {
                    let gain = gains[t - 1 - k];
                    for other in earlier.clone() {
                        axpy(-gain * gram[row * q + other], &before[other * c..][..c], image);
                    }
                }
                image.iter_mut().for_each(|value| *value *= rate);
            }
        }
        let rows = MatRef::from_column_major_slice(rows, r, q);
        let (mut position, mut velocity) =
            MatMut::from_column_major_slice_mut(block, state, c).split_at_row_mut(r);
        let force = |target: MatMut<'_, f64>, weights: &[f64]| {
            let weights = MatRef::from_row_major_slice(weights, q, c);
            matmul(target, Accum::Add, rows, weights, -1.0, Par::Seq);
        };
        if beta == 0.0 {
            force(position, images);
            return;
        }
        let steps = batches.len();
        let weighted = |weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let each = batches.iter().enumerate().flat_map(|(t, batch)| {
                let weight = weight(steps - 1 - t);
                images[batch.start * c..batch.end * c].iter().map(move |value| weight * value)
            });
            each.collect()
        };
        for j in 0..c {
            for i in 0..r {
                position[(i, j)] += drift(steps) * velocity[(i, j)];
                velocity[(i, j)] *= beta.powi(steps as i32);
            }
        }
        force(position, &weighted(&|steps| gains[steps]));
        force(velocity, &weighted(&|steps| beta.powi(steps as i32)));
    }
}

/// The rows of some steps, and what is computed of them.
#[derive(Default)]
struct Chunk {
    /// r × q: the rows as columns.
    rows: Vec<f64>,
    /// RRᵀ, q × q.
    gram: Vec<f64>,
    /// R times the positions, q × c row after row; after the solve W.
    images: Vec<f64>,
    /// R times the velocities.
    velocity_images: Vec<f64>,
    /// Which rows belong to which step.
    batches: Vec<Range<usize>>,
}

impl Chunk {
    fn clear(&mut self) {
        self.rows.clear();
        self.batches.clear();
    }

    fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    fn rows(&self) -> usize {
        self.batches.last().map_or(0, |batch| batch.end)
    }

    fn gather(&mut self, factors: &ExampleFactors, batch: &[usize]) {
        let first = self.rows();
        let (k, r) = (factors.outputs(), factors.rank());
        for example in batch {
            self.rows.extend_from_slice(&factors.rows()[example * k * r..][..k * r]);
        }
        self.batches.push(first..first + batch.len() * k);
    }

    /// R times the block, and the Gram matrix where there is more than one step.
    fn multiply(&mut self, block: &[f64], (r, state): (usize, usize)) {
        let (q, c) = (self.rows(), block.len() / state);
        let rows = MatRef::from_column_major_slice(&self.rows, r, q);
        let block = MatRef::from_column_major_slice(block, state, c);
        let product = |out: &mut Vec<f64>, right: MatRef<'_, f64>| {
            out.resize(q * right.ncols(), 0.0);
            let target = MatMut::from_row_major_slice_mut(out, q, right.ncols());
            matmul(target, Accum::Replace, rows.transpose(), right, 1.0, Par::Seq);
        };
        product(&mut self.images, block.subrows(0, r));
        if state > r {
            product(&mut self.velocity_images, block.subrows(r, r));
        }
        if self.batches.len() > 1 {
            product(&mut self.gram, rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::dot;
    use crate::problems::random_rows;
    use crate::simulation::Walk;
    use crate::{Batching, Sampling};

    /// At every B and both ways of reading, with a short last batch, over more than one chunk, with
    /// and without momentum: as the walk, step by step.
    #[test]
    fn a_period_is_its_steps() {
        let (n, k, p) = (50, 2, 6);
        let rows = random_rows(n * k, p, 9);
        let factors = ExampleFactors::from_rows(n, k, p, &rows).unwrap();
        let eta = LearningRate::new(0.02).unwrap();
        let order: Vec<usize> = (0..n).map(|i| (i * 7 + 3) % n).collect();
        for (size, beta) in [(1, 0.0), (3, 0.0), (40, 0.0), (50, 0.0), (1, 0.9), (7, 0.5)] {
            let batching = Batching::new(n, size, Sampling::ReshuffledEpochs).unwrap();
            let period = Period::new(&batching, &order);
            let product = PeriodProduct::new(&factors, eta, Momentum::new(beta).unwrap());
            let state = product.state_len();
            let mut block = random_rows(3, state, 4);
            if beta > 0.0 {
                block.chunks_exact_mut(state).for_each(|column| column[p..].fill(0.0));
            }
            for reading in [StepOrder::Forward, StepOrder::Backward] {
                let mut found = block.clone();
                product.apply(&period, reading, &mut found);
                for (column, found) in block.chunks_exact(state).zip(found.chunks_exact(state)) {
                    let start = column[..p].to_vec();
                    let rates = (eta, Momentum::new(beta).unwrap());
                    let mut walk = Walk::new(&factors, batching, rates, start, 0);
                    for step in 0..period.steps() {
                        let step = match reading {
                            StepOrder::Forward => step,
                            StepOrder::Backward => period.steps() - 1 - step,
                        };
                        walk.step_on(period.batch(step));
                    }
                    let scale = dot(found, found).sqrt().max(1.0);
                    for (a, b) in found.iter().zip(walk.position()) {
                        // 50 steps of sums of some ten terms in either order.
                        assert!((a - b).abs() < 1e-12 * scale, "B {size}, β {beta}: {a} {b}");
                    }
                }
            }
        }
    }
}
