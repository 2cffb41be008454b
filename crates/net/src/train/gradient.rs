//! The gradient of a batch, summed over chunks by several threads.

use minimascope_record::training::Loss;
use rayon::prelude::*;

use crate::evaluator::{FirstOrder, PassContext};
use crate::kernels::Team;
use crate::layers::Weights;
use crate::passes;
use crate::workspace::Workspace;
use crate::{Examples, Execution, Network, Scalar, chunks};

/// Memory for the gradient of batches of at most a given size.
#[derive(Debug)]
pub(super) struct BatchGradient<T> {
    slots: Vec<GradientSlot<T>>,
}

#[derive(Debug, Default)]
struct GradientSlot<T> {
    chunks: chunks::SlotChunks,
    sum: Vec<T>,
    value: f64,
    used: bool,
    first: FirstOrder<T>,
    workspace: Workspace<T>,
}

impl<T: Scalar> BatchGradient<T> {
    pub(super) fn new(network: &Network, batch_size: usize) -> Self {
        let slots = chunks::plan::<T>(network, batch_size).into_iter().map(|chunks| GradientSlot {
            chunks,
            sum: vec![T::ZERO; network.parameters()],
            ..GradientSlot::default()
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
        let context = PassContext { network, loss, examples, point, team: Team::alone() };
        let work = |slot: &mut GradientSlot<T>| {
            slot.used = false;
            slot.value = 0.0;
            for range in &slot.chunks {
                // A ragged batch is shorter than the plan.
                let range = range.start.min(examples.len())..range.end.min(examples.len());
                if range.is_empty() {
                    continue;
                }
                let (first, workspace) = (&mut slot.first, &mut slot.workspace);
                slot.value += context.first(&range, first, workspace, true).0;
                let (chunk, sum) = (context.chunk(&range), &mut slot.sum);
                passes::gradient(chunk, &first.a, &first.delta, sum, slot.used, workspace);
                slot.used = true;
            }
        };
        if let [slot] = &mut self.slots[..] {
            work(slot); // on this thread, without waking others
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
