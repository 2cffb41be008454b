//! Memory that the passes over one chunk work in, kept between calls.

/// The first `needed` numbers of memory that grows when it must and never shrinks, to exactly the
/// number counted in the memory estimate.
pub(crate) fn room<U: Copy + Default>(memory: &mut Vec<U>, needed: usize) -> &mut [U] {
    if memory.len() < needed {
        memory.reserve_exact(needed - memory.len());
        memory.resize(needed, U::default());
    }
    &mut memory[..needed]
}

/// The buffers of one pass beside its tapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace<T> {
    /// Framed images of a convolution.
    pub images: Vec<T>,
    /// Two coefficients of each example.
    pub coefficients: Vec<T>,
    /// The materialised weights of directions that differ for each example, one example after
    /// another.
    pub own_weights: Vec<T>,
    /// One example's materialised weights, flipped.
    pub flipped: Vec<T>,
}
