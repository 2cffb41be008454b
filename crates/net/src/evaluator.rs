//! Losses and derivative products of a network at one point, over all examples.

mod factors;
mod memory;
mod products;

use minimascope_record::training::Loss;
use rayon::prelude::*;

use crate::kernels::Team;
use crate::layers::{Weights, flip};
use crate::passes::{self, Chunk, Scratch};
use crate::tape::Tape;
use crate::{Error, Examples, Execution, Network, Scalar, chunks, loss};

pub use memory::MemoryEstimate;
pub use products::Curvature;

/// A network, a loss and examples; after [`Evaluator::set_point`], also parameters θ with the
/// forward and backward pass there kept, so that every product after it pays only for its own.
///
/// The objective is f(θ) = Σ_i w_i (ℓ_i(θ) + (λ/2)‖θ‖²) with weights w_i = 1/n unless others were
/// set, and weight decay λ. Products are sums over examples with the same weights. Memory is
/// a few numbers for each activation of each example, never n × P; what does not fit the budget
/// of [`Execution`] is computed again in each product.
#[derive(Debug)]
pub struct Evaluator<'a, T> {
    network: &'a Network,
    loss: Loss,
    weight_decay: f64,
    examples: &'a Examples<T>,
    weights: Option<Vec<T>>,
    /// Σ w_i.
    mass: f64,
    execution: Execution,
    slots: Vec<Slot<T>>,
    keep_first: bool,
    keep_tangent: bool,
    point: Vec<T>,
    flipped: Vec<T>,
    gradient: Vec<T>,
    is_set: bool,
    value: f64,
    correct: usize,
    direction: Flippable<T>,
    /// −ū, the mean product of a first pass.
    mean: Flippable<T>,
    /// Σ w_i u_i, which a second moment with weight decay needs beside its own sum.
    first_moment: Vec<T>,
}

/// A vector in parameter space and its flipped filters.
#[derive(Debug, Default)]
struct Flippable<T> {
    values: Vec<T>,
    flipped: Vec<T>,
}

impl<T: Scalar> Flippable<T> {
    fn weights(&self) -> Weights<'_, T> {
        Weights { values: &self.values, flipped: &self.flipped }
    }
}

/// A slot: its chunks, its sum, and the memory one thread works in.
#[derive(Debug)]
struct Slot<T> {
    chunks: Vec<Piece<T>>,
    sum: Vec<T>,
    value: f64,
    correct: usize,
    /// Numbers of its examples, when asked for: squared gradient numbers, products, blocks.
    numbers: Vec<f64>,
    /// Of one layer, while a Gram matrix is made.
    layer: Gathered<T>,
    work: Work<T>,
}

/// A layer's inputs and rows of A, of all examples of a slot.
#[derive(Debug, Default)]
struct Gathered<T> {
    inputs: Vec<T>,
    rows: Vec<T>,
}

/// A chunk and what is kept of it.
#[derive(Debug)]
struct Piece<T> {
    range: std::ops::Range<usize>,
    first: First<T>,
    tangent: Tangent<T>,
}

/// Forward and backward.
#[derive(Clone, Debug)]
pub(crate) struct First<T> {
    pub a: Tape<T>,
    pub winners: Vec<u8>,
    pub delta: Tape<T>,
}

/// Tangent and tangent of the backward.
#[derive(Clone, Debug)]
struct Tangent<T> {
    a: Tape<T>,
    delta: Tape<T>,
}

impl<T: Scalar> First<T> {
    pub(crate) fn new() -> Self {
        Self { a: Tape::new(), winners: Vec::new(), delta: Tape::new() }
    }
}

impl<T: Scalar> Tangent<T> {
    fn new() -> Self {
        Self { a: Tape::new(), delta: Tape::new() }
    }
}

#[derive(Debug)]
struct Work<T> {
    first: First<T>,
    tangent: Tangent<T>,
    again: Tangent<T>,
    /// Weighted copies of δ and Rδ, for weights that differ.
    weighted: Tangent<T>,
    scratch: Scratch<T>,
}

/// What every thread reads.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a, T> {
    pub network: &'a Network,
    pub loss: Loss,
    pub examples: &'a Examples<T>,
    pub weights: Option<&'a [T]>,
    pub point: Weights<'a, T>,
    pub team: &'a Team,
}

impl<'a, T: Scalar> Context<'a, T> {
    pub(crate) fn chunk(&self, range: &std::ops::Range<usize>) -> Chunk<'a, T> {
        Chunk {
            network: self.network,
            weights: self.point,
            rows: range.len(),
            inputs: self.examples.input(range.clone()),
            team: self.team,
        }
    }

    /// Forward, loss and (if asked) backward of one chunk: Σ w_i ℓ_i, and how many outputs name
    /// the class.
    pub(crate) fn first(
        &self,
        range: &std::ops::Range<usize>,
        first: &mut First<T>,
        scratch: &mut Scratch<T>,
        backward: bool,
    ) -> (f64, usize) {
        let Self { network, loss, .. } = *self;
        let (chunk, rows) = (self.chunk(range), range.len());
        passes::forward(chunk, &mut first.a, &mut first.winners, scratch);
        first.delta.fit(network, rows);
        let (mut value, mut correct) = (0.0, 0);
        let k = network.outputs();
        let z = first.a.read(network, rows, network.output_buffer());
        let y = self.examples.target(range.clone());
        let r = first.delta.write(network, rows, network.output_buffer());
        let rows_of = z.chunks_exact(k).zip(y.chunks_exact(k)).zip(r.chunks_exact_mut(k));
        for (i, ((z, y), r)) in rows_of.enumerate() {
            let weight = self.weights.map_or(1.0, |w| w[range.start + i].to_f64());
            value += weight * loss::value(loss, z, y);
            correct += usize::from(loss::is_correct(loss, z, y));
            loss::derivative(loss, z, y, r);
        }
        if backward {
            passes::backward(chunk, (&first.a, &first.winners), &mut first.delta, scratch);
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
        let slots = plan.into_iter().map(|chunks| Slot {
            chunks: chunks
                .into_iter()
                .map(|range| Piece { range, first: First::new(), tangent: Tangent::new() })
                .collect(),
            sum: vec![T::ZERO; parameters],
            value: 0.0,
            correct: 0,
            numbers: Vec::new(),
            layer: Gathered::default(),
            work: Work {
                first: First::new(),
                tangent: Tangent::new(),
                again: Tangent::new(),
                weighted: Tangent::new(),
                scratch: Scratch::default(),
            },
        });
        Ok(Self {
            network,
            loss,
            weight_decay,
            examples,
            weights: None,
            mass: 1.0,
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
            direction: Flippable::default(),
            mean: Flippable::default(),
            first_moment: Vec::new(),
        })
    }

    /// Other weights than 1/n. The point must be set again.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::NotFinite`].
    pub fn set_weights(&mut self, weights: &[f64]) -> Result<(), Error> {
        let (found, expected) = (weights.len(), self.examples.len());
        if found != expected {
            return Err(Error::Length { what: "example weights", found, expected });
        }
        if let Some(index) = weights.iter().position(|w| !w.is_finite()) {
            return Err(Error::NotFinite { what: "example weights", index });
        }
        self.mass = weights.iter().sum();
        self.weights = Some(weights.iter().map(|w| T::from_f64(*w)).collect());
        self.is_set = false;
        Ok(())
    }

    /// Moves to θ: one forward and one backward pass over all examples. NaN in θ is not refused;
    /// it shows in the loss.
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
        flip(self.network, &self.point, &mut self.flipped);
        let keep = self.keep_first;
        self.for_slots(|context, slot| {
            let Slot { chunks, sum, value, correct, work, .. } = slot;
            (*value, *correct) = (0.0, 0);
            for (index, piece) in chunks.iter_mut().enumerate() {
                let first = if keep { &mut piece.first } else { &mut work.first };
                let part = context.first(&piece.range, first, &mut work.scratch, true);
                *value += part.0;
                *correct += part.1;
                let chunk = context.chunk(&piece.range);
                let delta = match context.weights {
                    None => &first.delta,
                    Some(weights) => {
                        let into = &mut work.weighted.delta;
                        weigh(context.network, &first.delta, &weights[piece.range.clone()], into);
                        &*into
                    }
                };
                let scratch = &mut work.scratch;
                passes::gradient(chunk, &first.a, delta, sum, index > 0, scratch);
            }
        });
        let scale = self.scale();
        self.value = scale * self.slots.iter().map(|slot| slot.value).sum::<f64>()
            + 0.5 * self.weight_decay * self.mass * squared_norm(&self.point);
        self.correct = self.slots.iter().map(|slot| slot.correct).sum();
        let decay = self.weight_decay * self.mass;
        let mut gradient = std::mem::take(&mut self.gradient);
        self.reduce(&mut gradient, scale, &[(decay, &self.point)]);
        self.gradient = gradient;
        self.is_set = true;
        Ok(())
    }

    /// f(θ), weight decay included.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The share of examples whose outputs name their class.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples.len() as f64
    }

    /// ∇f(θ).
    #[must_use]
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// θ.
    #[must_use]
    pub fn point(&self) -> &[T] {
        &self.point
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The examples.
    #[must_use]
    pub fn examples(&self) -> &'a Examples<T> {
        self.examples
    }

    /// Threads and memory.
    #[must_use]
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// λ.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// The tapes are empty, or of other weights, until a point is set.
    fn check_point(&self) -> Result<(), Error> {
        if self.is_set { Ok(()) } else { Err(Error::NoPoint) }
    }

    /// 1/n, or 1 when the weights are inside the sums.
    #[allow(clippy::cast_precision_loss)]
    fn scale(&self) -> f64 {
        if self.weights.is_some() { 1.0 } else { 1.0 / self.examples.len() as f64 }
    }

    /// Runs `work` on every slot. Slots share nothing that they write.
    fn for_slots(&mut self, work: impl Fn(Context<'_, T>, &mut Slot<T>) + Sync + Send) {
        let context = Context {
            network: self.network,
            loss: self.loss,
            examples: self.examples,
            weights: self.weights.as_deref(),
            point: Weights { values: &self.point, flipped: &self.flipped },
            team: Team::alone(),
        };
        let slots = &mut self.slots;
        self.execution.run(|| slots.par_iter_mut().for_each(|slot| work(context, slot)));
    }

    /// out ← scale·Σ over slots + Σ coefficient·vector, always in the order of the slots.
    fn reduce(&self, out: &mut [T], scale: f64, others: &[(f64, &[T])]) {
        const BLOCK: usize = 1 << 14;
        let scale = T::from_f64(scale);
        let slots = &self.slots;
        self.execution.run(|| {
            out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
                let range = block * BLOCK..block * BLOCK + out.len();
                crate::kernels::vectorized(
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
                        for (coefficient, vector) in others.iter().filter(|(c, _)| *c != 0.0) {
                            let coefficient = T::from_f64(*coefficient);
                            for (out, x) in out.iter_mut().zip(&vector[range.clone()]) {
                                *out += coefficient * *x;
                            }
                        }
                    },
                );
            });
        });
    }
}

/// into ← each example's numbers on `tape` times its weight.
fn weigh<T: Scalar>(network: &Network, tape: &Tape<T>, weights: &[T], into: &mut Tape<T>) {
    let rows = weights.len();
    into.fit(network, rows);
    for node in network.nodes() {
        let from = tape.read(network, rows, node.output);
        let size = from.len() / rows;
        let to = into.write(network, rows, node.output);
        for ((from, to), w) in from.chunks_exact(size).zip(to.chunks_exact_mut(size)).zip(weights) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *w * *from);
        }
    }
}

pub(crate) fn squared_norm<T: Scalar>(x: &[T]) -> f64 {
    x.iter().map(|x| x.to_f64() * x.to_f64()).sum()
}
