//! Finished runs that many tests start from: each is trained once in a process and copied.

use std::path::Path;
use std::sync::OnceLock;

use super::Place;

/// A run that is trained once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fixture {
    /// `tiny.toml` as it is.
    Tiny,
    /// One that stands at a minimum of its 40 images: [`TO_A_MINIMUM`].
    Minimum,
}

/// What makes `tiny.toml` a run to a minimum: gradient descent until the loss is small.
pub(crate) const TO_A_MINIMUM: [&str; 4] = [
    "train.learning_rate=0.5",
    "train.batch_size=all",
    "train.stop.max_steps=3000",
    "train.stop.full_loss_below=1e-3",
];

/// The files of a run's folder, in memory: nothing is left on disk when the tests end.
struct Stored {
    id: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Fixture {
    /// Copies the finished run into a store: its id.
    pub(super) fn copy_into(self, store: &Path) -> String {
        let stored = self.stored();
        let folder = store.join(&stored.id);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, content) in &stored.files {
            std::fs::write(folder.join(name), content).unwrap();
        }
        stored.id.clone()
    }

    fn stored(self) -> &'static Stored {
        static TINY: OnceLock<Stored> = OnceLock::new();
        static MINIMUM: OnceLock<Stored> = OnceLock::new();
        match self {
            Self::Tiny => TINY.get_or_init(|| Stored::train(&[])),
            Self::Minimum => MINIMUM.get_or_init(|| Stored::train(&TO_A_MINIMUM)),
        }
    }
}

impl Stored {
    fn train(words: &[&str]) -> Self {
        let place = Place::new();
        let folder = place.run_into("runs", words);
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.unwrap();
            // A finished run holds no folders; those come from what is asked of it.
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        };
        Self { id, files: std::fs::read_dir(&folder).unwrap().map(read).collect() }
    }
}
