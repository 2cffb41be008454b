//! IDX files, the format of the MNIST family: two zero bytes, a byte for the type (8 for unsigned
//! bytes), a byte for the number of dimensions, each dimension as a big-endian 32-bit number, then
//! the data (<http://yann.lecun.com/exdb/mnist/>).

use std::path::Path;

use minimascope_record::architecture::Shape;

use crate::dataset::LabelledImages;
use crate::error::Error;
use crate::pixels::scaled;
use crate::stream::Stream;

/// Images of unsigned bytes: number × rows × columns.
const IMAGES_MAGIC: [u8; 4] = [0, 0, 8, 3];
/// Labels of unsigned bytes: number.
const LABELS_MAGIC: [u8; 4] = [0, 0, 8, 1];

/// Reads a file of grey images and the file of their labels, each plain or gzip.
///
/// # Errors
/// One for each way a file can be wrong: [`Error::Unreadable`], [`Error::DamagedGzip`],
/// [`Error::WrongMagic`], [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::TooLarge`],
/// [`Error::LengthMismatch`].
pub fn read(images: &Path, labels: &Path) -> Result<LabelledImages, Error> {
    examples(Stream::open(images)?, Stream::open(labels)?)
}

/// As [`read`], from streams.
///
/// # Errors
/// Those of [`read`].
pub fn examples(mut images: Stream<'_>, mut labels: Stream<'_>) -> Result<LabelledImages, Error> {
    let [number, height, width] = dimensions(&mut images, IMAGES_MAGIC, "an IDX file of images")?;
    let [labelled] = dimensions(&mut labels, LABELS_MAGIC, "an IDX file of labels")?;
    let pixels = images.array(&[number, height, width], 1)?;
    let label_bytes = labels.array(&[labelled], 1)?;
    if number != labelled {
        return Err(Error::LengthMismatch {
            images_file: images.file().to_path_buf(),
            labels_file: labels.file().to_path_buf(),
            images: number,
            labels: labelled,
        });
    }
    Ok(LabelledImages {
        shape: Shape { channels: 1, height: height as usize, width: width as usize },
        images: scaled(&pixels),
        labels: label_bytes.into_iter().map(u32::from).collect(),
        source: images.file().display().to_string(),
    })
}

fn dimensions<const D: usize>(
    stream: &mut Stream<'_>,
    magic: [u8; 4],
    format: &'static str,
) -> Result<[u64; D], Error> {
    let header = stream.start(4 + 4 * D as u64, &magic, format)?;
    let (sides, _) = header[4..].as_chunks::<4>();
    Ok(std::array::from_fn(|dimension| u64::from(u32::from_be_bytes(sides[dimension]))))
}
