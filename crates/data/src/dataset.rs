//! A labelled set of images in memory.

use std::sync::OnceLock;

use minimascope_record::architecture::Shape;
use sha2::{Digest, Sha256};

use crate::checksum::hexadecimal;
use crate::error::Error;

/// What a file of images and labels does not say about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name shown to people, e.g. `fashion-mnist`.
    pub name: String,
    /// Number of classes; the largest label plus one if absent.
    pub classes: Option<usize>,
    /// Names of the classes in the order of their labels, where known.
    pub class_names: Option<Vec<String>>,
}

impl Description {
    /// A set of which only the name is known; its classes are counted from the labels.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), classes: None, class_names: None }
    }
}

/// Images and labels as a reader found them, not checked yet: [`Dataset::new`] does that.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledImages {
    /// Shape of one image.
    pub shape: Shape,
    /// n × C·H·W pixels, image after image, each in C, H, W order (as PyTorch). Integer pixels
    /// have been divided by 255.
    pub images: Vec<f32>,
    /// n labels.
    pub labels: Vec<u32>,
    /// Their source: a file's name or `embedded …`, which errors state.
    pub source: String,
}

impl LabelledImages {
    /// The largest label plus one.
    pub fn classes_seen(&self) -> usize {
        self.labels.iter().max().map_or(0, |&label| label as usize + 1)
    }
}

/// A labelled set of images, checked: every pixel is finite, every label is below the number of
/// classes, images and labels have the same number, and there is at least one example.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    shape: Shape,
    classes: usize,
    class_names: Option<Vec<String>>,
    images: Vec<f32>,
    labels: Vec<u32>,
    source: String,
    digest: OnceLock<String>,
}

/// More classes than any labelled image set has; a larger count means the labels are not classes.
pub const MOST_CLASSES: usize = 1 << 16;

impl Dataset {
    /// Checks `examples` and names them.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::PixelCount`], [`Error::LabelOutOfRange`],
    /// [`Error::NonFinitePixel`], [`Error::ClassNames`], each naming the examples' source.
    pub fn new(description: Description, examples: LabelledImages) -> Result<Self, Error> {
        let LabelledImages { shape, images, labels, source } = examples;
        let size =
            shape.height.checked_mul(shape.width).and_then(|s| s.checked_mul(shape.channels));
        let size = size.filter(|&size| size > 0 && !labels.is_empty());
        let Some(size) = size else {
            return Err(Error::Empty(source.into()));
        };
        if labels.len().checked_mul(size) != Some(images.len()) {
            return Err(Error::PixelCount {
                file: source.into(),
                pixels: images.len(),
                labels: labels.len(),
                shape,
            });
        }
        let seen = labels.iter().max().map_or(0, |&label| label as usize + 1);
        let classes = description.classes.unwrap_or_else(|| seen.min(MOST_CLASSES));
        if let Some(example) = labels.iter().position(|&label| label as usize >= classes) {
            return Err(Error::LabelOutOfRange {
                file: source.into(),
                example,
                label: labels[example].into(),
                classes,
            });
        }
        if let Some(names) = &description.class_names
            && names.len() != classes
        {
            return Err(Error::ClassNames { file: source.into(), names: names.len(), classes });
        }
        if let Some(at) = images.iter().position(|pixel| !pixel.is_finite()) {
            return Err(Error::NonFinitePixel {
                file: source.into(),
                example: at / size,
                pixel: at % size,
                value: images[at].into(),
            });
        }
        Ok(Self {
            name: description.name,
            shape,
            classes,
            class_names: description.class_names,
            images,
            labels,
            source,
            digest: OnceLock::new(),
        })
    }

    /// The name shown to people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of one image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of classes; every label is below it.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Names of the classes in the order of their labels, where known.
    pub fn class_names(&self) -> Option<&[String]> {
        self.class_names.as_deref()
    }

    /// Number of examples n, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "a dataset is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// All pixels: n × C·H·W, image after image, each in C, H, W order.
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// The C·H·W pixels of one image.
    ///
    /// # Panics
    /// If `example` is not below [`Self::len`].
    pub fn image(&self, example: usize) -> &[f32] {
        let size = self.shape.size();
        &self.images[example * size..(example + 1) * size]
    }

    /// The n labels.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The source of the examples: a file's name or `embedded …`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// With so many classes at least, where they have no names.
    pub(crate) fn with_classes(mut self, least: usize) -> Self {
        if self.class_names.is_none() && self.classes < least {
            (self.classes, self.digest) = (least, OnceLock::new());
        }
        self
    }

    /// The pixel that is largest in magnitude.
    pub fn largest_pixel(&self) -> f32 {
        self.images.iter().fold(0.0, |largest, pixel| pixel.abs().max(largest))
    }

    /// What the images and labels are called, without them.
    pub fn description(&self) -> Description {
        Description {
            name: self.name.clone(),
            classes: Some(self.classes),
            class_names: self.class_names.clone(),
        }
    }

    /// SHA-256 in hexadecimal of what determines a computation: the little-endian 64-bit numbers
    /// C, H, W, classes, n, then the pixels as little-endian 32-bit floats, then the labels as
    /// little-endian 32-bit integers. Neither name nor source enters: the same examples have the
    /// same digest wherever they were read. Computed at the first call.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut hash = Sha256::new();
            let Shape { channels, height, width } = self.shape;
            for number in [channels, height, width, self.classes, self.len()] {
                hash.update((number as u64).to_le_bytes());
            }
            let mut bytes = Vec::with_capacity(4 * 4096);
            for pixels in self.images.chunks(4096) {
                bytes.clear();
                bytes.extend(pixels.iter().flat_map(|pixel| pixel.to_le_bytes()));
                hash.update(&bytes);
            }
            for label in &self.labels {
                hash.update(label.to_le_bytes());
            }
            hexadecimal(&hash.finalize())
        })
    }
}
