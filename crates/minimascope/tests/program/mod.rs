//! The program, as a user starts it, and a run that takes a moment.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

mod fixture;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use fixture::{Fixture, TO_A_MINIMUM};

/// 314 parameters in f64 on 40 images of two classes.
pub(crate) const TINY: &str = r#"
precision = "f64"

[model.architecture]
input = { channels = 1, height = 28, width = 28 }
layers = [
    { kind = "average-pool", window = 4 },
    { kind = "linear", outputs = 6 },
    { kind = "activation", function = "tanh" },
    { kind = "linear", outputs = 2 },
]

[data]
source = "fashion-mnist"
classes = [0, 1]
train = { first = 40 }
test = { first = 50 }

[train]
learning_rate = 0.05
batch_size = 7
seed = 3
stop = { max_steps = 400 }
"#;

/// A folder with `tiny.toml` in it, where the program is started.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Self { folder }
    }

    /// A folder with a finished run in `runs/`, of its own: a test may write into it. And its id.
    pub(crate) fn with_run(fixture: Fixture) -> (Self, String) {
        let place = Self::new();
        let id = place.add(fixture);
        (place, id)
    }

    /// Puts a finished run into `runs/`: its id.
    pub(crate) fn add(&self, fixture: Fixture) -> String {
        fixture.copy_into(&self.path().join("runs"))
    }

    /// The folder of a run in `runs/`.
    pub(crate) fn run_folder(&self, id: &str) -> PathBuf {
        self.path().join("runs").join(id)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    /// The program with these words, and without what the machine may have of data.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("minimascope"));
        command.current_dir(self.path()).env("HOME", self.path()).env_remove("XDG_DATA_HOME");
        command.args(words);
        command
    }

    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// stdout of a command that must succeed.
    pub(crate) fn stdout(&self, words: &[&str]) -> String {
        let output = self.output(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.stdout(words)).unwrap()
    }

    /// `run tiny.toml` into `out` with more words: its folder.
    pub(crate) fn run_into(&self, out: &str, more: &[&str]) -> PathBuf {
        let words = [&["run", "tiny.toml", "--json", "--out", out], more].concat();
        let result = self.json(&words);
        self.path().join(result["folder"].as_str().unwrap())
    }
}

/// The id of a run by its folder.
pub(crate) fn id_of(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

/// What a program says that gets Ctrl-C, and ends by it.
#[cfg(unix)]
pub(crate) fn interrupted(child: Child) -> Output {
    let mut kill = Command::new("kill");
    assert!(kill.args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The files of a run that must not differ between two of the same id.
pub(crate) const RESULTS: [&str; 3] = ["outcome.json", "final.safetensors", "steps.jsonl"];

pub(crate) fn assert_same_files(one: &Path, other: &Path, names: &[&str]) {
    assert_eq!(one.file_name(), other.file_name(), "the same run");
    for name in names {
        let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert!(read(one) == read(other), "{name} differs: {} {}", one.display(), other.display());
    }
}
