//! What a layer checks and reserves while a network is laid out.

use std::ops::Range;

use minimascope_record::architecture::Shape;

use crate::Error;
use crate::tensor::{InitialValues, Tensor, TensorOrder};

/// The largest size that a layer can be given: beyond any network of today, and small enough that
/// sums of a few do not overflow.
pub(crate) const LARGEST_SIZE: usize = 1 << 20;
/// The most numbers in one tensor or image: what 32-bit index tables reach, with room to add.
const MOST_NUMBERS: usize = 1 << 31;
/// The most entries of an index table, which a network holds before any budget of memory is known: the
/// positions of an image of 4096 × 4096.
const MOST_IN_A_TABLE: usize = 1 << 24;

/// A layer's name and kind, which its errors state.
#[derive(Clone, Copy)]
pub(crate) struct LayerName<'a> {
    /// Index path, as in parameter names.
    pub name: &'a str,
    /// The layer's word in a configuration.
    pub kind: &'static str,
}

impl LayerName<'_> {
    /// # Errors
    /// [`Error::Layer`] with this reason unless the condition holds.
    pub(crate) fn check(&self, holds: bool, reason: impl FnOnce() -> String) -> Result<(), Error> {
        if holds {
            return Ok(());
        }
        let (layer, kind) = (self.name.to_owned(), self.kind.to_owned());
        Err(Error::Layer { layer, kind, reason: reason() })
    }

    /// Checks that every size, given with its name and its least value, is at most
    /// [`LARGEST_SIZE`].
    pub(crate) fn check_sizes(&self, sizes: &[(&str, usize, usize)]) -> Result<(), Error> {
        for &(what, size, least) in sizes {
            self.check((least..=LARGEST_SIZE).contains(&size), || {
                format!("{what} = {size}; it must be from {least} to {LARGEST_SIZE}")
            })?;
        }
        Ok(())
    }

    /// Checks that the product of these sizes is a number of `what` that indices can reach.
    pub(crate) fn check_count(&self, what: &str, sizes: &[usize]) -> Result<(), Error> {
        self.check_most(MOST_NUMBERS, what, sizes)
    }

    /// As [`Self::check_count`], for the entries of an index table.
    pub(crate) fn check_table(&self, what: &str, sizes: &[usize]) -> Result<(), Error> {
        self.check_most(MOST_IN_A_TABLE, what, sizes)
    }

    fn check_most(&self, most: usize, what: &str, sizes: &[usize]) -> Result<(), Error> {
        let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        self.check(count.is_some_and(|count| count <= most), || {
            format!("it would have more than {most} {what}")
        })
    }
}

/// What the layers that were laid out so far have reserved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reserved {
    /// Numbers of θ.
    pub parameters: usize,
    /// The tensors in θ.
    pub tensors: Vec<Tensor>,
    /// Places on the tape of max-pooling's winners, for one example.
    pub winners: usize,
    /// Numbers of all weights that layers keep flipped, which are also the weights that a
    /// direction of one example materialises.
    pub flipped: usize,
    /// Numbers of a framed group of images, in the layer where they are most.
    pub framed: usize,
}

impl Reserved {
    /// Reserves a tensor of θ.
    pub(crate) fn tensor(
        &mut self,
        layer: LayerName<'_>,
        what: &str,
        shape: &[usize],
        (order, initial): (TensorOrder, InitialValues),
    ) -> Range<usize> {
        let range = self.parameters..self.parameters + shape.iter().product::<usize>();
        self.parameters = range.end;
        let name = format!("{}.{what}", layer.name);
        let (shape, range_of_tensor) = (shape.to_vec(), range.clone());
        self.tensors.push(Tensor { name, shape, range: range_of_tensor, order, initial });
        range
    }

    /// Reserves `count` places for winners and returns the first.
    pub(crate) fn winners(&mut self, count: usize) -> usize {
        let first = self.winners;
        self.winners += count;
        first
    }

    /// Reserves room for weights that are kept flipped and that a direction of one example
    /// materialises.
    pub(crate) fn flipped(&mut self, count: usize) -> Range<usize> {
        let range = self.flipped..self.flipped + count;
        self.flipped = range.end;
        range
    }
}

/// What the layer table says of a layer.
pub(crate) struct Described {
    pub output: Shape,
    /// The layer's word with its sizes.
    pub kind: String,
    /// Multiply–adds of its forward pass for one example.
    pub multiply_adds: usize,
}
