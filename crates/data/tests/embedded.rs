//! The images inside the program are the published ones.

use minimascope_data::{Description, Shape, embedded};

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
fn a_prefix_is_the_start_of_the_file_and_its_digest_is_fixed() {
    let split = embedded::load("fashion-mnist", Description::named("f")).unwrap();
    let first = split.train().first(1000).unwrap();
    assert_eq!(first.len(), 1000);
    assert_eq!(first.images(), &split.train().images()[..1000 * 784]);
    assert_eq!(first.digest(), split.train().at(&(0..1000).collect::<Vec<_>>()).unwrap().digest());
    assert_ne!(first.digest(), split.train().digest());
}
