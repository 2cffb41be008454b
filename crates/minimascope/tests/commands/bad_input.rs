//! Bad input gets one sentence, one hint, and exit code 2; nothing is lost or left behind.

use serde_json::Value;

use crate::program::{Fixture, Place, TINY, id_of, text};

/// Words of the command, then the whole of stderr.
fn assert_refused(place: &Place, words: &[&str], error: &str, hint: &str) {
    let output = place.output(words);
    let said = text(&output.stderr);
    assert_eq!(said, format!("error: {error}\nhint: {hint}\n"), "{words:?}");
    assert_eq!(output.status.code(), Some(2), "{words:?}");
    assert!(output.stdout.is_empty(), "{words:?}");
    assert!(!place.path().join("runs").exists(), "{words:?} left a folder");
}

#[test]
fn values_of_a_run() {
    let place = Place::new();
    for (assignment, error, hint) in [
        (
            "train.learning_rat=1",
            "unknown key train.learning_rat (command line)",
            "did you mean train.learning_rate?",
        ),
        (
            "learning_rate=1",
            "unknown key learning_rate (command line)",
            "did you mean train.learning_rate?",
        ),
        (
            "train.learning_rate=0",
            "train.learning_rate = 0 (command line): it must be a finite number over 0",
            "set train.learning_rate to a finite number over 0",
        ),
        (
            "train.learning_rate=-0.5",
            "train.learning_rate = -0.5 (command line): it must be a finite number over 0",
            "set train.learning_rate to a finite number over 0",
        ),
        (
            "train.learning_rate=nan",
            "train.learning_rate = NaN (command line): it must be a finite number over 0",
            "set train.learning_rate to a finite number over 0",
        ),
        (
            "train.learning_rate=fast",
            "train.learning_rate = fast (command line): it is not a number",
            "write a number such as 0.5 or 1e-3",
        ),
        (
            "train.learning_rate=0,1",
            "train.learning_rate = 0,1 (command line): it is not a number",
            "write 0.1",
        ),
        (
            "train.stop.max_steps=1e3",
            "train.stop.max_steps = 1000.0 (command line): it must be a whole number",
            "write 1000",
        ),
        (
            "train.batch_size=41",
            "train.batch_size = 41 is larger than the training set of 40 examples",
            "set train.batch_size to at most 40, or to \"all\" for gradient descent",
        ),
        (
            "train.batch_size=0",
            "train.batch_size (command line): invalid value: integer `0`, expected a number of \
             examples from 1 or \"all\"",
            "`minimascope config schema` explains train.batch_size",
        ),
        (
            "train.optimizer.kind=heavy-ball",
            "train.optimizer.momentum is missing",
            "`minimascope config schema` explains train.optimizer.momentum",
        ),
        (
            "train.stop.max_steps=0",
            "train.stop.max_steps = 0 (command line): it must be at least 1",
            "set train.stop.max_steps to at least 1",
        ),
        ("model.preset=lenet", "there is no network lenet", "did you mean lenet5?"),
        (
            "model.preset=cifar10-vgg",
            "the images of fashion-mnist are 1×28×28, the network cifar10-vgg takes 3×32×32",
            "choose another data.source, or set model.architecture.input",
        ),
        (
            "data.classes=[0, 1, 2]",
            "fashion-mnist has 3 classes, the network architecture has 2 outputs",
            "give the network 3 outputs or more, or choose classes by data.classes",
        ),
        (
            "model.file=absent.toml",
            "absent.toml cannot be read: No such file or directory (os error 2)",
            "check the path",
        ),
        (
            "schema_version=9",
            "schema_version = 9 (command line): this program reads version 1",
            "write schema_version = 1 and check the keys against docs/records.md",
        ),
    ] {
        assert_refused(&place, &["run", "tiny.toml", assignment], error, hint);
    }
}

#[test]
fn files_and_names() {
    let place = Place::new();
    place.write("broken.toml", "precision = \"f32\"\n[model\npreset = 1\n");
    place.write("empty.toml", "");
    place.write("cut.safetensors", "not a safetensors file");
    for (words, error, hint) in [
        (
            &["run", "fashion-mnist-fn"][..],
            "there is no run preset fashion-mnist-fn",
            "did you mean fashion-mnist-fnn?",
        ),
        (
            &["run", "broken.toml"],
            "broken.toml: line 2: unclosed table, expected `]`",
            "correct the file; `minimascope config show` prints a whole one",
        ),
        (
            &["config", "show", "tiny.toml", "train.learning_rate=0"],
            "train.learning_rate = 0 (command line): it must be a finite number over 0",
            "set train.learning_rate to a finite number over 0",
        ),
        (&["run", "empty.toml"], "model is missing", "`minimascope config schema` explains model"),
        (
            &["measure", "absent"],
            "there is no run at absent",
            "give a run's folder or id, or a .safetensors file of parameters",
        ),
        (
            &["measure", "cut.safetensors"],
            "cut.safetensors does not say which network and data its parameters belong to",
            "add --config with a run preset or a configuration file",
        ),
        (&["model", "show", "lenet"], "there is no network lenet", "did you mean lenet5?"),
    ] {
        assert_refused(&place, words, error, hint);
    }
}

#[test]
fn folders_that_are_not_there() {
    let place = Place::new();
    let said = "error: nowhere is not a folder\nhint: give one that exists with --data-dir or data.folder\n";
    for words in [
        &["data", "list", "--data-dir", "nowhere"][..],
        &["data", "verify", "--data-dir", "nowhere"],
        &["run", "tiny.toml", "--data-dir", "nowhere"],
        &["run", "tiny.toml", "data.folder=nowhere"],
        &["sweep", "tiny.toml", "--data-dir", "nowhere", "--dry-run"],
    ] {
        let output = place.output(words);
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(2), said), "{words:?}");
    }
    let collected = place.output(&["sweep", "collect", "--out", "nowhere"]);
    assert_eq!(collected.status.code(), Some(2));
    assert!(!place.path().join("nowhere").exists());
    // Nothing that could be verified is not the same as nothing wrong.
    let absent = place.output(&["data", "verify", "mnist"]);
    assert_eq!(absent.status.code(), Some(2), "{}", text(&absent.stderr));
    std::fs::create_dir(place.path().join("empty")).unwrap();
    let empty = place.output(&["data", "verify", "--data-dir", "empty"]);
    assert!(text(&empty.stderr).starts_with("note: empty holds "), "{}", text(&empty.stderr));
}

#[test]
fn words_that_are_no_assignment_or_option() {
    let place = Place::new();
    for words in [
        &["run", "tiny.toml", "learning_rate"][..],
        &["run", "tiny.toml", "--memory", "much"],
        &["run", "tiny.toml", "--threads", "0"],
        &["run", "tiny.toml", "--resume", "--force"],
        &["walk"],
    ] {
        let output = place.output(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(text(&output.stderr).starts_with("error: "), "{words:?}");
    }
}

#[test]
fn data_that_is_damaged() {
    let place = Place::new();
    place.write("cut.npz", [0x50, 0x4b, 0x03, 0x04, 0, 0]);
    let output = place.output(&["run", "tiny.toml", "data.source=cut.npz"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: cut.npz cannot be read as a NumPy .npz archive"), "{said}");
    assert!(said.lines().count() == 2 && said.contains("\nhint: copy it again"), "{said}");
    let output = place.output(&["run", "tiny.toml", "data.train.first=100000"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("100000") && said.contains("hint: "), "{said}");
}

#[test]
fn a_budget_that_holds_nothing() {
    let place = Place::new();
    let output = place.output(&["run", "tiny.toml", "--memory", "1000"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("error: a memory budget of 1000 bytes is too small"), "{said}");
    // What the hint says is a size that people write, and enough.
    let hint = said.split_once("hint: give at least ").unwrap().1;
    let size = hint.split_once(" with --memory").unwrap().0;
    assert!(size.ends_with(['K', 'M']) && said.contains("iB\n"), "{said}");
    place.stdout(&["run", "tiny.toml", "--memory", size]);
}

#[test]
fn questions_of_the_theory_without_a_meaning() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let id = id.as_str();
    let diverged = place.run_into("runs", &["train.learning_rate=1e6"]);
    let diverged = id_of(&diverged);
    let without_noise = |words: &[&str]| {
        let output = place.output(&[&["run"][..], words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        let s = &record["non_uniformity"];
        assert!(s["value"] == 0.0 && s["converged"] == true, "{s}");
        let run = record["run"].as_str().unwrap().to_owned();
        (record["outcome"].as_str().unwrap_or_default().to_owned(), run)
    };
    // Without a second example Σ is zero, and so is s. So it is where the first step puts every
    // rectified unit below zero, and there it stays.
    let (_, one) = without_noise(&["tiny.toml", "data.train.first=1", "train.batch_size=1"]);
    place.write("rectified.toml", TINY.replace("tanh", "relu"));
    let large = ["initialization.gain=6", "train.learning_rate=1", "train.stop.max_steps=1000"];
    let (outcome, dead) = without_noise(&[&["rectified.toml"][..], &large].concat());
    assert_eq!(outcome, "dead");
    let (one, dead) = (one.as_str(), dead.as_str());
    let untrained = place.run_into("runs", &["train.stop.max_steps=1", "train.learning_rate=1e-9"]);
    let untrained = id_of(&untrained);
    for (words, said) in [
        (&["stability", id, "--learning-rate", "0"][..], "the learning rate is 0"),
        (&["stability", id, "--learning-rate", "-1"], "the learning rate is -1"),
        (&["stability", id, "--learning-rate", "nan"], "the learning rate is NaN"),
        (&["stability", id, "--learning-rate", "0,1"], "0,1 is not a number; write 0.1"),
        (&["stability", id, "--learning-rate", "1e-400"], "1e-400 is so small"),
        (&["stability", id, "--momentum", "9/10"], "9/10 is not a number; write 0.9"),
        (&["stability", id, "--batch-size", "0"], "the batch size is 0"),
        (&["stability", id, "--batch-size", "41"], "larger than the 40 examples"),
        (&["stability", id, "--momentum", "1"], "the momentum is 1"),
        (&["stability", id, "--tolerance", "0"], "the tolerance is 0"),
        (&["stability", id, "--tolerance", "-1"], "the tolerance is -1"),
        (&["stability", id, "--tolerance", "nan"], "the tolerance is NaN"),
        (&["stability", one], "there are 1 examples"),
        (&["stability", diverged], "diverged at step"),
        (&["stability", "absent"], "there is no run at absent"),
        (&["escape", id], "needs a learning rate and a batch size"),
        (&["escape", id, "--learning-rate", "0", "--batch-size", "4"], "the learning rate is 0"),
        (&["escape", id, "--learning-rate", "1", "--batch-size", "0"], "the batch size is 0"),
        (&["escape", id, "--grid", "--batch-sizes", "50"], "larger than the 40 examples"),
        (&["escape", id, "--grid", "--seeds", "0"], "the number of launches is zero"),
        (&["escape", id, "--grid", "--learning-rates", "-0.1,1"], "the learning rate is -0.1"),
        (&["escape", id, "--grid", "--batch-sizes", "-4,2"], "a number of examples or all"),
        (&["escape", id, "--grid", "--seeds", "-1"], "invalid value '-1' for '--seeds <K>'"),
        (&["stability", id, "--batch-size", "-4"], "invalid value '-4' for '--batch-size <B>'"),
        (&["stability", dead], "its outputs are the same for every input"),
        (&["escape", dead, "--grid"], "every learning rate stays at a dead one"),
        (&["escape", "toy", "--curvatures", "1"], "takes two numbers"),
        (&["escape", untrained, "--grid"], "no minimum to leave"),
        (&["escape", "toy", "--curvatures", "0,1"], "the curvature of f1 at x = 1 is 0"),
        (&["escape", "toy", "--curvatures", "-1,2"], "the curvature of f1 at x = 1 is -1"),
        (&["escape", "toy", "--curvatures", "1,1e300"], "the curvature of f2 at x = 1 is 1e300"),
        (&["escape", "toy", "--start", "1e300"], "the start is 1e300"),
        (&["escape", "toy", "--learning-rate", "-0.1"], "the learning rate is -0.1"),
    ] {
        let output = place.output(words);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {error}");
        assert!(error.starts_with("error: ") && error.contains(said), "{words:?}: {error}");
        assert_eq!(error.matches("error: ").count(), 1);
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}
