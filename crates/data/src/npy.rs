//! One NumPy array in a file: `.npy`
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::path::{Path, PathBuf};

use minimascope_record::architecture::Shape;

use crate::dataset::LabelledImages;
use crate::error::Error;
use crate::npy_header::{self, NpyHeader};
use crate::pixels::scaled;
use crate::stream::Stream;

/// First bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Kinds and bytes of the elements that are read.
const ELEMENTS: [&str; 10] = ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"];
/// NumPy itself reads no longer header (`max_header_size`).
const LONGEST_HEADER: u64 = 10_000;
/// Red, green, blue and opacity. A larger second dimension before a last one of at most so many is a
/// height: the channels stand last.
const MOST_CHANNELS: u64 = 4;

/// Reads an array of images and an array of labels, each plain or gzip. Images: `float32` as they
/// are, `float64` rounded to it, `uint8` divided by 255; shapes (n, d), (n, h, w), (n, c, h, w) and,
/// of one channel, (n, h, w, 1). Labels: any integers; shapes (n), (n, 1).
///
/// # Errors
/// One for each way a file can be wrong: [`Error::Unreadable`], [`Error::DamagedGzip`],
/// [`Error::WrongMagic`], [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::TooLarge`],
/// [`Error::NpyHeader`], [`Error::UnsupportedType`], [`Error::UnsupportedShape`],
/// [`Error::ChannelsLast`], [`Error::NonFinitePixel`], [`Error::LabelOutOfRange`],
/// [`Error::LengthMismatch`].
pub fn read(images: &Path, labels: &Path) -> Result<LabelledImages, Error> {
    examples(Stream::open(images)?, Stream::open(labels)?)
}

/// As [`read`], from streams.
///
/// # Errors
/// Those of [`read`].
pub fn examples(images: Stream<'_>, labels: Stream<'_>) -> Result<LabelledImages, Error> {
    let source = images.file().display().to_string();
    of_arrays(&Array::read(images)?, &Array::read(labels)?, source)
}

/// Images and labels of two arrays.
pub(crate) fn of_arrays(
    images: &Array,
    labels: &Array,
    source: String,
) -> Result<LabelledImages, Error> {
    let (number, shape) = images.image_shape()?;
    let (pixels, classes) = (images.pixels()?, labels.labels()?);
    if number != classes.len() {
        return Err(Error::LengthMismatch {
            images_file: images.file.clone(),
            labels_file: labels.file.clone(),
            images: number as u64,
            labels: classes.len() as u64,
        });
    }
    Ok(LabelledImages { shape, images: pixels, labels: classes, source })
}

/// An array as the file has it, the size of its bytes checked.
pub(crate) struct Array {
    file: PathBuf,
    /// Kind and bytes of an element, e.g. `f4`.
    element: String,
    big_endian: bool,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl Array {
    /// Reads header and data.
    pub(crate) fn read(mut stream: Stream<'_>) -> Result<Self, Error> {
        let file = stream.file().to_path_buf();
        let NpyHeader { descr, fortran_order, shape } = header(&mut stream)?;
        let unsupported = |found: &str| Error::UnsupportedType {
            file: file.clone(),
            found: found.to_owned(),
            wanted: "float32, float64 or integers",
        };
        let descr = descr.as_str().ok_or_else(|| unsupported("structured records"))?;
        let (order, element) = descr.split_at_checked(1).unwrap_or_default();
        let known = "<>|=".contains(order) && ELEMENTS.contains(&element);
        let size = element.bytes().last().filter(|_| known).ok_or_else(|| unsupported(descr))?;
        if fortran_order {
            return Err(Error::NpyHeader { file, reason: "the array is in Fortran order".into() });
        }
        let bytes = stream.array(&shape, u64::from(size - b'0'))?;
        Ok(Self { file, element: element.to_owned(), big_endian: order == ">", shape, bytes })
    }

    /// Number of images and the shape of one.
    fn image_shape(&self) -> Result<(usize, Shape), Error> {
        let size = |dimension: u64| dimension as usize;
        match *self.shape {
            [n, d] => Ok((size(n), Shape { channels: size(d), height: 1, width: 1 })),
            [n, h, w] => Ok((size(n), Shape { channels: 1, height: size(h), width: size(w) })),
            // Of one channel the order of the bytes is the same.
            [n, h, w, 1] if h > MOST_CHANNELS && w > 1 => {
                Ok((size(n), Shape { channels: 1, height: size(h), width: size(w) }))
            }
            [_, h, w, c] if h > MOST_CHANNELS && c <= MOST_CHANNELS && c < w => {
                Err(Error::ChannelsLast { file: self.file.clone(), shape: self.shape.clone() })
            }
            [n, c, h, w] => {
                Ok((size(n), Shape { channels: size(c), height: size(h), width: size(w) }))
            }
            _ => Err(self.unsupported_shape("(n, d), (n, h, w) or (n, c, h, w) for images")),
        }
    }

    fn pixels(&self) -> Result<Vec<f32>, Error> {
        // The number itself is named, not the infinity that it would become.
        let rounded = |(at, pixel): (usize, f64)| {
            let single = pixel as f32;
            if single.is_finite() {
                return Ok(single);
            }
            let size = self.shape[1..].iter().product::<u64>() as usize;
            let (file, example, pixel_of_it) = (self.file.clone(), at / size, at % size);
            Err(Error::NonFinitePixel { file, example, pixel: pixel_of_it, value: pixel })
        };
        match &*self.element {
            "f4" => Ok(self.elements(f32::from_le_bytes).collect()),
            "f8" => self.elements(f64::from_le_bytes).enumerate().map(rounded).collect(),
            "u1" => Ok(scaled(&self.bytes)),
            _ => Err(self.unsupported_type("float32, float64 or uint8 for images")),
        }
    }

    fn labels(&self) -> Result<Vec<u32>, Error> {
        if !matches!(*self.shape, [_] | [_, 1]) {
            return Err(self.unsupported_shape("(n) or (n, 1) for labels"));
        }
        match &*self.element {
            "i1" => self.checked_labels(self.elements(i8::from_le_bytes)),
            "i2" => self.checked_labels(self.elements(i16::from_le_bytes)),
            "i4" => self.checked_labels(self.elements(i32::from_le_bytes)),
            "i8" => self.checked_labels(self.elements(i64::from_le_bytes)),
            "u1" => self.checked_labels(self.elements(u8::from_le_bytes)),
            "u2" => self.checked_labels(self.elements(u16::from_le_bytes)),
            "u4" => self.checked_labels(self.elements(u32::from_le_bytes)),
            "u8" => self.checked_labels(self.elements(u64::from_le_bytes)),
            _ => Err(self.unsupported_type("integers for labels")),
        }
    }

    fn checked_labels<T: Into<i128>>(
        &self,
        labels: impl Iterator<Item = T>,
    ) -> Result<Vec<u32>, Error> {
        let checked = labels.enumerate().map(|(example, label)| {
            let label = label.into();
            let usable = u32::try_from(label).ok();
            usable.filter(|&label| (label as usize) < crate::MOST_CLASSES).ok_or_else(|| {
                let classes = crate::MOST_CLASSES;
                Error::LabelOutOfRange { file: self.file.clone(), example, label, classes }
            })
        });
        checked.collect()
    }

    /// The elements, each from its N bytes in little-endian order.
    fn elements<const N: usize, T>(&self, decode: fn([u8; N]) -> T) -> impl Iterator<Item = T> {
        self.bytes.as_chunks::<N>().0.iter().map(move |&chunk| {
            let mut bytes = chunk;
            if self.big_endian {
                bytes.reverse();
            }
            decode(bytes)
        })
    }

    fn unsupported_shape(&self, wanted: &'static str) -> Error {
        Error::UnsupportedShape { file: self.file.clone(), shape: self.shape.clone(), wanted }
    }

    fn unsupported_type(&self, wanted: &'static str) -> Error {
        let (kind, bytes) = self.element.split_at(1);
        let word = match kind {
            "f" => "float",
            "i" => "int",
            _ => "uint",
        };
        let found = format!("{word}{}", 8 * bytes.parse::<u32>().unwrap_or(0));
        Error::UnsupportedType { file: self.file.clone(), found, wanted }
    }
}

/// Magic, version, length and the Python dictionary of a `.npy` file.
fn header(stream: &mut Stream<'_>) -> Result<NpyHeader, Error> {
    let file = stream.file().to_path_buf();
    let fault = |reason: String| Error::NpyHeader { file: file.clone(), reason };
    let start = stream.start(8, MAGIC, "a NumPy .npy array")?;
    let version = start[6];
    if !(1..=3).contains(&version) {
        return Err(fault(format!("its version is {version}, not 1, 2 or 3")));
    }
    let size = stream.exactly(if version == 1 { 2 } else { 4 })?;
    let length = size.iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
    if length > LONGEST_HEADER {
        return Err(fault(format!("it is {length} bytes long, the most is {LONGEST_HEADER}")));
    }
    let text = stream.exactly(length)?;
    let text = str::from_utf8(&text).map_err(|_| fault("it is not UTF-8".into()))?;
    npy_header::parse(text).map_err(fault)
}
