//! The gradient of a batch, summed over chunks by several threads.

use minimascope_record::training::Loss;
use rayon::prelude::*;

use crate::evaluator::{Context, First};
use crate::kernels::Team;
use crate::layers::Weights;
use crate::passes::{self, Scratch};
use crate::{Examples, Execution, Network, Scalar, chunks};

/// Memory for the gradient of batches of at most a given size.
#[derive(Debug)]
pub(super) struct BatchGradient<T> {
    slots: Vec<Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    chunks: chunks::Slot,
    sum: Vec<T>,
    value: f64,
    used: bool,
    first: First<T>,
    scratch: Scratch<T>,
}

impl<T: Scalar> BatchGradient<T> {
    pub(super) fn new(network: &Network, batch_size: usize) -> Self {
        let slots = chunks::plan::<T>(network, batch_size).into_iter().map(|chunks| Slot {
            chunks,
            sum: vec![T::ZERO; network.parameters()],
            value: 0.0,
            used: false,
            first: First::new(),
            scratch: Scratch::default(),
        });
        Self { slots: slots.collect() }
    }

    /// The sum of the losses of `examples`; their gradients' sum stays in the slots.
    pub(super) fn run(
        &mut self,
        network: &Network,
        loss: Loss,
        examples: &Examples<T>,
        point: Weights<'_, T>,
        execution: &Execution,
    ) -> f64 {
        let context =
            Context { network, loss, examples, weights: None, point, team: Team::alone() };
        let work = |slot: &mut Slot<T>| {
            slot.used = false;
            slot.value = 0.0;
            for range in &slot.chunks {
                // A ragged batch is shorter than the plan.
                let range = range.start.min(examples.len())..range.end.min(examples.len());
                if range.is_empty() {
                    continue;
                }
                let (first, scratch) = (&mut slot.first, &mut slot.scratch);
                slot.value += context.first(&range, first, scratch, true).0;
                let chunk = context.chunk(&range);
                passes::gradient(chunk, &first.a, &first.delta, &mut slot.sum, slot.used, scratch);
                slot.used = true;
            }
        };
        if let [slot] = &mut self.slots[..] {
            work(slot); // one thread: no hand-over
        } else {
            execution.run(|| self.slots.par_iter_mut().for_each(work));
        }
        self.slots.iter().map(|slot| slot.value).sum()
    }

    /// The slots' sums at a block of parameters, to be added in this order.
    pub(super) fn sums(&self, block: std::ops::Range<usize>) -> impl Iterator<Item = &[T]> {
        self.slots.iter().filter(|slot| slot.used).map(move |slot| &slot.sum[block.clone()])
    }
}
