//! Every command over runs of every kind of end and shape: an answer or one sentence, a documented exit
//! code, no panic and no hang.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Place, TINY, text};

/// No command on a run of this size needs more, on a busy machine and in a debug build.
const LONGEST: Duration = Duration::from_secs(120);

/// The configuration of a run on a folder of `.npy` files.
fn configuration(data: &str, input: [usize; 3], outputs: usize, rest: &str) -> String {
    let [channels, height, width] = input;
    format!(
        "precision = \"f64\"\nloss = \"half-sum-of-squares\"\n{rest}\n[data]\nsource = \"{data}\"\n\
         [model.architecture]\n\
         input = {{ channels = {channels}, height = {height}, width = {width} }}\n\
         layers = [{{ kind = \"linear\", outputs = {outputs}, bias = false }}]\n"
    )
}

fn train(learning_rate: &str, steps: u32) -> String {
    format!("train = {{ learning_rate = {learning_rate}, stop = {{ max_steps = {steps} }} }}")
}

/// A folder of `n` images and labels from the first to the last of `classes`, as NumPy writes them.
fn write_data(folder: &Path, n: usize, input: [usize; 3], classes: usize) {
    let array = |kind: &str, shape: String, data: Vec<u8>| {
        let header =
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &data[..]].concat()
    };
    let size: usize = input.iter().product();
    let pixel = |at: usize| ((at * 37 + at / size * 11) % 101) as f32 / 101.0;
    let pixels = (0..n * size).flat_map(|at| pixel(at).to_le_bytes());
    let label = |at: usize| at * (classes - 1) / (n - 1).max(1);
    let labels = (0..n).flat_map(|at| (label(at) as i64).to_le_bytes());
    let [channels, height, width] = input;
    std::fs::create_dir(folder).unwrap();
    let shape = format!("{n}, {channels}, {height}, {width}");
    std::fs::write(folder.join("x.npy"), array("<f4", shape, pixels.collect())).unwrap();
    std::fs::write(folder.join("y.npy"), array("<i8", format!("{n},"), labels.collect())).unwrap();
}

/// Ends it if it hangs.
fn output(place: &Place, words: &[&str]) -> Output {
    let mut command = place.command(words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    // No command here prints more than a pipe holds.
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("{words:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Documented, and in words where it is not 0.
fn check(kind: &str, words: &[&str], output: &Output) {
    let said = text(&output.stderr);
    let code = output.status.code();
    let place = format!("{kind}: {words:?}: {code:?}\n{said}");
    assert!(matches!(code, Some(0..=3)), "{place}");
    assert!(!said.contains("panicked") && !said.contains("is damaged"), "{place}");
    let has_error = said.lines().any(|line| line.starts_with("error: "));
    assert_eq!(matches!(code, Some(1 | 2)), has_error, "{place}");
}

/// Every command over one run and over the folder that holds it.
fn every_command(place: &Place, kind: &str, id: &str) {
    let on_run: [&[&str]; 6] = [
        &["measure", id, "--top", "2", "--density", "--trace"],
        &["stability", id, "--quick", "--boundary", "--attribution"],
        &["stability", id, "--quick", "--learning-rate", "1e300"],
        &["stability", id, "--quick", "--learning-rate", "1e-320", "--batch-size", "1"],
        &["escape", id, "--learning-rate", "1e300", "--batch-size", "1", "--steps", "20"],
        &[
            "escape",
            id,
            "--grid",
            "--learning-rates",
            "1e-320,0.1,1e300",
            "--batch-sizes",
            "1,all",
            "--steps",
            "20",
            "--quick",
        ],
    ];
    for words in on_run {
        check(kind, words, &output(place, words));
    }
    // Whatever the run is, a page and tables are there to show it.
    for words in [
        &["report", id, "--out", "run.html", "--figures", "figures"][..],
        &["report", "runs", "--out", "folder.html", "--figures", "figures"],
        &["sweep", "collect", "--out", "runs"],
    ] {
        let shown = output(place, words);
        assert!(shown.status.success(), "{kind}: {words:?}: {}", text(&shown.stderr));
    }
}

/// Runs a configuration, and gives its id.
fn run(place: &Place, kind: &str, file: &str, more: &[&str]) -> String {
    let words = [&["run", file, "--json"], more].concat();
    let ran = output(place, &words);
    check(kind, &words, &ran);
    let result: serde_json::Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|_| panic!("{kind}: no result: {}", text(&ran.stderr)));
    assert!(result["outcome"].is_string(), "{kind}: {result}");
    result["run"].as_str().unwrap().to_owned()
}

#[test]
fn runs_of_every_shape() {
    // Examples, input and classes, with so many outputs.
    for (kind, n, input, classes, outputs) in [
        ("one example", 1, [1, 2, 2], 1, 1),
        ("one parameter", 6, [1, 1, 1], 2, 1),
        ("one output", 6, [1, 2, 2], 2, 1),
        ("vectors", 6, [16, 1, 1], 2, 2),
        ("one class", 6, [1, 2, 2], 1, 1),
        // Three examples, since the factors have a row for each of their outputs.
        ("300 classes", 3, [1, 2, 2], 300, 300),
    ] {
        let place = Place::new();
        write_data(&place.path().join("data"), n, input, classes);
        place.write("run.toml", configuration("data", input, outputs, &train("0.1", 50)));
        let id = run(&place, kind, "run.toml", &[]);
        every_command(&place, kind, &id);
    }
}

#[test]
fn runs_of_every_learning_rate() {
    let place = Place::new();
    write_data(&place.path().join("data"), 12, [1, 4, 4], 2);
    for rate in ["1e-320", "1e-300", "0.6", "3.0", "1e4", "1e150", "1e300"] {
        place.write("run.toml", configuration("data", [1, 4, 4], 2, &train(rate, 3000)));
        let id = run(&place, rate, "run.toml", &["observe.sharpness_every=1000"]);
        every_command(&place, rate, &id);
    }
}

/// A run that was interrupted at each stage of its life, which the files of its folder show.
#[test]
fn runs_that_were_interrupted() {
    for (kind, left) in [
        ("begun", &["config.toml"][..]),
        ("traced", &["config.toml", "provenance.json", "steps.jsonl", "curvature.jsonl"]),
        (
            "trained",
            &["config.toml", "provenance.json", "steps.jsonl", "trained.json", "final.safetensors"],
        ),
    ] {
        let (place, id) = Place::with_run(crate::program::Fixture::Tiny);
        for entry in std::fs::read_dir(place.run_folder(&id)).unwrap() {
            let entry = entry.unwrap();
            if !left.contains(&entry.file_name().to_str().unwrap()) {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        every_command(&place, kind, &id);
    }
}

/// The first step puts every rectified unit below zero.
#[test]
fn runs_that_died() {
    let place = Place::new();
    place.write("rectified.toml", TINY.replace("tanh", "relu"));
    let large = ["initialization.gain=6", "train.learning_rate=1", "train.stop.max_steps=1000"];
    let id = run(&place, "dead", "rectified.toml", &large);
    let result = std::fs::read_to_string(place.run_folder(&id).join("outcome.json")).unwrap();
    assert!(result.contains("\"dead\""), "{result}");
    every_command(&place, "dead", &id);
}

#[test]
fn runs_whose_names_hold_markup() {
    let place = Place::new();
    let name = "<script>*a*_{b} & \"c\"";
    let data = format!("{name} data");
    write_data(&place.path().join(&data), 6, [1, 2, 2], 2);
    let network = "input = { channels = 1, height = 2, width = 2 }\n\
                   layers = [{ kind = \"linear\", outputs = 2 }]\n";
    place.write(&format!("{name}.toml"), network);
    let written = |name: &str| toml::Value::String(name.to_owned()).to_string();
    let text = format!(
        "model.file = {}\ndata.source = {}\n{}\n",
        written(&format!("{name}.toml")),
        written(&data),
        train("0.1", 50)
    );
    place.write("run.toml", text);
    let id = run(&place, "markup", "run.toml", &[]);
    every_command(&place, "markup", &id);
    let page = std::fs::read_to_string(place.path().join("folder.html")).unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>*"));
}
