//! Architectures by name: the two of the 2018 study, and a few that show the other layers.

use minimascope_record::architecture::Architecture;

const PRESETS: [(&str, &str); 5] = [
    ("fashion-mnist-fnn", include_str!("../presets/fashion-mnist-fnn.toml")),
    ("cifar10-vgg", include_str!("../presets/cifar10-vgg.toml")),
    ("lenet5", include_str!("../presets/lenet5.toml")),
    ("residual", include_str!("../presets/residual.toml")),
    ("linear", include_str!("../presets/linear.toml")),
];

/// The names, in the order they are listed.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The architecture of a name.
pub fn architecture(name: &str) -> Option<Architecture> {
    source(name).map(|text| toml::from_str(text).expect("presets are checked by a test"))
}

/// The text a preset is read from: an example of how to write one's own.
pub fn source(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    /// 392,500 + 2·250,500 + 5,010 and 448 + 2,320 + 4,640 + 18,496 + 36,928 + 8,320 + 258;
    /// LeCun 1998 with 6 and 16 channels and 120, 84, 10 units on 28×28 images.
    #[test]
    fn parameter_counts_are_those_of_the_literature() {
        let counts = [
            ("fashion-mnist-fnn", 898_510),
            ("cifar10-vgg", 71_410),
            ("lenet5", 61_706),
            ("linear", 7_850),
        ];
        for (name, expected) in counts {
            let network = Network::new(&architecture(name).unwrap()).unwrap();
            assert_eq!(network.parameters(), expected, "{name}");
            let table: usize = network.layers().iter().map(|layer| layer.parameters).sum();
            assert_eq!(table, expected, "{name}: the layer table");
        }
        for name in names() {
            assert!(Network::new(&architecture(name).unwrap()).is_ok(), "{name}");
        }
    }
}
