//! Data is found where it usually lies, and loaded from the right place.

mod written;

use std::fs;
use std::path::{Path, PathBuf};

use minimascope_data::catalogue::KnownDataset;
use minimascope_data::verify::verify;
use minimascope_data::{Error, Request, Split, embedded, layout, listing, load, load_from};
use minimascope_record::architecture::Shape;
use minimascope_record::dataset::Subset;
use tempfile::TempDir;
use written::{archive, array, gzip, idx_images, idx_labels, records};

/// An IDX dataset of `n` one-pixel training images, half as many for tests, in `folder`.
fn plant_idx(folder: &Path, n: u32, compressed: bool) {
    fs::create_dir_all(folder).unwrap();
    for (part, n) in [("train", n), ("t10k", n / 2)] {
        let pixels: Vec<u8> = (0..n).map(|k| k as u8).collect();
        let labels: Vec<u8> = (0..n).map(|k| (k % 10) as u8).collect();
        let files = [
            (format!("{part}-images-idx3-ubyte"), idx_images(n, 1, 1, &pixels)),
            (format!("{part}-labels-idx1-ubyte"), idx_labels(&labels)),
        ];
        for (name, bytes) in files {
            if compressed {
                fs::write(folder.join(name + ".gz"), gzip(&bytes)).unwrap();
            } else {
                fs::write(folder.join(name), bytes).unwrap();
            }
        }
    }
}

fn plant_cifar(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for batch in 1..=5_u8 {
        let name = format!("data_batch_{batch}.bin");
        fs::write(folder.join(name), records(&[batch, 1, 0])).unwrap();
    }
    fs::write(folder.join("test_batch.bin"), records(&[1, 8, 0])).unwrap();
}

fn request(dataset: &str) -> Request {
    Request { dataset: dataset.into(), ..Request::default() }
}

#[test]
fn the_usual_folders_are_found() {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    plant_idx(&place("torchvision/FashionMNIST/raw"), 4, false);
    plant_idx(&place("torchvision/MNIST/raw"), 4, false);
    plant_cifar(&place("torchvision/cifar-10-batches-bin"));
    plant_idx(&place("debian/fashion-mnist"), 4, true);
    let found = |name: &str, directory: &str| {
        layout::find(KnownDataset::by_name(name).unwrap(), &[place("empty"), place(directory)])
            .unwrap()
            .map(|found| found.folder)
    };
    let torchvision = |name: &str| found(name, "torchvision");
    assert_eq!(torchvision("fashion-mnist"), Some(place("torchvision/FashionMNIST/raw")));
    assert_eq!(torchvision("mnist"), Some(place("torchvision/MNIST/raw")));
    for name in ["cifar10", "cifar10-airplane-automobile"] {
        assert_eq!(torchvision(name), Some(place("torchvision/cifar-10-batches-bin")));
    }
    assert_eq!(found("fashion-mnist", "debian"), Some(place("debian/fashion-mnist")));
    assert_eq!(found("mnist", "debian"), None);
    // File names alone do not tell MNIST from its successors.
    assert_eq!(found("fashion-mnist", "debian/fashion-mnist"), None);
    // One file short is not there.
    fs::remove_file(place("debian/fashion-mnist/t10k-labels-idx1-ubyte.gz")).unwrap();
    assert_eq!(found("fashion-mnist", "debian"), None);
}

#[test]
fn debians_folder_and_the_data_directory_are_searched() {
    let searched = layout::directories(Some(Path::new("mine")));
    assert_eq!(searched[..2], [PathBuf::from("mine"), PathBuf::from("data")]);
    assert_eq!(searched.last().unwrap(), Path::new("/usr/share/datasets"));
}

#[test]
fn a_path_is_recognised_by_what_lies_there() {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    plant_idx(&place("MyIdx/raw"), 6, true);
    plant_cifar(&place("my-cifar"));
    fs::create_dir(place("pair")).unwrap();
    fs::write(place("pair/x.npy"), array("|u1", "(3, 2)", &[0; 6])).unwrap();
    fs::write(place("pair/y.npy"), array("|u1", "(3,)", &[0, 4, 1])).unwrap();
    let (x, y) = (array("|u1", "(3, 2)", &[0; 6]), array("|u1", "(3,)", &[0, 4, 1]));
    fs::write(place("some.npz"), archive(&[("x.npy", x), ("y.npy", y)])).unwrap();
    let read = |name: &str| load(&request(&place(name).display().to_string())).unwrap();

    let split = read("MyIdx");
    assert_eq!((split.train().len(), split.test().unwrap().len()), (6, 3));
    // Counted over training and test labels.
    assert_eq!((split.train().classes(), split.test().unwrap().classes()), (6, 6));
    let split = read("my-cifar");
    assert_eq!((split.train().len(), split.train().classes()), (15, 10));
    for name in ["pair", "some.npz"] {
        let split = read(name);
        assert_eq!((split.train().labels(), split.train().classes()), (&[0, 4, 1][..], 5));
        assert_eq!(split.train().shape(), Shape { channels: 2, height: 1, width: 1 });
        assert!(split.test().is_none());
    }
    assert_eq!(read("some.npz").train().name(), "some");
    let below = Request { data_dir: Some(folder.path().into()), ..request("some.npz") };
    assert_eq!(load(&below).unwrap().train().len(), 3);

    fs::write(place("note.txt"), "hello").unwrap();
    let text = load(&request(&place("note.txt").display().to_string())).unwrap_err().to_string();
    assert_eq!(
        text.replace(&folder.path().display().to_string(), "DIR"),
        "DIR/note.txt is not a dataset: give an .npz file, or a folder with IDX files (train-images-idx3-ubyte …), CIFAR-10 batches (data_batch_1.bin …) or x.npy and y.npy"
    );
    assert_eq!(
        load(&request("fashion-mnits")).unwrap_err().to_string(),
        "fashion-mnits is neither a known dataset (fashion-mnist, cifar10-airplane-automobile, cifar10, mnist) nor a path that exists; give one of them"
    );
}

#[test]
fn the_embedded_examples_serve_as_long_as_they_are_enough() {
    let folder = TempDir::new().unwrap();
    plant_idx(&folder.path().join("fashion-mnist"), 6000, true);
    let searched = [folder.path().to_path_buf()];
    let first = |examples| Request {
        train: Subset::First(examples),
        test: Subset::First(5),
        ..request("fashion-mnist")
    };
    let split = load_from(&first(5000), &searched).unwrap();
    assert_eq!(split.train().shape().size(), 784);
    assert_eq!(split.train().source(), "embedded fashion-mnist (5000 training images)");
    assert_eq!(split.test().unwrap().len(), 5);
    // One more than that is only in the planted files, which have one pixel.
    let split = load_from(&first(5001), &searched).unwrap();
    assert_eq!((split.train().len(), split.train().shape().size()), (5001, 1));
    // Classes count before the subset: 10 × 501 examples of one class are not embedded.
    let split = load_from(&Request { classes: Some(vec![3]), ..first(600) }, &searched).unwrap();
    assert_eq!((split.train().len(), split.train().shape().size()), (600, 1));
    assert_eq!(split.train().class_names().unwrap(), ["dress"]);
    // The folder that the user names comes first.
    let named = Request { data_dir: Some(folder.path().into()), ..first(10) };
    assert_eq!(load_from(&named, &[]).unwrap().train().shape().size(), 1);
}

#[test]
fn what_is_not_there_is_said_with_what_to_do() {
    let nowhere = [PathBuf::from("/nowhere"), PathBuf::from("/no/where/else")];
    let refused = |request: &Request| load_from(request, &nowhere).unwrap_err().to_string();
    let first =
        |dataset: &str, examples| Request { train: Subset::First(examples), ..request(dataset) };
    assert_eq!(
        refused(&first("fashion-mnist", 5001)),
        "5001 examples of fashion-mnist were asked for, 5000 are built in and the complete files were not found in /nowhere, /no/where/else; fetch them with `minimascope data fetch fashion-mnist` or give their folder with --data-dir"
    );
    assert_eq!(
        refused(&request("cifar10")),
        "cifar10 was not found in /nowhere, /no/where/else; fetch it with `minimascope data fetch cifar10` or give its folder with --data-dir"
    );
    assert_eq!(
        refused(&first("fashion-mnist", 60_001)),
        "the complete fashion-mnist holds 60000 examples but 60001 were asked for; ask for at most 60000 or give a larger file"
    );
}

#[test]
fn whole_cifar_files_give_the_two_class_problem() {
    let folder = TempDir::new().unwrap();
    plant_cifar(&folder.path().join("cifar-10-batches-bin"));
    let here = |dataset: &str| Request { data_dir: Some(folder.path().into()), ..request(dataset) };
    let subset = load(&here("cifar10-airplane-automobile")).unwrap();
    assert_eq!(subset.train().labels(), [1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(subset.test().unwrap().labels(), [1, 0]);
    assert_eq!(subset.train().class_names().unwrap(), ["airplane", "automobile"]);
    // The same as choosing the classes of the ten-class problem.
    let chosen = load(&Request { classes: Some(vec![1, 0]), ..here("cifar10") }).unwrap();
    assert_eq!(chosen.train().digest(), subset.train().digest());
    assert_eq!(load(&here("cifar10")).unwrap().train().classes(), 10);
}

#[test]
fn every_place_is_listed() {
    let folder = TempDir::new().unwrap();
    plant_cifar(&folder.path().join("cifar-10-batches-bin"));
    let rows = listing::list(Some(folder.path())).unwrap();
    let row = |name: &str, embedded: bool| {
        let is = |place: &Option<String>| (place.as_deref() == Some("embedded")) == embedded;
        rows.iter().find(|row| row.name == name && is(&row.place)).unwrap()
    };
    assert_eq!(row("fashion-mnist", true).train_examples, 5000);
    assert!(row("fashion-mnist", true).place.is_some());
    let place = folder.path().join("cifar-10-batches-bin").display().to_string();
    assert_eq!(row("cifar10", false).place.as_ref(), Some(&place));
    assert_eq!(row("cifar10-airplane-automobile", false).train_examples, 10_000);
    assert_eq!(rows.len(), 6);
    assert!(serde_json::to_string(&rows).unwrap().contains("\"licence\":\"MIT, Zalando SE\""));
}

#[test]
fn verification_tells_published_files_from_others() {
    let folder = TempDir::new().unwrap();
    let fashion = folder.path().join("fashion-mnist");
    plant_idx(&fashion, 4, false);
    // The whole test labels are embedded, so that one file can be the published one.
    let published = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("embedded/fashion-mnist/t10k-labels-idx1-ubyte.gz");
    fs::remove_file(fashion.join("t10k-labels-idx1-ubyte")).unwrap();
    fs::copy(published, fashion.join("t10k-labels-idx1-ubyte.gz")).unwrap();
    fs::write(fashion.join("t10k-images-idx3-ubyte"), &gzip(b"cut")[..12]).unwrap();
    let rows = verify(Some("fashion-mnist"), Some(folder.path())).unwrap();
    assert_eq!(rows.len(), 8);
    let right: Vec<bool> = rows.iter().map(|row| row.right).collect();
    assert_eq!(right, [true, true, true, true, false, false, false, true], "{rows:?}");
    let reason = |row: usize| rows[row].reason.as_deref().unwrap();
    assert!(reason(4).starts_with("its SHA-256 is ") && reason(5).starts_with("its SHA-256 is "));
    assert!(reason(6).contains("truncated"), "{}", reason(6));
    assert!(verify(Some("fashion"), None).is_err());
}

#[test]
fn embedded_files_of_a_dataset_are_those_that_verification_names() {
    assert_eq!(embedded::files("fashion-mnist").len(), 4);
    assert_eq!(embedded::files("cifar10-airplane-automobile").len(), 2);
    assert!(embedded::files("cifar10").is_empty());
}

/// A folder with these training batches of two records each, read as a path.
fn with_batches(numbers: &[u32]) -> Result<Split, String> {
    let folder = TempDir::new().unwrap();
    for number in numbers {
        let name = format!("data_batch_{number}.bin");
        fs::write(folder.path().join(name), records(&[1, 0])).unwrap();
    }
    let path = folder.path().display().to_string();
    load(&request(&path)).map_err(|fault| fault.to_string().replace(&path, "DIR"))
}

#[test]
fn a_gap_between_numbered_batches_is_refused_by_name() {
    for (numbers, missing) in [
        (&[1, 2, 4, 5][..], "data_batch_3.bin"),
        (&[2, 3, 4, 5], "data_batch_1.bin"),
        (&[1, 3, 5], "data_batch_2.bin, data_batch_4.bin"),
    ] {
        assert_eq!(
            with_batches(numbers).unwrap_err(),
            format!(
                "DIR holds data_batch_5.bin but not {missing}; copy there what is missing, or take the rest away"
            )
        );
    }
    let far = with_batches(&[1, u32::MAX]).unwrap_err();
    assert!(far.contains("data_batch_4294967295.bin but not data_batch_2.bin, "), "{far}");
    assert!(far.contains("data_batch_9.bin; ") && !far.contains("data_batch_10.bin"), "{far}");
}

#[test]
fn fewer_batches_at_the_end_are_noted_and_a_count_from_zero_is_read() {
    let whole = with_batches(&[1, 2, 3, 4, 5]).unwrap();
    assert_eq!((whole.train().len(), whole.notes().len()), (10, 0));
    let short = with_batches(&[1, 2, 3]).unwrap();
    assert_eq!(short.train().len(), 6);
    let note = &short.notes()[0];
    assert!(note.ends_with(" holds 3 training batches, CIFAR-10 has 5"), "{note}");
    assert_eq!(with_batches(&[0, 1, 2]).unwrap().train().len(), 6);
}

#[test]
fn cifar_as_pickles_is_refused_with_the_version_that_is_read() {
    let folder = TempDir::new().unwrap();
    let pickles = folder.path().join("cifar-10-batches-py");
    fs::create_dir(&pickles).unwrap();
    fs::write(pickles.join("data_batch_1"), b"\x80\x02}q\x01.").unwrap();
    let here = [folder.path().to_path_buf()];
    let of_path = load(&request(&folder.path().display().to_string()));
    let of_name = load_from(&request("cifar10"), &here);
    for refused in [of_path, of_name] {
        assert_eq!(
            refused.unwrap_err().to_string().replace(&folder.path().display().to_string(), "DIR"),
            "DIR/cifar-10-batches-py holds CIFAR-10 as Python pickles, which are not read; give its binary version, whose batches end in .bin"
        );
    }
}

#[test]
fn images_without_labels_are_not_left_out() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display().to_string();
    let plant = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    let refused = || load(&request(&path)).unwrap_err().to_string().replace(&path, "DIR");
    plant("x.npy", array("|u1", "(2, 2)", &[0; 4]));
    assert!(refused().starts_with("DIR holds x.npy but not y.npy; "), "{}", refused());
    plant("y.npy", array("|u1", "(2,)", &[0, 1]));
    plant("y_test.npy", array("|u1", "(2,)", &[0, 1]));
    assert!(refused().starts_with("DIR holds y_test.npy but not x_test.npy; "), "{}", refused());
    plant("train-images-idx3-ubyte", idx_images(1, 1, 1, &[0]));
    assert!(refused().contains("not train-labels-idx1-ubyte; "), "{}", refused());
    plant("train-labels-idx1-ubyte", idx_labels(&[0]));
    plant("t10k-labels-idx1-ubyte", idx_labels(&[0]));
    assert!(refused().contains("not t10k-images-idx3-ubyte; "), "{}", refused());
}

#[test]
fn part_of_a_known_dataset_is_no_reason_to_take_another() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("cifar-10-batches-bin");
    plant_cifar(&place);
    fs::remove_file(place.join("data_batch_3.bin")).unwrap();
    let here = Request {
        data_dir: Some(folder.path().into()),
        train: Subset::First(1),
        ..request("cifar10-airplane-automobile")
    };
    let refused = load(&here).unwrap_err().to_string();
    assert!(refused.contains("holds data_batch_1.bin but not data_batch_3.bin; "), "{refused}");
    let rows = verify(Some("cifar10"), Some(folder.path())).unwrap();
    let missing = rows.iter().find(|row| row.file.ends_with("data_batch_3.bin")).unwrap();
    assert_eq!((missing.right, missing.reason.as_deref()), (false, Some("it is missing")));
    // Labels that cannot be read may be those of any dataset of the MNIST family.
    let idx = folder.path().join("idx");
    plant_idx(&idx, 4, true);
    let labels = idx.join("train-labels-idx1-ubyte.gz");
    fs::write(&labels, &fs::read(&labels).unwrap()[..20]).unwrap();
    let damaged = Request { data_dir: Some(idx), ..request("fashion-mnist") };
    assert!(matches!(load(&damaged), Err(Error::DamagedGzip { .. })));
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let nowhere = Path::new("nowhere/at/all");
    let named = Request { data_dir: Some(nowhere.into()), ..request("fashion-mnist") };
    for refused in [
        load(&named).map(drop).unwrap_err(),
        verify(None, Some(nowhere)).map(drop).unwrap_err(),
        listing::list(Some(nowhere)).map(drop).unwrap_err(),
    ] {
        assert_eq!(
            refused.to_string(),
            "nowhere/at/all is not a folder; give one that exists with --data-dir or data.folder"
        );
    }
}

/// An archive with `x` of three vectors, `y`, and other arrays.
fn of_archive(x: &[f32], others: &[&str], classes: Option<Vec<u32>>) -> Result<Split, Error> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("some.npz");
    let bytes: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
    let x = array("<f4", &format!("(3, {})", x.len() / 3), &bytes);
    let mut members =
        vec![("x.npy".to_owned(), x), ("y.npy".to_owned(), array("|u1", "(3,)", &[0, 2, 1]))];
    members.extend(others.iter().map(|name| (format!("{name}.npy"), array("|u1", "(1,)", &[0]))));
    let members: Vec<_> = members.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    fs::write(&path, archive(&members)).unwrap();
    load(&Request { classes, ..request(&path.display().to_string()) })
}

#[test]
fn what_is_unusual_about_a_file_is_noted() {
    assert!(of_archive(&[0.5, -2.9, 1.0], &[], None).unwrap().notes().is_empty());
    let notes = of_archive(&[0.5, -255.0, 1.0], &["x_val", "y_val"], None).unwrap();
    let [arrays, pixels] = notes.notes() else { panic!("{:?}", notes.notes()) };
    assert!(arrays.ends_with("also holds the arrays [x_val, y_val], which are not read"));
    assert!(pixels.contains(" reach 255 in magnitude, those of an image 1"), "{pixels}");
}

#[test]
fn a_class_without_an_example_is_a_class_and_noted() {
    let split = of_archive(&[0.0; 3], &[], Some(vec![0, 1, 2, 3])).unwrap();
    assert_eq!((split.train().classes(), split.train().labels()), (4, &[0, 2, 1][..]));
    let note = &split.notes()[0];
    assert!(note.starts_with("data.classes names class 3, of which "), "{note}");
    // Of a dataset with a name the classes are known.
    let known = Request { classes: Some(vec![0, 10]), ..request("fashion-mnist") };
    assert!(matches!(load(&known), Err(Error::UnknownClass { class: 10, .. })));
    let beyond = of_archive(&[0.0; 3], &[], Some(vec![0, u32::MAX]));
    assert!(matches!(beyond, Err(Error::UnknownClass { .. })));
}
