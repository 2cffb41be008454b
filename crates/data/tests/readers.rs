//! Files read as they were written, by NumPy or by the published formats.

mod written;

use std::path::{Path, PathBuf};

use minimascope_data::{cifar, idx, npy, npz};
use minimascope_record::architecture::Shape;
use tempfile::TempDir;
use written::{gzip, idx_images, idx_labels, records};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn eighths(n: usize) -> Vec<f32> {
    (0..n).map(|k| k as f32 / 8.0).collect()
}

#[test]
fn idx_plain_and_gzip_are_the_same_examples() {
    let folder = TempDir::new().unwrap();
    let pixels: Vec<u8> = (0..24).map(|k| 10 * k).collect();
    let (images, labels) = (idx_images(4, 2, 3, &pixels), idx_labels(&[3, 1, 4, 1]));
    let plain =
        idx::read(&file(&folder, "images", &images), &file(&folder, "labels", &labels)).unwrap();
    assert_eq!(plain.shape, Shape { channels: 1, height: 2, width: 3 });
    assert_eq!(plain.labels, [3, 1, 4, 1]);
    let expected: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    assert_eq!(plain.images, expected);
    let compressed = idx::read(
        &file(&folder, "images.gz", &gzip(&images)),
        // Recognised by its bytes, not by its name.
        &file(&folder, "labels.zipped", &gzip(&labels)),
    )
    .unwrap();
    assert_eq!((compressed.images, compressed.labels), (plain.images, plain.labels));
}

#[test]
fn cifar_batches_follow_one_another() {
    let folder = TempDir::new().unwrap();
    let batches = [
        file(&folder, "data_batch_1.bin", &records(&[6, 9])),
        file(&folder, "data_batch_2.bin.gz", &gzip(&records(&[1]))),
    ];
    let examples = cifar::read(&batches, None).unwrap();
    assert_eq!(examples.labels, [6, 9, 1]);
    assert_eq!(examples.shape, Shape { channels: 3, height: 32, width: 32 });
    assert_eq!(examples.images.len(), 3 * 3072);
    // The red plane comes first, row by row: pixel k of a synthetic record is (label + k) mod 256.
    assert_eq!(examples.images[1], 7.0 / 255.0);
    assert_eq!(examples.images[3072 + 1024], ((9 + 1024) % 256) as f32 / 255.0);
}

#[test]
fn a_class_selection_of_whole_batches_is_the_subset_relabelled() {
    let folder = TempDir::new().unwrap();
    let whole = [
        file(&folder, "1", &records(&[6, 1, 0, 9, 0])),
        file(&folder, "2", &records(&[2, 0, 3, 1])),
    ];
    let subset = [file(&folder, "subset", &records(&[1, 0, 0, 0, 1]))];
    let chosen = cifar::read(&whole, Some(&[0, 1])).unwrap();
    let expected = cifar::read(&subset, None).unwrap();
    assert_eq!((chosen.images, chosen.labels), (expected.images, expected.labels));
    // Ascending order of the original label, whatever the order of the request.
    let others = cifar::read(&whole, Some(&[9, 2, 6])).unwrap();
    assert_eq!(others.labels, [1, 2, 0]);
}

#[test]
fn numpy_archives_are_read_whatever_wrote_them() {
    let labels = [0, 1, 2, 0, 1, 2];
    let (train, test) = npz::read(&fixture("float32.npz")).unwrap();
    assert_eq!(train.shape, Shape { channels: 2, height: 3, width: 4 });
    assert_eq!((train.images, &train.labels[..]), (eighths(144), &labels[..]));
    assert!(test.is_none());

    let (train, test) = npz::read(&fixture("uint8.npz")).unwrap();
    assert_eq!(train.shape, Shape { channels: 1, height: 2, width: 3 });
    let scaled: Vec<f32> = (0..36).map(|k| k as f32 / 255.0).collect();
    assert_eq!((&train.images, &train.labels[..]), (&scaled, &labels[..]));
    assert_eq!(test.unwrap().images, scaled[..18]);

    for name in ["big-endian.npz", "gzip.npz.gz"] {
        let (train, _) = npz::read(&fixture(name)).unwrap();
        assert_eq!(train.shape, Shape { channels: 4, height: 1, width: 1 }, "{name}");
        assert_eq!((train.images, &train.labels[..]), (eighths(24), &labels[..]), "{name}");
    }
}

#[test]
fn numpy_pairs_are_read_plain_and_gzip() {
    let folder = TempDir::new().unwrap();
    let examples = npy::read(&fixture("images.npy"), &fixture("labels.npy")).unwrap();
    assert_eq!((&examples.images, &examples.labels[..]), (&eighths(36), &[0, 1, 2, 0, 1, 2][..]));
    let zipped = gzip(&std::fs::read(fixture("images.npy")).unwrap());
    let zipped = npy::read(&file(&folder, "x.npy.gz", &zipped), &fixture("labels.npy")).unwrap();
    assert_eq!(zipped.images, examples.images);
    let version3 = npy::read(&fixture("version3.npy"), &fixture("labels.npy")).unwrap();
    assert_eq!(version3.images, eighths(24));
}
