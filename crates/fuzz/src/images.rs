//! IDX, CIFAR-10 batches, NumPy arrays and archives.

use std::io::Cursor;
use std::iter;
use std::path::Path;

use minimascope_data::stream::Stream;
use minimascope_data::{Description, Error, LabelledImages, Split, cifar, idx, npy, npz};

use crate::FuzzTarget;
use crate::input::{choice, gzip, length, two_files};

/// Deflate makes at most 1,032 bytes of one (<https://zlib.net/zlib_tech.html>).
const DEFLATE: usize = 1032;
/// A byte becomes a pixel of 4 bytes, a buffer that grows holds twice what it needs, and while it grows
/// the old half too; then images and labels of training and test examples are there together.
const READ: usize = 32;

pub(crate) const IDX: FuzzTarget = FuzzTarget {
    name: "idx",
    longest: 256,
    memory_per_byte: DEFLATE * READ,
    read: |input| {
        let (choice, files) = choice(input);
        let (images, labels) = two_files(files);
        let read = |images: &[u8], labels: &[u8]| {
            idx::examples(stream("images", images)?, stream("labels", labels)?)
        };
        let plain = read(images, labels);
        if let Ok(found) = &plain
            && !is_gzip(images)
            && !is_gzip(labels)
        {
            let sides = [found.labels.len(), found.shape.height, found.shape.width];
            let mut again = vec![0, 0, 8, 3];
            again.extend(sides.iter().flat_map(|side| (*side as u32).to_be_bytes()));
            again.extend(bytes_of(&found.images));
            assert!(again == images, "images that were read are those of the file");
            let mut again = vec![0, 0, 8, 1];
            again.extend((found.labels.len() as u32).to_be_bytes());
            again.extend(found.labels.iter().map(|label| *label as u8));
            assert!(again == labels, "labels that were read are those of the file");
        }
        if choice & 1 == 1 {
            let compressed = read(&gzip(images), &gzip(labels));
            assert_eq!(compressed.ok(), plain.as_ref().ok().cloned(), "gzip changes nothing");
        }
        check(plain);
    },
};

pub(crate) const CIFAR: FuzzTarget = FuzzTarget {
    name: "cifar",
    longest: 256,
    memory_per_byte: DEFLATE * READ + 4 * cifar::RECORD_BYTES * READ,
    read: |input| {
        let (choice, rest) = choice(input);
        let (length, bytes) = length(rest);
        // A record is long; these bytes again and again are as good as any.
        let length = length % (2 * cifar::RECORD_BYTES + 2);
        let batch: Vec<u8> = match bytes {
            [] => Vec::new(),
            _ if choice & 4 == 4 => bytes.to_vec(),
            _ => bytes.iter().copied().cycle().take(length).collect(),
        };
        let classes = (choice & 2 == 2).then_some(&[1, 3][..]);
        let read = |batch: &[u8]| {
            let batch = iter::once(stream("batch", batch));
            cifar::examples(batch, "batch".to_owned(), cifar::CLASSES, classes)
        };
        let plain = read(&batch);
        if let Ok(found) = &plain
            && classes.is_none()
            && !is_gzip(&batch)
        {
            let images = found.images.chunks(cifar::SHAPE.size());
            let again = found.labels.iter().zip(images);
            let again = again.flat_map(|(label, image)| {
                iter::once(*label as u8).chain(bytes_of(image).collect::<Vec<_>>())
            });
            assert!(
                again.eq(batch.iter().copied()),
                "records that were read are those of the file"
            );
        }
        if choice & 1 == 1 {
            let compressed = read(&gzip(&batch));
            assert_eq!(compressed.ok(), plain.as_ref().ok().cloned(), "gzip changes nothing");
        }
        check(plain);
    },
};

pub(crate) const NPY: FuzzTarget = FuzzTarget {
    name: "npy",
    longest: 512,
    memory_per_byte: DEFLATE * READ,
    read: |input| {
        let (choice, files) = choice(input);
        let (images, labels) = two_files(files);
        let read = |images: &[u8], labels: &[u8]| {
            npy::examples(stream("x.npy", images)?, stream("y.npy", labels)?)
        };
        let plain = read(images, labels);
        if let Ok(found) = &plain {
            let shape = found.shape;
            let sides = format!("{}, {}, {}", shape.channels, shape.height, shape.width);
            let pixels = found.images.iter().flat_map(|pixel| pixel.to_le_bytes());
            let numbers = found.labels.iter().flat_map(|label| label.to_le_bytes());
            let number = found.labels.len();
            let written = array("<f4", &format!("({number}, {sides})"), pixels);
            let written_labels = array("<u4", &format!("({number},)"), numbers);
            let again = read(&written, &written_labels).unwrap_or_else(|error| panic!("{error}"));
            assert!(are_same(found, &again), "what is written reads as the same");
            if choice & 1 == 1 {
                let compressed = read(&gzip(images), &gzip(labels));
                assert!(
                    compressed.is_ok_and(|again| are_same(found, &again)),
                    "gzip changes nothing"
                );
            }
        }
        check(plain);
    },
};

pub(crate) const NPZ: FuzzTarget = FuzzTarget {
    name: "npz",
    longest: 1024,
    memory_per_byte: DEFLATE * READ,
    read: |input| match npz::examples(Path::new("data.npz"), Cursor::new(input)) {
        Ok(npz::Contents { train, test, .. }) => {
            if let Err(error) = Split::from_examples(Description::named("data"), train, test) {
                let _ = error.to_string();
            }
        }
        Err(error) => check(Err(error)),
    },
};

fn stream<'a>(name: &str, bytes: &'a [u8]) -> Result<Stream<'a>, Error> {
    Stream::from_bytes(Path::new(name), bytes)
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The bytes that pixels were.
fn bytes_of(pixels: &[f32]) -> impl Iterator<Item = u8> {
    pixels.iter().map(|pixel| (pixel * 255.0).round() as u8)
}

/// Bit for bit, except for what the examples are called.
fn are_same(one: &LabelledImages, other: &LabelledImages) -> bool {
    let bits = |images: &[f32]| images.iter().map(|pixel| pixel.to_bits()).collect::<Vec<_>>();
    (one.shape, &one.labels) == (other.shape, &other.labels)
        && bits(&one.images) == bits(&other.images)
}

/// A `.npy` file as NumPy writes it.
fn array(element: &str, shape: &str, data: impl Iterator<Item = u8>) -> Vec<u8> {
    let header = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// The examples become a dataset, or an error says why not.
fn check(read: Result<LabelledImages, Error>) {
    let split =
        read.and_then(|found| Split::from_examples(Description::named("data"), found, None));
    match split {
        Ok(split) => assert!(split.train().images().iter().all(|pixel| pixel.is_finite())),
        Err(error) => drop(error.to_string()),
    }
}
