//! Sizes that a layer can be given.

use crate::Error;

use super::Builder;

/// The largest size that a layer can be given: beyond any network of today, and small enough that
/// sums of a few do not overflow.
pub(super) const MOST_SIDE: usize = 1 << 20;
/// The most numbers in one tensor or image: what 32-bit index tables reach, with room to add.
const MOST_NUMBERS: usize = 1 << 31;

impl Builder {
    /// Sizes as written: from their least to [`MOST_SIDE`].
    pub(super) fn check_sizes(
        &self,
        layer: &str,
        kind: &str,
        sizes: &[(&str, usize, usize)],
    ) -> Result<(), Error> {
        for &(what, size, least) in sizes {
            self.check((least..=MOST_SIDE).contains(&size), layer, kind, || {
                format!("{what} = {size}; it must be from {least} to {MOST_SIDE}")
            })?;
        }
        Ok(())
    }

    /// A product of sizes that something is to hold.
    pub(super) fn check_count(
        &self,
        layer: &str,
        kind: &str,
        what: &str,
        sizes: &[usize],
    ) -> Result<(), Error> {
        let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        self.check(count.is_some_and(|count| count <= MOST_NUMBERS), layer, kind, || {
            format!("it would have more than {MOST_NUMBERS} {what}")
        })
    }

    pub(super) fn check(
        &self,
        holds: bool,
        layer: &str,
        kind: &str,
        reason: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        if holds {
            return Ok(());
        }
        Err(Error::Layer { layer: layer.to_owned(), kind: kind.to_owned(), reason: reason() })
    }
}
