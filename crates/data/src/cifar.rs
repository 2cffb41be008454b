//! CIFAR-10 binary records: one label byte, then 3,072 pixel bytes, the 32×32 planes of red,
//! green and blue row by row (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::path::{Path, PathBuf};

use minimascope_record::architecture::Shape;

use crate::dataset::LabelledImages;
use crate::error::Error;
use crate::pixels::scaled;
use crate::stream::Stream;

/// Shape of every CIFAR image.
pub const SHAPE: Shape = Shape { channels: 3, height: 32, width: 32 };
/// Bytes of one record.
pub const RECORD_BYTES: usize = 1 + 3 * 32 * 32;
/// Number of training batches of CIFAR-10.
pub const BATCHES: usize = 5;
/// Number of classes of CIFAR-10.
pub const CLASSES: usize = 10;

/// Reads batch files one after the other, each plain or gzip. With `classes`, only examples of
/// these are kept and relabelled 0, 1, … in ascending order of the original label, so that
/// `&[0, 1]` of the whole training data is the airplane–automobile problem.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::DamagedGzip`], [`Error::Truncated`] for a last record that is
/// cut, [`Error::LabelOutOfRange`], [`Error::Empty`] for a file without records or when no
/// example has one of the classes, [`Error::UnknownClass`].
pub fn read(batches: &[PathBuf], classes: Option<&[u32]>) -> Result<LabelledImages, Error> {
    let streams = batches.iter().map(|batch| Stream::open(batch));
    let folder = batches.first().and_then(|batch| batch.parent()).unwrap_or(Path::new(""));
    let source = match batches {
        [only] => only.display().to_string(),
        _ => folder.display().to_string(),
    };
    examples(streams, source, CLASSES, classes)
}

/// As [`read`], from streams whose labels are below `labels_below`.
///
/// # Errors
/// Those of [`read`].
pub fn examples<'a>(
    batches: impl Iterator<Item = Result<Stream<'a>, Error>>,
    source: String,
    labels_below: usize,
    classes: Option<&[u32]>,
) -> Result<LabelledImages, Error> {
    let relabelled = classes.map(|kept| relabelling(kept, labels_below, &source)).transpose()?;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for batch in batches {
        let mut batch = batch?;
        let mut example = 0;
        loop {
            let record = batch.up_to(RECORD_BYTES as u64)?;
            let Some((&label, pixels)) = record.split_first() else { break };
            if record.len() < RECORD_BYTES {
                return Err(Error::Truncated {
                    file: batch.file().to_path_buf(),
                    expected: (example as u64 + 1) * RECORD_BYTES as u64,
                    found: example as u64 * RECORD_BYTES as u64 + record.len() as u64,
                });
            }
            if usize::from(label) >= labels_below {
                return Err(Error::LabelOutOfRange {
                    file: batch.file().to_path_buf(),
                    example,
                    label: label.into(),
                    classes: labels_below,
                });
            }
            let new = match &relabelled {
                None => Some(u32::from(label)),
                Some(relabelled) => relabelled[usize::from(label)],
            };
            if let Some(new) = new {
                images.extend(scaled(pixels));
                labels.push(new);
            }
            example += 1;
        }
        if example == 0 {
            return Err(Error::Empty(batch.file().to_path_buf()));
        }
    }
    if labels.is_empty() {
        return Err(Error::Empty(source.into()));
    }
    Ok(LabelledImages { shape: SHAPE, images, labels, source })
}

/// For each original label, its rank among the kept ones.
pub(crate) fn relabelling(
    kept: &[u32],
    labels_below: usize,
    source: &str,
) -> Result<Vec<Option<u32>>, Error> {
    if let Some(&class) = kept.iter().find(|&&class| class as usize >= labels_below) {
        return Err(Error::UnknownClass { file: source.into(), class, classes: labels_below });
    }
    let mut next = 0;
    Ok((0..labels_below)
        .map(|label| {
            kept.iter().any(|&class| class as usize == label).then(|| {
                next += 1;
                next - 1
            })
        })
        .collect())
}
