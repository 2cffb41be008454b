//! Small files in the published formats, as bytes.

#![allow(dead_code, reason = "every test file uses some of these")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// `bytes` as gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file of grey images whose header announces `n` × `height` × `width`.
pub(crate) fn idx_images(n: u32, height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for dimension in [n, height, width] {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(pixels);
    bytes
}

/// An IDX file of labels.
pub(crate) fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend((labels.len() as u32).to_be_bytes());
    bytes.extend(labels);
    bytes
}

/// CIFAR-10 records with these labels; byte k of an image is (label + k) mod 256.
pub(crate) fn records(labels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &label in labels {
        bytes.push(label);
        bytes.extend((0..3072_u32).map(|k| (u32::from(label) + k) as u8));
    }
    bytes
}

/// A `.npy` file with this header dictionary and data.
pub(crate) fn npy(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.extend(data);
    bytes
}

/// A `.npy` file of a type and shape as NumPy prints them.
pub(crate) fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

/// A zip archive of named members, stored.
pub(crate) fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options: zip::write::SimpleFileOptions = Default::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
