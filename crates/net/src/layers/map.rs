//! What the passes ask of a layer without weights.

use crate::Scalar;

/// A layer's values at the point, for a chunk of examples.
#[derive(Clone, Copy)]
pub(crate) struct LayerValues<'a, T> {
    /// Examples.
    pub rows: usize,
    pub x: &'a [T],
    pub y: &'a [T],
    /// The whole tape of winners.
    pub winners: &'a [u8],
}

/// A map y = f(x) of each example without weights.
pub(crate) trait Map<T: Scalar>: Sync {
    /// y ← f(x) for `rows` examples. A layer that must remember a choice writes it at its places
    /// of the tape of winners.
    fn forward(&self, rows: usize, x: &[T], y: &mut [T], winners: &mut [u8]);

    /// Ry ← f′(x) Rx.
    fn tangent(&self, at: LayerValues<'_, T>, x_tangent: &[T], y_tangent: &mut [T]);

    /// x̄ (+)= f′(x)ᵀ d.
    fn backward(&self, at: LayerValues<'_, T>, d: &[T], out: &mut [T], accumulate: bool);

    /// The tangent of the backward pass: out (+)= f′(x)ᵀ Rd + (f″(x) Rx)ᵀ d. Where f″ = 0, as for
    /// every piecewise linear map, that is the backward pass of Rd.
    fn tangent_backward(
        &self,
        at: LayerValues<'_, T>,
        (_d, _x_tangent): (&[T], &[T]),
        d_tangent: &[T],
        out: &mut [T],
        accumulate: bool,
    ) {
        self.backward(at, d_tangent, out, accumulate);
    }
}
