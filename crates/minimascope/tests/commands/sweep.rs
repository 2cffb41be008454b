//! Many runs by one command: each once, the same bits as alone, whatever is killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::program::{Place, RESULTS, assert_same_files, text};
use serde_json::Value;

const SWEEP: &str = r#"
base = "tiny.toml"
grid.train.learning_rate = [0.05, 0.1]
[[part]]
grid.train.seed = [0, 1]
[[part]]
set = { train.batch_size = "all" }
"#;

fn with_sweep() -> Place {
    let place = Place::new();
    place.write("sweep.toml", SWEEP);
    place
}

fn ids(report: &Value) -> Vec<String> {
    let rows = report["runs"].as_array().unwrap();
    rows.iter().map(|row| row["run"].as_str().unwrap().to_owned()).collect()
}

fn states(report: &Value) -> Vec<&str> {
    let rows = report["runs"].as_array().unwrap();
    rows.iter().map(|row| row["state"].as_str().unwrap()).collect()
}

fn same_results(place: &Place, one: &str, other: &str, ids: &[String]) {
    for id in ids {
        let folder = |store: &str| place.path().join(store).join(id);
        assert_same_files(&folder(one), &folder(other), &RESULTS);
    }
}

#[test]
fn a_dry_run_prints_the_plan_and_leaves_nothing() {
    let place = with_sweep();
    let printed = place.stdout(&["sweep", "sweep.toml", "train.seed=7,8", "--dry-run"]);
    assert!(printed.starts_with("run "), "{printed}");
    assert!(printed.contains("batch_size  learning_rate  seed  state    steps"), "{printed}");
    // Two seeds of the file became the two of the command line.
    assert!(printed.contains("8 runs: 8 missing; 4 combinations name a run again\n"), "{printed}");
    assert!(printed.contains("≤ 400"), "{printed}");
    assert!(printed.contains("at most, with 8 at their limit of steps,"), "{printed}");
    assert!(!place.path().join("runs").exists());
}

#[test]
fn a_sweep_has_the_results_of_its_runs_alone() {
    let place = with_sweep();
    let many = place.json(&["sweep", "sweep.toml", "--threads", "3", "--out", "many", "--json"]);
    let one = place.json(&["sweep", "sweep.toml", "--threads", "1", "--out", "one", "--json"]);
    assert_eq!(ids(&many), ids(&one));
    assert_eq!(states(&many), ["finished"; 6]);
    assert_eq!(many["runs"][0]["result"], one["runs"][0]["result"].clone_with_folder("many"));
    same_results(&place, "many", "one", &ids(&many));
    let alone = place.run_into("one", &["train.learning_rate=0.1", "train.batch_size=all"]);
    assert!(ids(&many).contains(&alone.file_name().unwrap().to_string_lossy().into_owned()));
    let said = text(&place.output(&["run", "tiny.toml", "--out", "many", "train.seed=0"]).stderr);
    assert!(said.contains("is finished"), "a run finds what a sweep left: {said}");
}

/// A result as another store would have it.
trait WithFolder {
    fn clone_with_folder(&self, store: &str) -> Value;
}

impl WithFolder for Value {
    fn clone_with_folder(&self, store: &str) -> Value {
        let mut result = self.clone();
        result["folder"] = format!("{store}/{}", self["run"].as_str().unwrap()).into();
        result
    }
}

#[test]
fn shards_share_a_store_and_leave_nothing_out() {
    let place = with_sweep();
    let shard = |part: &'static str| {
        let mut command = place.command(&["sweep", "sweep.toml", "--shard", part, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = ["1/3", "2/3", "3/3"].map(shard);
    let mut all: Vec<String> = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
        assert_eq!(states(&report), ["finished"; 2]);
        all.extend(ids(&report));
    }
    let status = place.json(&["sweep", "status", "sweep.toml", "--json"]);
    assert_eq!(states(&status), ["finished"; 6]);
    all.sort();
    let mut expected = ids(&status);
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn an_error_of_one_run_stops_no_other_and_is_tried_again_on_request() {
    let place = with_sweep();
    let planned = place.json(&["sweep", "sweep.toml", "--dry-run", "--json"]);
    let poisoned = ids(&planned)[1].clone();
    let folder = place.path().join("runs").join(&poisoned);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("checkpoint.safetensors"), "not a checkpoint").unwrap();
    let sweep = |more: &[&str]| place.output(&[&["sweep", "sweep.toml", "--json"], more].concat());
    let output = sweep(&[]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let expected = ["finished", "failed", "finished", "finished", "finished", "finished"];
    assert_eq!(states(&report), expected);
    let record = place.path().join("runs/failed").join(format!("{poisoned}.json"));
    let record = || serde_json::from_slice::<Value>(&std::fs::read(&record).unwrap()).unwrap();
    assert_eq!(record()["attempts"], 1);
    assert!(record()["error"].as_str().unwrap().contains("checkpoint.safetensors"));
    // Left alone without the word, and tried with it.
    assert_eq!(sweep(&[]).status.code(), Some(3));
    assert_eq!(record()["attempts"], 1);
    assert_eq!(sweep(&["--retry-failed"]).status.code(), Some(3));
    assert_eq!(record()["attempts"], 2);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_dir_all(place.path().join("runs/.work")).unwrap();
    assert_eq!(sweep(&["--retry-failed"]).status.code(), Some(0));
    assert!(!place.path().join("runs/failed").join(format!("{poisoned}.json")).exists());
}

#[test]
fn divergence_is_a_result() {
    let place = Place::new();
    let report = place.json(&["sweep", "tiny.toml", "train.learning_rate=0.05,1e9", "--json"]);
    assert_eq!(states(&report), ["finished"; 2]);
    assert_eq!(report["runs"][1]["result"]["outcome"], "diverged");
}

/// Long enough that a signal meets every run at work.
const LONG: [&str; 5] = [
    "train.seed=0,1",
    "train.stop.max_steps=20000",
    "checkpoint.every_steps=500",
    "observe.accuracy_every=1000",
    "train.batch_size=7",
];
const TRACES: [&str; 4] = ["outcome.json", "final.safetensors", "steps.jsonl", "curvature.jsonl"];

fn long(more: &[&'static str]) -> Vec<&'static str> {
    [&["sweep", "tiny.toml", "--threads", "2"][..], &LONG, more].concat()
}

/// The checkpoints of working folders.
fn checkpoints(store: &Path) -> Vec<PathBuf> {
    let Ok(folders) = std::fs::read_dir(store.join(".work")) else { return Vec::new() };
    let files = folders.map(|folder| folder.unwrap().path().join("checkpoint.safetensors"));
    files.filter(|file| file.exists()).collect()
}

#[cfg(unix)]
#[test]
fn after_a_kill_and_after_an_interrupt_it_goes_on_with_the_same_bits() {
    let place = Place::new();
    let cut = place.path().join("cut");
    for signal in ["-KILL", "-TERM"] {
        let begin = SystemTime::now();
        let child = place
            .command(&long(&["--out", "cut"]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Of this start, which thus listens to signals.
        let is_new = |file: &PathBuf| {
            let saved = std::fs::metadata(file).and_then(|data| data.modified());
            saved.is_ok_and(|saved| saved > begin)
        };
        for _ in 0..60_000 {
            if checkpoints(&cut).iter().filter(|file| is_new(file)).count() == 2 {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let id = child.id().to_string();
        std::process::Command::new("kill").args([signal, &id]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        if signal == "-TERM" {
            assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
            assert!(text(&output.stderr).contains("the same command continues"));
        }
        let status = place.json(
            &[&["sweep", "status", "tiny.toml", "--json", "--out", "cut"][..], &LONG].concat(),
        );
        assert_eq!(states(&status), ["interrupted"; 2], "{signal} came too late");
    }
    let continued = place.json(&long(&["--out", "cut", "--json"]));
    let whole = place.json(&long(&["--out", "whole", "--json"]));
    assert_eq!(states(&continued), ["finished"; 2]);
    for id in ids(&whole) {
        let folder = |store: &str| place.path().join(store).join(&id);
        assert_same_files(&folder("cut"), &folder("whole"), &TRACES);
    }
    assert!(checkpoints(&cut).is_empty(), "nothing is left at work");
}

#[test]
fn tables_have_a_row_a_run_and_a_meaning_a_column() {
    let place = with_sweep();
    place.stdout(&["sweep", "sweep.toml", "observe.accuracy_every=100"]);
    place.stdout(&["sweep", "tiny.toml", "train.learning_rate=1e9"]);
    let tables = place.json(&["sweep", "collect", "--json"]);
    assert_eq!((&tables["runs"], &tables["failed"]), (&7.into(), &0.into()));
    let of_plan = ["sweep", "collect", "sweep.toml", "--to", "of_plan", "--points", "10", "--json"];
    assert_eq!(place.json(&of_plan)["runs"], 6);
    let read = |name: &str| std::fs::read_to_string(place.path().join("runs/tables").join(name));
    let runs = read("runs.csv").unwrap();
    let header: Vec<&str> = runs.lines().next().unwrap().split(',').collect();
    assert_eq!(runs.lines().count(), 8);
    for column in [
        "run",
        "sharpness",
        "sharpness_residual",
        "sharpness_relative_residual",
        "sharpness_converged",
        "sharpness_unit",
        "config_train_batch_size",
        "config_data_train_first",
        "train_seconds",
        "provenance_processor",
    ] {
        assert!(header.contains(&column), "{column}: {header:?}");
    }
    let dictionary = read("dictionary.csv").unwrap();
    for column in header {
        let line = dictionary.lines().find(|line| line.starts_with(&format!("{column},")));
        let line = line.unwrap_or_else(|| panic!("{column} is not explained"));
        assert!(!line.ends_with(','), "{column} has no meaning");
    }
    for name in ["runs.parquet", "runs.csv", "dictionary.csv"] {
        assert!(place.path().join("of_plan").join(name).exists(), "{name}");
    }
    let id = ids(&place.json(&["sweep", "status", "sweep.toml", "--json"]))[0].clone();
    let trace = read(&format!("traces/{id}.csv")).unwrap();
    assert!(trace.starts_with("run,step,name,value\n"), "{trace}");
    // 40 lines of losses with two names, four of accuracies with three.
    assert_eq!(trace.lines().count(), 1 + 2 * 40 + 3 * 4);
    let parquet = std::fs::read(place.path().join("runs/tables/runs.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    // The same store, the same bytes.
    place.stdout(&["sweep", "collect", "--to", "again"]);
    assert!(parquet == std::fs::read(place.path().join("again/runs.parquet")).unwrap());
}

#[test]
fn without_slurm_its_words_say_so() {
    let place = with_sweep();
    let mut command = place.command(&["sweep", "sweep.toml", "--engine", "slurm"]);
    let output = command.env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: sbatch is not on this machine\nhint: "));
    let script = place.stdout(&["sweep", "sweep.toml", "--engine", "slurm", "--dry-run"]);
    assert!(script.starts_with("#!/bin/bash\n#SBATCH --job-name=minimascope-sweep\n"), "{script}");
}

/// A place with programs that answer as Slurm's do: `sbatch` counts its calls, and refuses if it is told
/// to; `squeue` is silent, and fails if it is told to.
#[cfg(unix)]
struct FakeSlurm(Place);

#[cfg(unix)]
impl FakeSlurm {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let place = with_sweep();
        std::fs::create_dir(place.path().join("bin")).unwrap();
        for (name, says) in [
            (
                "sbatch",
                "[ -z \"$REFUSES\" ] || { echo \"sbatch: error: $REFUSES\" >&2; exit 1; }\necho 7",
            ),
            (
                "squeue",
                "[ -z \"$IS_DOWN\" ] || { echo 'squeue: error: no controller' >&2; exit 1; }",
            ),
        ] {
            let path = place.path().join("bin").join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{says}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(place)
    }

    fn output(&self, words: &[&str], setting: (&str, &str)) -> std::process::Output {
        let path = format!("{}/bin:{}", self.0.path().display(), std::env::var("PATH").unwrap());
        self.0.command(words).env("PATH", path).env(setting.0, setting.1).output().unwrap()
    }

    fn launches(&self) -> usize {
        std::fs::read_dir(self.0.path().join("runs/launches")).map_or(0, Iterator::count)
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_submitted_on_a_queue_that_cannot_be_read() {
    let slurm = FakeSlurm::new();
    let submit = ["sweep", "sweep.toml", "--engine", "slurm"];
    assert!(slurm.output(&submit, ("IS_DOWN", "")).status.success());
    assert_eq!(slurm.launches(), 1);
    for words in [&submit[..], &["sweep", "launch", "sweep.toml", "--missing"]] {
        let refused = slurm.output(words, ("IS_DOWN", "1"));
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: Slurm's queue cannot be read"), "{said}");
        assert!(said.contains("no controller") && said.contains("hint: nothing was"), "{said}");
        assert_eq!(slurm.launches(), 1);
    }
    // The rest needs no queue.
    for words in [&["sweep", "status", "sweep.toml"][..], &[&submit[..], &["--dry-run"]].concat()] {
        let shown = slurm.output(words, ("IS_DOWN", "1"));
        assert!(shown.status.success(), "{}", text(&shown.stderr));
        assert!(text(&shown.stderr).contains("this is the store alone"));
    }
    assert!(slurm.output(&submit, ("IS_DOWN", "")).status.success());
    assert_eq!(slurm.launches(), 2);
}

#[cfg(unix)]
#[test]
fn an_array_that_slurm_refuses_leaves_nothing_and_names_its_setting() {
    let slurm = FakeSlurm::new();
    for (reason, hint) in [
        ("Batch job submission failed: Invalid job array specification", "max_tasks under [slurm]"),
        ("Job violates accounting/QOS policy (job submit limit)", "max_tasks under [slurm]"),
        ("Requested time limit is invalid", "`sinfo` says who answers"),
    ] {
        let words = ["sweep", "sweep.toml", "--engine", "slurm"];
        let refused = slurm.output(&words, ("REFUSES", reason));
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(reason) && said.contains(hint), "{said}");
        assert_eq!(slurm.launches(), 0);
    }
}
