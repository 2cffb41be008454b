//! Named configurations of runs and named sweeps, as files inside the program.

use crate::Error;
use crate::config::keys::nearest;

const PRESETS: [(&str, &str); 3] = [
    ("fashion-mnist-fnn", include_str!("../presets/fashion-mnist-fnn.toml")),
    ("cifar10-vgg", include_str!("../presets/cifar10-vgg.toml")),
    ("fashion-mnist-fnn-corrupted", include_str!("../presets/fashion-mnist-fnn-corrupted.toml")),
];

const SWEEPS: [(&str, &str); 1] = [("paper", include_str!("../presets/paper.toml"))];

/// The file of a named sweep.
pub fn sweep(name: &str) -> Option<&'static str> {
    SWEEPS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Names of the run presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The configuration file of a run preset.
///
/// # Errors
/// [`Error::UnknownPreset`].
pub fn text(name: &str) -> Result<&'static str, Error> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        Error::UnknownPreset {
            name: name.to_owned(),
            nearest: nearest(name, names()).map(str::to_owned),
            known: names().collect(),
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::config::sources::Sources;

    #[test]
    fn every_preset_is_a_complete_configuration() {
        for name in super::names() {
            let configured = Sources::from_preset(name).unwrap().complete().unwrap();
            assert_eq!(configured.config.train.stop.average_batch_loss_below, Some(1e-4), "{name}");
            assert_eq!(configured.config.train.learning_rate, 0.1, "{name}");
        }
    }
}
