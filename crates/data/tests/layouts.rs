//! Data is found where it usually lies, and loaded from the right place.

mod written;

use std::fs;
use std::path::{Path, PathBuf};

use minimascope_data::catalogue::KnownDataset;
use minimascope_data::verify::verify;
use minimascope_data::{Request, embedded, layout, listing, load, load_from};
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
    let rows = listing::list(Some(folder.path()));
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
