//! Losses and derivative products of a network at one point, over all examples.

mod factors;
mod memory;
mod products;

use minimascope_record::training::Loss;
use rayon::prelude::*;

use crate::kernels::{Team, vectorized};
use crate::layers::{GramRows, Weights};
use crate::passes::{self, Chunk};
use crate::tape::Tape;
use crate::workspace::Workspace;
use crate::{Error, Examples, Execution, Network, Scalar, chunks, loss};

/// Parameters that one thread sums at a time.
const BLOCK: usize = 1 << 14;
/// Parameters of a block that are summed before they are converted: they stay in the nearest cache.
const PIECE: usize = 1 << 10;

pub use memory::MemoryEstimate;
pub use products::Curvature;

/// A network, a loss and examples at a point θ. [`Evaluator::set_point`] keeps the forward and
/// backward pass at θ, so that every product after it costs only its own passes.
///
/// The objective is f(θ) = (1/n) Σ_i ℓ_i(θ) + (λ/2)‖θ‖² with weight decay λ, and every product is
/// a mean over the examples. The evaluator holds a few numbers for each activation of each
/// example, never n × P. What does not fit the budget of [`Execution`] is computed again in each
/// product.
#[derive(Debug)]
pub struct Evaluator<'a, T> {
    network: &'a Network,
    loss: Loss,
    weight_decay: f64,
    examples: &'a Examples<T>,
    execution: Execution,
    slots: Vec<EvaluatorSlot<T>>,
    keep_first: bool,
    keep_tangent: bool,
    point: Vec<T>,
    flipped: Vec<T>,
    gradient: Vec<T>,
    is_set: bool,
    value: f64,
    correct: usize,
    direction: FlippedVector<T>,
    /// −ū, the mean product of a first pass.
    mean: FlippedVector<T>,
    /// mean u_i, which a second moment with weight decay needs beside its own sum.
    first_moment: Vec<T>,
}

/// A vector in parameter space and its flipped weights.
#[derive(Debug, Default)]
struct FlippedVector<T> {
    values: Vec<T>,
    flipped: Vec<T>,
}

impl<T: Scalar> FlippedVector<T> {
    fn weights(&self) -> Weights<'_, T> {
        Weights { values: &self.values, flipped: &self.flipped }
    }
}

/// A slot: its chunks, its sum, and the memory one thread works in.
#[derive(Debug, Default)]
struct EvaluatorSlot<T> {
    chunks: Vec<KeptChunk<T>>,
    sum: Vec<T>,
    value: f64,
    correct: usize,
    /// Results of its examples in order, for products with A and blocks of A Aᵀ.
    numbers: Vec<f64>,
    /// One layer's part of the rows of A, while a Gram matrix is made.
    layer: GramRows<T>,
    work: SlotWork<T>,
}

/// A chunk, and the tapes of it that fit the memory budget.
#[derive(Debug, Default)]
struct KeptChunk<T> {
    range: std::ops::Range<usize>,
    first: FirstOrder<T>,
    tangent: Tangents<T>,
}

/// The tapes of a forward and a backward pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstOrder<T> {
    pub a: Tape<T>,
    pub winners: Vec<u8>,
    pub delta: Tape<T>,
}

/// The tapes of a tangent pass and of the tangent of a backward pass.
#[derive(Clone, Debug, Default)]
struct Tangents<T> {
    a: Tape<T>,
    delta: Tape<T>,
}

/// The memory that a slot's passes work in.
#[derive(Debug, Default)]
struct SlotWork<T> {
    first: FirstOrder<T>,
    tangent: Tangents<T>,
    /// The tapes of the second pass of a second moment.
    again: Tangents<T>,
    workspace: Workspace<T>,
}

/// What every thread of a pass reads.
#[derive(Clone, Copy)]
pub(crate) struct PassContext<'a, T> {
    pub network: &'a Network,
    pub loss: Loss,
    pub examples: &'a Examples<T>,
    pub point: Weights<'a, T>,
    pub team: &'a Team,
}

impl<'a, T: Scalar> PassContext<'a, T> {
    pub(crate) fn chunk(&self, range: &std::ops::Range<usize>) -> Chunk<'a, T> {
        Chunk {
            network: self.network,
            weights: self.point,
            rows: range.len(),
            inputs: self.examples.input(range.clone()),
            team: self.team,
        }
    }

    /// Forward, loss and (if asked) backward of one chunk: Σ ℓ_i, and how many outputs name the
    /// class.
    pub(crate) fn first(
        &self,
        range: &std::ops::Range<usize>,
        first: &mut FirstOrder<T>,
        workspace: &mut Workspace<T>,
        backward: bool,
    ) -> (f64, usize) {
        let Self { network, loss, .. } = *self;
        let (chunk, rows) = (self.chunk(range), range.len());
        passes::forward(chunk, &mut first.a, &mut first.winners, workspace);
        first.delta.fit(network, rows);
        let (mut value, mut correct) = (0.0, 0);
        let k = network.outputs();
        let z = first.a.read(network, rows, network.output_buffer());
        let y = self.examples.target(range.clone());
        let r = first.delta.write(network, rows, network.output_buffer());
        let rows_of = z.chunks_exact(k).zip(y.chunks_exact(k)).zip(r.chunks_exact_mut(k));
        for ((z, y), r) in rows_of {
            value += loss::value(loss, z, y);
            correct += usize::from(loss::is_correct(loss, z, y));
            loss::derivative(loss, z, y, r);
        }
        if backward {
            passes::backward(chunk, (&first.a, &first.winners), &mut first.delta, workspace);
        }
        (value, correct)
    }
}

impl<'a, T: Scalar> Evaluator<'a, T> {
    /// Lays out the chunks and decides what the memory budget lets it keep.
    ///
    /// # Errors
    /// [`Error::Memory`] when the budget does not hold the vectors and one chunk a slot.
    pub fn new(
        network: &'a Network,
        loss: Loss,
        weight_decay: f64,
        examples: &'a Examples<T>,
        execution: &Execution,
    ) -> Result<Self, Error> {
        loss::check_outputs(loss, network.outputs())?;
        let plan = chunks::plan::<T>(network, examples.len());
        let estimate = MemoryEstimate::new::<T>(network, examples, &plan);
        let (keep_first, keep_tangent) = estimate.keeps(execution)?;
        let parameters = network.parameters();
        let slots = plan.into_iter().map(|chunks| EvaluatorSlot {
            chunks: chunks
                .into_iter()
                .map(|range| KeptChunk { range, ..KeptChunk::default() })
                .collect(),
            sum: vec![T::ZERO; parameters],
            ..EvaluatorSlot::default()
        });
        Ok(Self {
            network,
            loss,
            weight_decay,
            examples,
            execution: execution.clone(),
            slots: slots.collect(),
            keep_first,
            keep_tangent,
            point: Vec::new(),
            flipped: Vec::new(),
            gradient: vec![T::ZERO; parameters],
            is_set: false,
            value: f64::NAN,
            correct: 0,
            direction: FlippedVector::default(),
            mean: FlippedVector::default(),
            first_moment: Vec::new(),
        })
    }

    /// Moves to θ: one forward and one backward pass over all examples. NaN in θ is not refused
    /// but makes the loss NaN.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn set_point(&mut self, point: &[T]) -> Result<(), Error> {
        let (found, expected) = (point.len(), self.network.parameters());
        if found != expected {
            return Err(Error::Length { what: "parameters", found, expected });
        }
        self.point.clear();
        self.point.extend_from_slice(point);
        self.network.flip(&self.point, &mut self.flipped);
        let keep = self.keep_first;
        self.for_slots(|context, slot| {
            let EvaluatorSlot { chunks, sum, value, correct, work, .. } = slot;
            (*value, *correct) = (0.0, 0);
            for (index, kept) in chunks.iter_mut().enumerate() {
                let first = if keep { &mut kept.first } else { &mut work.first };
                let part = context.first(&kept.range, first, &mut work.workspace, true);
                *value += part.0;
                *correct += part.1;
                let chunk = context.chunk(&kept.range);
                let workspace = &mut work.workspace;
                passes::gradient(chunk, &first.a, &first.delta, sum, index > 0, workspace);
            }
        });
        let scale = self.scale();
        self.value = scale * self.slots.iter().map(|slot| slot.value).sum::<f64>()
            + 0.5 * self.weight_decay * squared_norm(&self.point);
        self.correct = self.slots.iter().map(|slot| slot.correct).sum();
        let decay = self.weight_decay;
        let mut gradient = std::mem::take(&mut self.gradient);
        self.reduce(&mut gradient, scale, &[(decay, &self.point)]);
        self.gradient = gradient;
        self.is_set = true;
        Ok(())
    }

    /// f(θ), weight decay included.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The share of examples whose outputs name their class.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples.len() as f64
    }

    /// ∇f(θ).
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// θ.
    pub fn point(&self) -> &[T] {
        &self.point
    }

    /// The network.
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The examples.
    pub fn examples(&self) -> &'a Examples<T> {
        self.examples
    }

    /// Threads and memory.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// λ.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// The tapes are empty until a point is set.
    fn check_point(&self) -> Result<(), Error> {
        if self.is_set { Ok(()) } else { Err(Error::NoPoint) }
    }

    /// 1/n.
    fn scale(&self) -> f64 {
        1.0 / self.examples.len() as f64
    }

    /// Runs `work` on every slot. Slots share nothing that they write.
    fn for_slots(
        &mut self,
        work: impl Fn(PassContext<'_, T>, &mut EvaluatorSlot<T>) + Sync + Send,
    ) {
        let context = PassContext {
            network: self.network,
            loss: self.loss,
            examples: self.examples,
            point: Weights { values: &self.point, flipped: &self.flipped },
            team: Team::alone(),
        };
        let slots = &mut self.slots;
        self.execution.run(|| slots.par_iter_mut().for_each(|slot| work(context, slot)));
    }

    /// out ← scale·Σ over slots + Σ coefficient·vector, always in the order of the slots and in `T`;
    /// each piece is converted as it is done, so that no second vector is held.
    fn reduce<V: Scalar>(&self, out: &mut [V], scale: f64, terms: &[(f64, &[T])]) {
        self.execution.run(|| {
            out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
                let mut sums = [T::ZERO; PIECE];
                for (piece, out) in out.chunks_mut(PIECE).enumerate() {
                    let sums = &mut sums[..out.len()];
                    self.reduce_piece(block * BLOCK + piece * PIECE, sums, scale, terms);
                    convert(sums, out);
                }
            });
        });
    }

    /// One piece of [`Evaluator::reduce`], from parameter `start` on.
    fn reduce_piece(&self, start: usize, out: &mut [T], scale: f64, terms: &[(f64, &[T])]) {
        let range = start..start + out.len();
        let (scale, slots) = (T::from_f64(scale), &self.slots);
        vectorized(
            #[inline(always)]
            || {
                out.copy_from_slice(&slots[0].sum[range.clone()]);
                for slot in &slots[1..] {
                    for (out, x) in out.iter_mut().zip(&slot.sum[range.clone()]) {
                        *out += *x;
                    }
                }
                for out in out.iter_mut() {
                    *out *= scale;
                }
                for (coefficient, vector) in terms.iter().filter(|(c, _)| *c != 0.0) {
                    let coefficient = T::from_f64(*coefficient);
                    for (out, x) in out.iter_mut().zip(&vector[range.clone()]) {
                        *out += coefficient * *x;
                    }
                }
            },
        );
    }
}

/// to ← from, rounded where `to` is the narrower type.
fn convert<A: Scalar, B: Scalar>(from: &[A], to: &mut [B]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = B::from_f64(from.to_f64()));
}

pub(crate) fn squared_norm<T: Scalar>(x: &[T]) -> f64 {
    x.iter().map(|x| x.to_f64() * x.to_f64()).sum()
}
