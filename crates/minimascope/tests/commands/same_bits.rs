//! The same bits whatever the machine does: threads, observers, interruptions.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

#[cfg(unix)]
use crate::program::interrupted;
use crate::program::{Fixture, Place, RESULTS, assert_same_files, text};

#[test]
fn at_one_two_and_four_threads() {
    for more in [&[][..], &["train.batch_size=all"], &["precision=f32"]] {
        let place = Place::new();
        let [one, two, four] = ["1", "2", "4"]
            .map(|threads| place.run_into(threads, &[&["--threads", threads], more].concat()));
        assert_same_files(&one, &two, &RESULTS);
        assert_same_files(&one, &four, &RESULTS);
    }
}

#[test]
fn at_any_memory_budget() {
    let place = Place::new();
    let refused = text(&place.output(&["run", "tiny.toml", "--memory", "1"]).stderr);
    // What the hint says is enough.
    let least = refused.split("give at least ").nth(1).and_then(|rest| rest.split(' ').next());
    let least = least.unwrap_or_else(|| panic!("{refused}"));
    let (much, little) =
        (place.run_into("much", &[]), place.run_into("little", &["--memory", least]));
    assert_same_files(&much, &little, &RESULTS);
}

#[test]
fn with_and_without_observers() {
    let place = Place::new();
    let without = place.run_into("without", &[]);
    let with = place.run_into(
        "with",
        &[
            "observe.accuracy_every=50",
            "observe.sharpness_every=100",
            "observe.non_uniformity_every=200",
            "checkpoint.every_steps=70",
        ],
    );
    assert_same_files(&without, &with, &RESULTS);
    assert_eq!(std::fs::read_to_string(without.join("curvature.jsonl")).unwrap(), "");
    let lines = std::fs::read_to_string(with.join("curvature.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0]["step"], 50);
    assert!(lines[0]["test_accuracy"].is_f64() && lines[0]["sharpness"].is_null());
    assert!(lines[1]["sharpness"]["converged"].as_bool().unwrap());
    assert!(lines[3]["non_uniformity"]["value"].as_f64().unwrap() > 0.0);
}

/// Long enough that a signal meets it at work, with every trace that a resumed run must rebuild.
const LONG: [&str; 5] = [
    "train.stop.max_steps=60000",
    "checkpoint.every_steps=1500",
    "observe.accuracy_every=1000",
    "observe.sharpness_every=4000",
    "train.optimizer={ kind = \"heavy-ball\", momentum = 0.5 }",
];
const TRACES: [&str; 4] = ["outcome.json", "final.safetensors", "steps.jsonl", "curvature.jsonl"];

/// Starts the long run and waits for its first checkpoint.
fn started(place: &Place) -> Child {
    let words = [&["run", "tiny.toml", "--json", "--out", "cut"][..], &LONG].concat();
    let mut child =
        place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_there = || {
        std::fs::read_dir(place.path().join("cut"))
            .ok()
            .and_then(|mut folders| folders.next())
            .is_some_and(|folder| folder.unwrap().path().join("checkpoint.safetensors").exists())
    };
    for _ in 0..30_000 {
        if is_there() {
            return child;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("no checkpoint within 30 s");
}

fn cut_folder(place: &Place) -> PathBuf {
    std::fs::read_dir(place.path().join("cut")).unwrap().next().unwrap().unwrap().path()
}

fn assert_unfinished(place: &Place) {
    assert!(!cut_folder(place).join("outcome.json").exists(), "the signal came too late");
    let refused = place.output(&[&["run", "tiny.toml", "--out", "cut"][..], &LONG].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("interrupted before its end\nhint: add --resume"));
}

fn resumed(place: &Place) -> PathBuf {
    let words = [&["run", "tiny.toml", "--json", "--out", "cut", "--resume"][..], &LONG].concat();
    let output = place.output(&words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // Starting again would give the same bits too.
    assert!(text(&output.stderr).contains("from step "), "{}", text(&output.stderr));
    let result: serde_json::Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    place.path().join(result["folder"].as_str().unwrap())
}

fn whole(place: &Place) -> PathBuf {
    place.run_into("whole", &LONG)
}

#[test]
fn after_a_kill() {
    let place = Place::new();
    let mut child = started(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_unfinished(&place);
    // What a program may have written after its last checkpoint: a line, and half a line.
    let steps = cut_folder(&place).join("steps.jsonl");
    let mut lines = std::fs::read_to_string(&steps).unwrap();
    lines.push_str("{\"step\":59990,\"batch_loss\":0.5,\"average_loss\":0.5}\n{\"step\":5");
    std::fs::write(&steps, lines).unwrap();
    assert_same_files(&whole(&place), &resumed(&place), &TRACES);
}

#[cfg(unix)]
#[test]
fn after_an_interrupt() {
    let place = Place::new();
    let output = interrupted(started(&place));
    let said = text(&output.stderr);
    assert!(said.contains("continue with: minimascope run tiny.toml"), "{said}");
    assert!(said.contains("--out cut --resume"), "{said}");
    let summary: serde_json::Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(summary["outcome"], "interrupted");
    assert!(summary["sharpness"].is_null());
    assert_unfinished(&place);
    let measured = place.json(&["measure", summary["folder"].as_str().unwrap(), "--json"]);
    assert_eq!(measured["steps"], summary["steps"], "a checkpoint can be measured");
    assert_same_files(&whole(&place), &resumed(&place), &TRACES);
}

/// Launches from a minimum: the one that was finished is kept, the other is launched again.
#[cfg(unix)]
#[test]
fn launches_after_an_interrupt() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let pair = ["escape", &id, "--learning-rate", "0.001", "--batch-size", "7", "--quick"];
    let words = [&pair[..], &["--seeds", "2", "--steps", "20000", "--json", "--figures"]].concat();
    let whole = place.json(&[&words[..], &["whole"]].concat());
    let cut = [&words[..], &["cut"]].concat();
    let launches = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(place.path().join("cut/escape.json"));
        let record: Option<serde_json::Value> =
            text.ok().and_then(|text| serde_json::from_str(&text).ok());
        record.map_or(Vec::new(), |record| record["launches"].as_array().unwrap().clone())
    };
    let mut child = place.command(&cut);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..60_000 {
        if launches().len() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupted(child);
    let left = launches();
    assert_eq!(left.len(), 2);
    assert_eq!(left[0], whole["launches"][0]);
    assert_eq!(left[1]["fate"], "interrupted", "the signal came too late");
    let resumed = place.json(&cut);
    assert_eq!(resumed["launches"], whole["launches"]);
    assert_eq!(resumed["observed_growth"], whole["observed_growth"]);
}

#[test]
fn a_finished_run_is_reported_and_not_computed_again() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let folder = place.run_folder(&id);
    let changed =
        |folder: &Path| std::fs::metadata(folder.join("outcome.json")).unwrap().modified().unwrap();
    let first = changed(&folder);
    let output = place.output(&["run", "tiny.toml", "--json"]);
    assert!(text(&output.stderr).contains("is finished; --force runs it again"));
    assert_eq!(changed(&folder), first);
    let forced = place.run_into("runs", &["--force"]);
    assert_eq!(forced, folder);
    assert!(changed(&folder) > first);
}
