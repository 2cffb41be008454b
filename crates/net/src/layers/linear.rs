//! The three products of a linear layer, W outputs × inputs.

use crate::Scalar;
use crate::kernels::{Layout, Team, forward_rows, is_small, multiply};

/// y (+)= x Wᵀ.
pub(crate) fn apply<T: Scalar>(
    (team, rows): (&Team, usize),
    (inputs, outputs): (usize, usize),
    weight: &[T],
    x: &[T],
    y: &mut [T],
    accumulate: bool,
) {
    if is_small(rows) && !accumulate {
        forward_rows(team, rows, (inputs, x), weight, None, (outputs, y));
        return;
    }
    multiply(
        (y, Layout::rows(rows, outputs)),
        (x, Layout::rows(rows, inputs)),
        (weight, Layout::rows(outputs, inputs).transposed()),
        accumulate,
    );
}

/// x̄ (+)= d W.
pub(crate) fn apply_transposed<T: Scalar>(
    rows: usize,
    (inputs, outputs): (usize, usize),
    weight: &[T],
    d: &[T],
    out: &mut [T],
    accumulate: bool,
) {
    multiply(
        (out, Layout::rows(rows, inputs)),
        (d, Layout::rows(rows, outputs)),
        (weight, Layout::rows(outputs, inputs)),
        accumulate,
    );
}

/// gradient (+)= dᵀ x.
pub(crate) fn outer<T: Scalar>(
    rows: usize,
    (inputs, outputs): (usize, usize),
    x: &[T],
    d: &[T],
    gradient: &mut [T],
    accumulate: bool,
) {
    multiply(
        (gradient, Layout::rows(outputs, inputs)),
        (d, Layout::rows(rows, outputs).transposed()),
        (x, Layout::rows(rows, inputs)),
        accumulate,
    );
}
