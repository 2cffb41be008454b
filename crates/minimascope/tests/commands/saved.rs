//! What commands leave in a run's folder: whole files, a file a question, for everyone to read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{Fixture, Place};
#[cfg(target_os = "linux")]
use crate::program::{interrupted, text};

/// Every file below a folder, by its path from there.
fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            files.extend(files_below(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            files.insert(name.to_owned());
        }
    }
    files
}

#[test]
fn an_answer_is_a_file_of_its_question_as_it_is_printed() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let folder = place.run_folder(&id);
    let before = files_below(&folder);
    let questions: [(&[&str], &str); 4] = [
        (&["measure", "--top", "2"], "spectrum/top-2.json"),
        (&["measure", "--density", "--trace"], "spectrum/density-trace.json"),
        (
            &["stability", "--batch-size", "4", "--momentum", "0.9", "--quick"],
            "stability/batch-size-4-momentum-0.9-reshuffled-epochs-quick.json",
        ),
        (
            &["stability", "--quick"],
            "stability/learning-rate-0.5-batch-size-40-reshuffled-epochs-quick.json",
        ),
    ];
    let mut expected = before;
    for (words, file) in questions {
        let printed = place.json(&[&words[..1], &[&id], &words[1..], &["--json"]].concat());
        expected.insert(file.to_owned());
        assert_eq!(files_below(&folder), expected, "{words:?}");
        let saved: Value = serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
        assert_eq!(saved, printed, "{file}");
    }
    // Nothing was asked about the spectrum.
    place.stdout(&["measure", &id]);
    assert_eq!(files_below(&folder), expected);
}

/// The parameters too, which the library of their format would write for the user alone.
#[cfg(unix)]
#[test]
fn whoever_may_read_what_the_user_writes_may_read_a_run() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    place.write("usual", "");
    let usual = fs::metadata(place.path().join("usual")).unwrap().permissions().mode();
    let words = ["train.stop.max_steps=20", "checkpoint.every_steps=5", "observe.loss_every=1"];
    let folder = place.run_into("runs", &words);
    let id = crate::program::id_of(&folder);
    place.stdout(&["measure", id, "--top", "1"]);
    place.stdout(&["stability", id, "--quick", "--boundary", "--attribution", "2"]);
    let launch = ["escape", id, "--learning-rate", "0.1", "--batch-size", "4", "--quick"];
    place.stdout(&[&launch[..], &["--steps", "5"]].concat());
    let files = files_below(&folder);
    for kind in ["final.safetensors", "outcome.json", "spectrum/", "stability/", "escape/"] {
        assert!(files.iter().any(|file| file.starts_with(kind)), "{kind}: {files:?}");
    }
    for file in files {
        let mode = fs::metadata(folder.join(&file)).unwrap().permissions().mode();
        assert_eq!(mode, usual, "{file}: {mode:o}, not {usual:o}");
    }
}

/// Whether a process has a handler of Ctrl-C: a command sets it just before it measures.
#[cfg(target_os = "linux")]
fn handles_interrupts(process: u32) -> bool {
    const SIGINT: u64 = 2;
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (SIGINT - 1)) != 0)
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_measurement_leaves_no_file() {
    use std::process::Stdio;
    use std::time::Duration;

    // 18,010 parameters on 300 images: the density takes seconds.
    let place = Place::new();
    let long = [
        ("classes = [0, 1]", "classes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"),
        ("first = 40", "first = 300"),
        ("outputs = 6", "outputs = 300"),
        ("outputs = 2", "outputs = 10"),
    ];
    let config = long.iter().fold(crate::program::TINY.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    place.write("tiny.toml", config);
    let folder = place.run_into("runs", &["train.stop.max_steps=1"]);
    let id = crate::program::id_of(&folder).to_owned();
    let before = files_below(&folder);
    let mut command = place.command(&["measure", &id, "--density", "--trace", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..60_000 {
        if handles_interrupts(child.id()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(200));
    let output = interrupted(child);
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("stopping"), "{}", text(&output.stderr));
    assert_eq!(files_below(&folder), before);
}
