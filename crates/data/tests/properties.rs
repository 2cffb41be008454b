//! No bytes whatever make a reader panic or take memory that the bytes do not justify.

mod written;

use std::path::PathBuf;

use minimascope_data::{cifar, idx, npy, npz};
use proptest::prelude::*;
use tempfile::TempDir;
use written::{archive, array, gzip, idx_images, idx_labels, records};

/// Small files that are right, of every format.
fn right() -> Vec<Vec<u8>> {
    let images = idx_images(3, 2, 2, &[7; 12]);
    let x = array("<f4", "(3, 2, 2)", &[0; 48]);
    let y = array("<i8", "(3,)", &[0; 24]);
    vec![
        gzip(&images),
        images,
        idx_labels(&[0, 1, 2]),
        records(&[4]),
        archive(&[("x.npy", x.clone()), ("y.npy", y.clone())]),
        x,
        y,
    ]
}

/// Every reader on the same bytes; what they answer does not matter.
fn read_all(bytes: &[u8]) {
    let folder = TempDir::new().unwrap();
    let file: PathBuf = folder.path().join("file");
    std::fs::write(&file, bytes).unwrap();
    let labels = folder.path().join("labels");
    std::fs::write(&labels, idx_labels(&[0, 1, 2])).unwrap();
    let _ = idx::read(&file, &labels);
    let _ = idx::read(&labels, &file);
    let _ = cifar::read(std::slice::from_ref(&file), None);
    let _ = cifar::read(std::slice::from_ref(&file), Some(&[1]));
    let _ = npy::read(&file, &file);
    let _ = npz::read(&file);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0_usize..6) {
        let starts: [&[u8]; 6] = [
            b"", b"\x1f\x8b\x08", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\0\0\x08\x03", b"\0\0\x08\x01",
        ];
        read_all(&[starts[start], &bytes].concat());
    }

    #[test]
    fn damaged_files(
        which in 0_usize..7,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        compressed: bool,
    ) {
        let mut bytes = right().swap_remove(which);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes);
        let end = cut.index(bytes.len());
        if compressed {
            read_all(&gzip(&bytes[..end]));
        } else {
            read_all(&bytes[..end]);
        }
    }

    #[test]
    fn numpy_headers(text in "[{}()\\[\\]'\":,0-9a-zL<>|fiu \n]{0,80}") {
        read_all(&written::npy(&text, &[0; 16]));
    }
}
