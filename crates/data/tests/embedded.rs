//! The images inside the program are the published ones.

use minimascope_data::{Dataset, Description, LabelledImages, embedded};
use minimascope_record::architecture::Shape;

#[test]
fn digests_equal_the_readme() {
    let readme = include_str!("../embedded/README.md");
    let files = embedded::FASHION_MNIST.iter().chain(&embedded::CIFAR10_AIRPLANE_AUTOMOBILE);
    let mut checked = 0;
    for file in files {
        let line = readme
            .lines()
            .find(|line| line.split_whitespace().next() == Some(file.name))
            .unwrap_or_else(|| panic!("{} is not in the README", file.name));
        let published = line.split_whitespace().nth(1).unwrap();
        assert_eq!(file.sha256, published, "{}: the program's list", file.name);
        assert_eq!(file.actual_sha256().unwrap(), published, "{}: the content", file.name);
        checked += 1;
    }
    assert_eq!(checked, 6);
}

#[test]
fn fashion_mnist_has_its_published_sizes() {
    let split = embedded::load("fashion-mnist", Description::named("f")).unwrap();
    let (train, test) = split.into_parts();
    let test = test.unwrap();
    assert_eq!(train.shape(), Shape { channels: 1, height: 28, width: 28 });
    assert_eq!((train.len(), train.classes(), test.len(), test.classes()), (5000, 10, 10_000, 10));
    // The first training labels of Fashion-MNIST: boot, T-shirt, T-shirt, dress, T-shirt.
    assert_eq!(train.labels()[..5], [9, 0, 0, 3, 0]);
    // 1,000 test images a class.
    for class in 0..10 {
        assert_eq!(test.labels().iter().filter(|&&label| label == class).count(), 1000);
    }
    assert!(train.images().iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    assert!(train.images().contains(&1.0));
}

#[test]
fn cifar_subset_has_its_published_sizes() {
    let split = embedded::load("cifar10-airplane-automobile", Description::named("c")).unwrap();
    let (train, test) = split.into_parts();
    let test = test.unwrap();
    assert_eq!(train.shape(), Shape { channels: 3, height: 32, width: 32 });
    assert_eq!((train.len(), train.classes(), test.len(), test.classes()), (1000, 2, 2000, 2));
    assert_eq!(test.labels().iter().filter(|&&label| label == 0).count(), 1000);
}

#[test]
fn digests_of_the_studys_examples_equal_those_of_another_implementation() {
    // hashlib.sha256 over struct.pack('<5Q', C, H, W, classes, n), the pixels / 255 as NumPy 2.4.6's
    // float32 and the labels as uint32: the first 1,000 training images of each set.
    for (dataset, classes, digest) in [
        ("fashion-mnist", 10, "621a90dc9eeede7c2b46da5cc71c27e6a028a5ac21d219a2fd015a9558e22879"),
        (
            "cifar10-airplane-automobile",
            2,
            "66736d8bdf17f24a4958764e218a6b1899b84f9dc3194b4d54020dc889088dce",
        ),
    ] {
        let description = Description { classes: Some(classes), ..Description::named(dataset) };
        let split = embedded::load(dataset, description).unwrap();
        let first = split.train().first(1000).unwrap();
        assert_eq!(first.images(), &split.train().images()[..1000 * first.shape().size()]);
        assert_eq!(first.digest(), digest, "{dataset}");
    }
}

#[test]
fn a_digest_sees_every_part() {
    let dataset = |shape: [usize; 3], classes, images: [f32; 4], labels: [u32; 2]| {
        let [channels, height, width] = shape;
        let description = Description { classes: Some(classes), ..Description::named("d") };
        let examples = LabelledImages {
            shape: Shape { channels, height, width },
            images: images.to_vec(),
            labels: labels.to_vec(),
            source: "s".into(),
        };
        Dataset::new(description, examples).unwrap().digest().to_owned()
    };
    let pixels = [0.0, 1.0, 2.0, 3.0];
    let different = std::collections::BTreeSet::from([
        dataset([2, 1, 1], 2, pixels, [0, 1]),
        dataset([1, 2, 1], 2, pixels, [0, 1]),
        dataset([1, 1, 2], 2, pixels, [0, 1]),
        dataset([2, 1, 1], 3, pixels, [0, 1]),
        dataset([2, 1, 1], 2, [0.0, 1.0, 2.0, 4.0], [0, 1]),
        dataset([2, 1, 1], 2, pixels, [1, 0]),
    ]);
    assert_eq!(different.len(), 6);
}
