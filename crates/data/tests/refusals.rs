//! Every way a file can be wrong is refused with one sentence that names it.

mod written;

use std::path::{Path, PathBuf};

use minimascope_data::{Dataset, Description, Error, LabelledImages, Split, cifar, idx, npy, npz};
use minimascope_record::architecture::Shape;
use tempfile::TempDir;
use written::{archive, array, gzip, idx_images, idx_labels, npy as npy_file, records};

/// The text of the error, the temporary folder shortened to DIR.
fn text<T>(folder: &TempDir, result: Result<T, Error>) -> String {
    let Err(error) = result else { panic!("it was not refused") };
    error.to_string().replace(&folder.path().display().to_string(), "DIR")
}

struct Planted {
    folder: TempDir,
}

impl Planted {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

#[test]
fn idx_files() {
    let planted = Planted::new();
    let good_labels = idx_labels(&[0, 1]);
    let good_images = idx_images(2, 1, 2, &[1, 2, 3, 4]);
    let truncated_gzip = gzip(&good_images)[..20].to_vec();
    let cases: [(&[u8], &[u8], &str); 9] = [
        (
            &good_images[..18],
            &good_labels,
            "DIR/images is truncated: 4 bytes were expected and 2 are there; copy or fetch it again",
        ),
        (
            &good_images[..9],
            &good_labels,
            "DIR/images is truncated: 16 bytes were expected and 9 are there; copy or fetch it again",
        ),
        (
            b"",
            &good_labels,
            "DIR/images is truncated: 16 bytes were expected and 0 are there; copy or fetch it again",
        ),
        (
            &good_labels,
            &good_labels,
            "DIR/images is not an IDX file of images: it starts with bytes [00, 00, 08, 01] instead of [00, 00, 08, 03]; give the right file",
        ),
        (
            &good_images,
            b"\x89PNG",
            "DIR/labels is not an IDX file of labels: it starts with bytes [89, 50, 4e, 47] instead of [00, 00, 08, 01]; give the right file",
        ),
        (
            &idx_images(2, 1, 2, &[1, 2, 3, 4, 5]),
            &good_labels,
            "DIR/images goes on after the 4 bytes its header announces; it is damaged or not the file it seems, copy or fetch it again",
        ),
        (
            &good_images,
            &idx_labels(&[0, 1, 2]),
            "DIR/images holds 2 images but DIR/labels holds 3 labels; give files that belong together",
        ),
        (
            &idx_images(u32::MAX, u32::MAX, u32::MAX, &[1]),
            &good_labels,
            "DIR/images announces [4294967295, 4294967295, 4294967295] numbers, more than any file holds; its header is damaged, copy or fetch it again",
        ),
        (
            &idx_images(u32::MAX, 60_000, 60_000, &[1]),
            &good_labels,
            "DIR/images is truncated: 15461882262000000000 bytes were expected and 1 are there; copy or fetch it again",
        ),
    ];
    for (images, labels, expected) in cases {
        let result = idx::read(&planted.file("images", images), &planted.file("labels", labels));
        assert_eq!(text(&planted.folder, result), expected);
    }
    // The reason in between is the decompressor's.
    let result =
        idx::read(&planted.file("images", &truncated_gzip), &planted.file("labels", &good_labels));
    let text_of_gzip = text(&planted.folder, result);
    assert!(
        text_of_gzip.starts_with(
            "DIR/images is truncated or damaged: its gzip data cannot be decompressed ("
        ) && text_of_gzip.ends_with("); copy or fetch it again"),
        "{text_of_gzip}"
    );
    let absent = planted.folder.path().join("absent");
    assert_eq!(
        text(&planted.folder, idx::read(&absent, &absent)),
        "DIR/absent cannot be read (No such file or directory (os error 2)); check the path and its permissions"
    );
}

#[test]
fn cifar_files() {
    let planted = Planted::new();
    let refused = |bytes: &[u8], classes: Option<&[u32]>| {
        text(&planted.folder, cifar::read(&[planted.file("batch.bin", bytes)], classes))
    };
    assert_eq!(
        refused(&records(&[1, 2])[..4000], None),
        "DIR/batch.bin is truncated: 6146 bytes were expected and 4000 are there; copy or fetch it again"
    );
    assert_eq!(
        refused(&records(&[1, 10]), None),
        "DIR/batch.bin: the label of example 1 is 10, but labels must be 0 to 9; correct the file or the number of classes"
    );
    assert_eq!(
        refused(b"", None),
        "DIR/batch.bin holds no examples; give another file or other classes"
    );
    assert_eq!(
        refused(&records(&[1, 2]), Some(&[7])),
        "DIR/batch.bin holds no examples; give another file or other classes"
    );
    assert_eq!(
        refused(&records(&[1, 2]), Some(&[10])),
        "DIR/batch.bin has classes 0 to 9, not 10; choose among them"
    );
}

#[test]
fn numpy_arrays() {
    let planted = Planted::new();
    let floats = |numbers: &[f32]| -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    };
    let images = array("<f4", "(2, 1)", &floats(&[0.5, 1.5]));
    let labels = array("|u1", "(2,)", &[0, 1]);
    let signed: Vec<u8> = [-1_i32, 1].iter().flat_map(|label| label.to_le_bytes()).collect();
    let huge: Vec<u8> = [0, u64::MAX].iter().flat_map(|label| label.to_le_bytes()).collect();
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        std::fs::read(folder.join(name)).unwrap()
    };
    let cases: [(Vec<u8>, Vec<u8>, &str); 21] = [
        (
            images[..images.len() - 1].to_vec(),
            labels.clone(),
            "DIR/x.npy is truncated: 8 bytes were expected and 7 are there; copy or fetch it again",
        ),
        (
            images[..40].to_vec(),
            labels.clone(),
            "DIR/x.npy is truncated: 60 bytes were expected and 30 are there; copy or fetch it again",
        ),
        (
            [images.clone(), vec![0]].concat(),
            labels.clone(),
            "DIR/x.npy goes on after the 8 bytes its header announces; it is damaged or not the file it seems, copy or fetch it again",
        ),
        (
            b"\x93NUMPI\x01\x00".to_vec(),
            labels.clone(),
            "DIR/x.npy is not a NumPy .npy array: it starts with bytes [93, 4e, 55, 4d, 50, 49] instead of [93, 4e, 55, 4d, 50, 59]; give the right file",
        ),
        (
            b"\x93NUMPY\x04\x00".to_vec(),
            labels.clone(),
            "DIR/x.npy has a NumPy header that cannot be used: its version is 4, not 1, 2 or 3; write numpy.ascontiguousarray of the array with numpy.save",
        ),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            labels.clone(),
            "DIR/x.npy has a NumPy header that cannot be used: it is 4294967295 bytes long, the most is 10000; write numpy.ascontiguousarray of the array with numpy.save",
        ),
        (
            npy_file(&"[".repeat(9_000), &[]),
            labels.clone(),
            "DIR/x.npy has a NumPy header that cannot be used: it is not a dictionary of descr, fortran_order and shape (cannot recurse further; max recursion depth met); write numpy.ascontiguousarray of the array with numpy.save",
        ),
        (
            array("<f4", "(4294967296, 4294967296, 4294967296)", &[]),
            labels.clone(),
            "DIR/x.npy announces [4294967296, 4294967296, 4294967296] numbers, more than any file holds; its header is damaged, copy or fetch it again",
        ),
        (
            array("<f4", "(1099511627776, 1024)", &[1]),
            labels.clone(),
            "DIR/x.npy is truncated: 4503599627370496 bytes were expected and 1 are there; copy or fetch it again",
        ),
        (
            fixture("fortran.npy"),
            labels.clone(),
            "DIR/x.npy has a NumPy header that cannot be used: the array is in Fortran order; write numpy.ascontiguousarray of the array with numpy.save",
        ),
        (
            fixture("records.npy"),
            labels.clone(),
            "DIR/x.npy holds structured records, but it must be float32, float64 or integers; convert it with astype",
        ),
        (
            fixture("complex.npy"),
            labels.clone(),
            "DIR/x.npy holds <c16, but it must be float32, float64 or integers; convert it with astype",
        ),
        (
            array("<i8", "(2, 1)", &[0; 16]),
            labels.clone(),
            "DIR/x.npy holds int64, but it must be float32, float64 or uint8 for images; convert it with astype",
        ),
        (
            array("<f4", "(2,)", &[0; 8]),
            labels.clone(),
            "DIR/x.npy has shape [2], but it must be (n, d), (n, h, w) or (n, c, h, w) for images; reshape it",
        ),
        (
            array("|u1", "(1, 6, 5, 3)", &[0; 90]),
            labels.clone(),
            "DIR/x.npy has shape [1, 6, 5, 3] with the channels last, but images are read as (n, c, h, w); save numpy.ascontiguousarray(x.transpose(0, 3, 1, 2)) instead of x",
        ),
        (
            array("<f8", "(2, 1)", &[0.5, 1e300].map(f64::to_le_bytes).concat()),
            labels.clone(),
            "DIR/x.npy: pixel 0 of example 1 is 1e300, but pixels must be finite in single precision; correct the file",
        ),
        (
            images.clone(),
            images.clone(),
            "DIR/y.npy holds float32, but it must be integers for labels; convert it with astype",
        ),
        (
            images.clone(),
            array("|u1", "(2, 2)", &[0; 4]),
            "DIR/y.npy has shape [2, 2], but it must be (n) or (n, 1) for labels; reshape it",
        ),
        (
            images.clone(),
            array("<i4", "(2,)", &signed),
            "DIR/y.npy: the label of example 0 is -1, but labels must be 0 to 65535; correct the file or the number of classes",
        ),
        (
            images.clone(),
            array("<u4", "(2, 1)", &[0xff, 0xff, 0, 0, 0, 0, 1, 0]),
            "DIR/y.npy: the label of example 1 is 65536, but labels must be 0 to 65535; correct the file or the number of classes",
        ),
        (
            images.clone(),
            array("<u8", "(2,)", &huge),
            "DIR/y.npy: the label of example 1 is 18446744073709551615, but labels must be 0 to 65535; correct the file or the number of classes",
        ),
    ];
    for (images, labels, expected) in cases {
        let result = npy::read(&planted.file("x.npy", &images), &planted.file("y.npy", &labels));
        assert_eq!(text(&planted.folder, result), expected);
    }
}

/// Which of four sides are the channels.
#[test]
fn numpy_images_of_four_dimensions() {
    let planted = Planted::new();
    let labels = planted.file("y.npy", &array("|u1", "(1,)", &[0]));
    for (shape, expected) in [
        ("(1, 3, 32, 32)", Some((3, 32, 32))),
        ("(1, 1, 8, 3)", Some((1, 8, 3))),
        ("(1, 4, 8, 3)", Some((4, 8, 3))),
        ("(1, 784, 1, 1)", Some((784, 1, 1))),
        ("(1, 64, 4, 4)", Some((64, 4, 4))),
        ("(1, 8, 6, 1)", Some((1, 8, 6))),
        ("(1, 32, 32, 3)", None),
        ("(1, 32, 32, 4)", None),
        ("(1, 5, 9, 3)", None),
    ] {
        let sides = shape.trim_matches(['(', ')']).split(", ").map(|side| side.parse::<usize>());
        let size = sides.map(Result::unwrap).product();
        let images = planted.file("x.npy", &array("|u1", shape, &vec![0; size]));
        let read = npy::read(&images, &labels);
        let found = read.ok().map(|read| read.shape);
        let expected = expected.map(|(channels, height, width)| Shape { channels, height, width });
        assert_eq!(found, expected, "{shape}");
    }
}

#[test]
fn numpy_headers() {
    let planted = Planted::new();
    let labels = planted.file("y.npy", &array("|u1", "(1,)", &[0]));
    for (header, reason) in [
        ("", "string values must be quoted, expected literal string"),
        ("{'descr': '<f4', 'fortran_order': False}", "missing field `shape`"),
        ("{'fortran_order': False, 'shape': (2,)}", "missing field `descr`"),
        ("{'descr': '<f4', 'shape': (2,)}", "missing field `fortran_order`"),
        ("{'descr': '<f4', 'fortran_order': 1}", "invalid type: integer `1`, expected a boolean"),
        ("{3: 4}", "unknown field `3`, expected one of `descr`, `fortran_order`, `shape`"),
        (
            "{'colour': 3}",
            "unknown field `colour`, expected one of `descr`, `fortran_order`, `shape`",
        ),
        ("{'shape': (-2,)}", "invalid value: integer `-2`, expected u64"),
        ("{'shape': (2", "unclosed array, expected `]`"),
        (
            "{'shape': (18446744073709551616,)}",
            "invalid type: integer `18446744073709551616` as i128, expected u64",
        ),
        ("{'shape': (2,) 'descr': '<f4'}", "missing comma between key-value pairs, expected `,`"),
    ] {
        let result = npy::read(&planted.file("x.npy", &npy_file(header, &[])), &labels);
        let expected = format!(
            "DIR/x.npy has a NumPy header that cannot be used: it is not a dictionary of descr, fortran_order and shape ({reason}); write numpy.ascontiguousarray of the array with numpy.save"
        );
        assert_eq!(text(&planted.folder, result), expected);
    }
    // Old Pythons and other writers: long integers, other quotes and spaces, keys in any order.
    for header in [
        "{'shape': (1L, 1L), \"descr\": \"<f4\", 'fortran_order': False}",
        "{'descr':'<f4','fortran_order':False,'shape':(1,1)}",
    ] {
        let images = planted.file("x.npy", &npy_file(header, &0.5_f32.to_le_bytes()));
        assert_eq!(npy::read(&images, &labels).unwrap().images, [0.5]);
    }
}

#[test]
fn numpy_archives() {
    let planted = Planted::new();
    let refused = |bytes: &[u8]| text(&planted.folder, npz::read(&planted.file("a.npz", bytes)));
    let (x, y) = (array("|u1", "(2, 1)", &[1, 2]), array("|u1", "(2,)", &[0, 1]));
    assert_eq!(
        refused(&archive(&[("images.npy", x.clone()), ("y.npy", y.clone())])),
        "DIR/a.npz holds the arrays [images, y] but not x and y, or x_train and y_train; name them so with numpy.savez"
    );
    let half = [("x.npy", x.clone()), ("y.npy", y.clone()), ("x_test.npy", x.clone())];
    assert_eq!(
        refused(&archive(&half)),
        "DIR/a.npz holds the arrays [x, x_test, y] but not x_test and y_test; name them so with numpy.savez"
    );
    assert_eq!(
        refused(&archive(&[("x.npy", x.clone()), ("y.npy", array("|u1", "(1,)", &[0]))])),
        "DIR/a.npz/x.npy holds 2 images but DIR/a.npz/y.npy holds 1 labels; give files that belong together"
    );
    let whole = archive(&[("x.npy", x.clone()), ("y.npy", y)]);
    // No writer makes two members of one name: the last name becomes the first one's.
    let named = archive(&[
        ("x.npy", x.clone()),
        ("y.npy", array("|u1", "(2,)", &[0, 1])),
        ("z.npy", x.clone()),
    ]);
    for name in ["x.npy", "y.npy"] {
        let mut twice = named.clone();
        for at in 0..twice.len() - 4 {
            if twice[at..].starts_with(b"z.npy") {
                twice[at..at + 5].copy_from_slice(name.as_bytes());
            }
        }
        assert_eq!(
            refused(&twice),
            "DIR/a.npz cannot be read as a NumPy .npz archive (it has two members of one name); copy it again or write it with numpy.savez"
        );
    }
    assert!(
        refused(&whole[..whole.len() / 2])
            .starts_with("DIR/a.npz cannot be read as a NumPy .npz archive (")
    );
    // A member's bytes that no longer fit its checksum.
    let mut damaged = whole;
    let at = damaged.windows(x.len()).position(|bytes| bytes == x).unwrap() + x.len() - 1;
    damaged[at] ^= 1;
    assert_eq!(
        refused(&damaged),
        "DIR/a.npz/x.npy cannot be read as a NumPy .npz archive (Invalid checksum); copy it again or write it with numpy.savez"
    );
}

#[test]
fn examples_that_do_not_fit() {
    let examples = |images: &[f32], labels: &[u32]| LabelledImages {
        shape: Shape { channels: 1, height: 1, width: 2 },
        images: images.to_vec(),
        labels: labels.to_vec(),
        source: "file".into(),
    };
    let two = |names: usize| Description {
        name: "two".into(),
        classes: Some(2),
        class_names: Some(vec!["a".into(); names]),
    };
    let refused = |description, images: &[f32], labels: &[u32]| {
        Dataset::new(description, examples(images, labels)).unwrap_err().to_string()
    };
    assert_eq!(
        refused(two(2), &[0., 1., 2., f32::NAN], &[0, 1]),
        "file: pixel 1 of example 1 is NaN, but pixels must be finite in single precision; correct the file"
    );
    assert_eq!(
        refused(two(2), &[f32::NEG_INFINITY, 1.], &[0]),
        "file: pixel 0 of example 0 is -inf, but pixels must be finite in single precision; correct the file"
    );
    assert_eq!(
        refused(two(2), &[0., 1., 2., 3.], &[0, 2]),
        "file: the label of example 1 is 2, but labels must be 0 to 1; correct the file or the number of classes"
    );
    assert_eq!(
        refused(two(2), &[0., 1., 2.], &[0]),
        "file holds 3 pixels for 1 labels of 1×1×2 pixels; give files that belong together"
    );
    assert_eq!(
        refused(two(3), &[0., 1.], &[0]),
        "file: 3 class names were given for 2 classes; give one for each"
    );
    assert_eq!(
        refused(two(2), &[], &[]),
        "file holds no examples; give another file or other classes"
    );
    let overflowing = LabelledImages {
        shape: Shape { channels: usize::MAX, height: usize::MAX, width: 2 },
        ..examples(&[], &[0])
    };
    assert!(Dataset::new(two(2), overflowing).is_err());

    let train = Dataset::new(two(2), examples(&[0., 1.], &[0])).unwrap();
    let test = Dataset::new(Description::named("test"), examples(&[0., 1.], &[0])).unwrap();
    assert_eq!(
        Split::new(train, Some(test)).unwrap_err().to_string(),
        "file (1×1×2, 2 classes) and file (1×1×2, 1 classes) do not belong together; give training and test files of one dataset"
    );
}
