//! Loss and accuracy on any set of examples, by forward passes.

use minimascope_record::training::Loss;
use rayon::prelude::*;

use crate::evaluator::{FirstOrder, PassContext};
use crate::kernels::Team;
use crate::layers::Weights;
use crate::workspace::Workspace;
use crate::{Examples, Execution, Network, Scalar, chunks};

/// The results of forward passes over a set of examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// The mean loss, without weight decay.
    pub loss: f64,
    /// The share of examples whose outputs name their class.
    pub accuracy: f64,
    /// Whether all outputs are the same to the last bit: the network is dead.
    pub constant: bool,
}

/// Examples that are compared first to see whether a network's outputs still differ.
const FEW: usize = 8;
/// Outputs that differ by this share of the largest are different for sure: it is far above the
/// rounding of a forward pass in f32, so that they differ in a pass over other rows too.
const CLEAR: f64 = 1e-3;

/// A set of examples and the memory to pass over it.
#[derive(Debug)]
pub struct Assessor<'a, T> {
    network: &'a Network,
    loss: Loss,
    examples: &'a Examples<T>,
    execution: Execution,
    flipped: Vec<T>,
    slots: Vec<AssessorSlot<T>>,
}

#[derive(Debug, Default)]
struct AssessorSlot<T> {
    chunks: chunks::SlotChunks,
    value: f64,
    correct: usize,
    /// The outputs of the slot's first example, and whether the others are the same.
    output: Vec<T>,
    constant: bool,
    first: FirstOrder<T>,
    workspace: Workspace<T>,
}

/// The context of a pass at these parameters, whose flipped weights go to `flipped`.
fn context<'c, T: Scalar>(
    (network, loss, examples): (&'c Network, Loss, &'c Examples<T>),
    values: &'c [T],
    flipped: &'c mut Vec<T>,
) -> PassContext<'c, T> {
    network.flip(values, flipped);
    let point = Weights { values, flipped };
    PassContext { network, loss, examples, point, team: Team::alone() }
}

impl<'a, T: Scalar> Assessor<'a, T> {
    /// An assessor of these examples. It holds memory for a few chunks, not for all of them.
    pub fn new(
        network: &'a Network,
        loss: Loss,
        examples: &'a Examples<T>,
        execution: &Execution,
    ) -> Self {
        let plan = chunks::plan::<T>(network, examples.len()).into_iter();
        let slots = plan.map(|chunks| AssessorSlot { chunks, ..AssessorSlot::default() }).collect();
        let execution = execution.clone();
        Self { network, loss, examples, execution, flipped: Vec::new(), slots }
    }

    /// The loss of every example at these parameters, in order: n forward passes of one example.
    pub fn example_losses(&mut self, parameters: &[T]) -> Vec<f64> {
        let Self { network, loss, examples, execution, flipped, slots } = self;
        let context = context((network, *loss, examples), parameters, flipped);
        let work = |slot: &mut AssessorSlot<T>| -> Vec<f64> {
            let AssessorSlot { chunks, first, workspace, .. } = slot;
            let examples = chunks.iter().cloned().flatten();
            examples.map(|i| context.first(&(i..i + 1), first, workspace, false).0).collect()
        };
        let losses: Vec<Vec<f64>> = execution.run(|| slots.par_iter_mut().map(work).collect());
        losses.concat()
    }

    /// [`Assessment::constant`] at these parameters. It is false if the outputs of a few examples
    /// differ by more than rounding; only otherwise does this pass over all examples.
    pub fn is_constant(&mut self, parameters: &[T]) -> bool {
        let Self { network, loss, examples, flipped, slots, .. } = self;
        let context = context((network, *loss, examples), parameters, flipped);
        let rows = FEW.min(examples.len());
        if let Some(AssessorSlot { first, workspace, .. }) = slots.first_mut() {
            context.first(&(0..rows), first, workspace, false);
            let z = first.a.read(network, rows, network.output_buffer());
            let largest = z.iter().fold(0.0, |largest: f64, z| largest.max(z.to_f64().abs()));
            let differ = |(a, b): (&T, &T)| (a.to_f64() - b.to_f64()).abs() > CLEAR * largest;
            let width = network.outputs();
            if z.chunks_exact(width).any(|row| row.iter().zip(&z[..width]).any(differ)) {
                return false;
            }
        }
        self.assess(parameters).constant
    }

    /// Loss and accuracy at these parameters.
    pub fn assess(&mut self, parameters: &[T]) -> Assessment {
        let Self { network, loss, examples, execution, flipped, slots } = self;
        let context = context((network, *loss, examples), parameters, flipped);
        let network = *network;
        let work = |slot: &mut AssessorSlot<T>| {
            (slot.value, slot.correct, slot.constant) = (0.0, 0, true);
            for (index, range) in slot.chunks.iter().enumerate() {
                let part = context.first(range, &mut slot.first, &mut slot.workspace, false);
                slot.value += part.0;
                slot.correct += part.1;
                let z = slot.first.a.read(network, range.len(), network.output_buffer());
                let z = z.chunks_exact(network.outputs());
                for (row, z) in z.enumerate() {
                    if index == 0 && row == 0 {
                        slot.output.clear();
                        slot.output.extend_from_slice(z);
                    }
                    slot.constant &= slot.output == z;
                }
            }
        };
        execution.run(|| slots.par_iter_mut().for_each(work));
        let n = examples.len() as f64;
        Assessment {
            loss: slots.iter().map(|slot| slot.value).sum::<f64>() / n,
            accuracy: slots.iter().map(|slot| slot.correct).sum::<usize>() as f64 / n,
            constant: slots.iter().all(|s| s.constant && s.output == slots[0].output),
        }
    }
}
