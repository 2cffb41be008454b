//! Directions in parameter space: one that all examples share, and one that differs for each.

use crate::layers::{OwnDirection, Weights};
use crate::network::Node;
use crate::tape::Tape;

use super::Chunk;
use crate::Scalar;

/// The sum of a direction that all examples share and one that differs for each. Either may be
/// absent.
#[derive(Clone, Copy)]
pub(crate) struct ParameterDirection<'a, T> {
    pub shared: Option<Weights<'a, T>>,
    pub own: Option<FactoredDirection<'a, T>>,
}

/// H_i v of every example in factored form: at a layer, Σ d_i x_iᵀ over the pairs (Rδ_i, a_i) and
/// (δ_i, Ra_i). With one pair it is the Gauss–Newton product J_iᵀ L_i J_i v as (δ′_i, a_i).
#[derive(Clone, Copy)]
pub(crate) struct FactoredDirection<'a, T> {
    /// d of the first pair, whose x is a.
    pub delta: &'a Tape<T>,
    /// a, the activations.
    pub a: &'a Tape<T>,
    /// δ and Ra of the second pair.
    pub second: Option<(&'a Tape<T>, &'a Tape<T>)>,
}

impl<'a, T: Scalar> ParameterDirection<'a, T> {
    /// The direction of each example at one layer, if there is one. The second pair is zero where
    /// the layer's input does not depend on θ.
    pub(super) fn own_at(&self, chunk: Chunk<'a, T>, node: &Node) -> Option<OwnDirection<'a, T>> {
        let FactoredDirection { delta, a, second } = self.own?;
        let Chunk { network, rows, team, .. } = chunk;
        let second = second.filter(|_| node.input_trained).map(|(delta, tangent)| {
            (delta.read(network, rows, node.output), tangent.read(network, rows, node.input))
        });
        let first = (delta.read(network, rows, node.output), chunk.values(a, node.input));
        let (shared, materialised) = (self.shared, network.flipped());
        Some(OwnDirection { rows, team, shared, first, second, materialised })
    }
}
