//! What the commands print: objects with their keys, tables, and results that are not successes.

use serde_json::Value;

use crate::program::{Fixture, Place, text};

fn assert_measured(value: &Value) {
    assert!(value["value"].as_f64().unwrap() > 0.0, "{value}");
    let (residual, relative) = (&value["residual"], &value["relative_residual"]);
    assert!(residual.as_f64().unwrap() > 0.0 && relative.as_f64().unwrap() <= 5e-4, "{value}");
    assert_eq!(value["converged"], true);
    assert!(value["products"].as_u64().unwrap() >= 2, "{value}");
}

#[test]
fn run_and_measure_print_one_object_with_the_documented_keys() {
    let place = Place::new();
    let run = place.json(&["run", "tiny.toml", "--json"]);
    for key in ["parameters", "learning_rate", "batch_size", "outcome", "steps", "train_loss"] {
        assert!(!run[key].is_null(), "{key}");
    }
    assert_eq!(run["schema_version"], 2);
    // (49 + 1)·6 + (6 + 1)·2.
    assert_eq!(run["parameters"], 314);
    assert_eq!(run["batch_size"], 7);
    assert_eq!(run["learning_rate"], 0.05);
    assert_eq!(run["outcome"], "step-limit");
    assert_eq!(run["steps"], 400);
    assert_eq!(run["loss"], "mean-squared-error");
    for key in ["train_accuracy", "test_accuracy"] {
        assert!((0.0..=1.0).contains(&run[key].as_f64().unwrap()), "{key}");
    }
    assert_measured(&run["sharpness"]);
    assert_measured(&run["non_uniformity"]);
    // The residual is that of the eigenpair of H, or of Σ, whose root the non-uniformity is.
    for (key, power) in [("sharpness", 1), ("non_uniformity", 2)] {
        let number = |name: &str| run[key][name].as_f64().unwrap();
        let ratio = number("residual") / number("relative_residual") / number("value").powi(power);
        assert!((ratio - 1.0).abs() < 1e-12, "{key}: {ratio}");
    }
    assert_eq!(run["sharpness_limit"], 40.0);
    // (1/η) √(B(n − 1)/(n − B)).
    let limit = 20.0 * (7.0 * 39.0 / 33.0_f64).sqrt();
    assert!((run["non_uniformity_limit"].as_f64().unwrap() - limit).abs() < 1e-12 * limit);

    let id = run["run"].as_str().unwrap();
    let measured = place.json(&["measure", id, "--top", "3", "--json"]);
    for key in ["run", "outcome", "steps", "train_loss", "sharpness", "non_uniformity"] {
        assert_eq!(measured[key], run[key], "{key}");
    }
    let top = measured["spectrum"]["top"].as_array().unwrap();
    assert_eq!(top.len(), 3);
    let values: Vec<f64> = top.iter().map(|pair| pair["value"].as_f64().unwrap()).collect();
    assert!(values.is_sorted_by(|larger, smaller| larger >= smaller), "{values:?}");
    let ratio = values[0] / run["sharpness"]["value"].as_f64().unwrap();
    assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
}

#[test]
fn the_trace_is_that_of_the_density() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let spectrum = &place.json(&["measure", &id, "--density", "--trace", "--json"])["spectrum"];
    let list = |key: &str| -> Vec<f64> {
        spectrum["density"][key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let (eigenvalues, density) = (list("eigenvalues"), list("density"));
    let step = eigenvalues[1] - eigenvalues[0];
    let moment = |power| -> f64 {
        let terms = eigenvalues.iter().zip(&density);
        terms.map(|(at, height)| at.powi(power) * height * step).sum()
    };
    // Four widths beyond the ends 6e-5 of a Gaussian are left out.
    assert!((moment(0) - 1.0).abs() < 1e-3, "{}", moment(0));
    let trace = &spectrum["trace"];
    let (value, error) = (&trace["value"], &trace["standard_error"]);
    let (value, error) = (value.as_f64().unwrap(), error.as_f64().unwrap());
    // tr H is the mean eigenvalue times their number. Two independent estimates differ by less
    // than 4 of their standard errors (1 in 16,000 for normal errors); that of a sum is at most
    // the sum of its terms'.
    let errors = eigenvalues.iter().zip(list("standard_error"));
    let of_density = 314.0 * errors.map(|(at, error)| at.abs() * error * step).sum::<f64>();
    let difference = (314.0 * moment(1) - value).abs();
    assert!(difference <= 4.0 * (error + of_density), "{difference} of {value} ± {error}");
    let shown = place.stdout(&["measure", &id, "--trace"]);
    assert!(shown.contains("trace") && shown.contains(" ± "), "{shown}");
}

#[test]
fn a_lone_file_of_parameters_is_measured_with_a_configuration() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let folder = place.run_folder(&id);
    let run = std::fs::read(folder.join("outcome.json")).unwrap();
    let run: Value = serde_json::from_slice(&run).unwrap();
    std::fs::copy(folder.join("final.safetensors"), place.path().join("alone.safetensors"))
        .unwrap();
    let words = ["measure", "alone.safetensors", "--config", "tiny.toml", "--json"];
    let measured = place.json(&words);
    assert_eq!(measured["sharpness"], run["sharpness"]);
    assert!(measured["outcome"].is_null());
    let other = place.output(&["measure", "alone.safetensors", "--config", "fashion-mnist-fnn"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("alone.safetensors"), "{}", text(&other.stderr));
}

#[test]
fn divergence_is_a_result_with_a_name() {
    let place = Place::new();
    let words = ["run", "tiny.toml", "train.learning_rate=1e6", "--json"];
    let run = place.json(&words);
    assert_eq!(run["outcome"], "diverged");
    assert!(run["steps"].as_u64().unwrap() < 400);
    for key in ["train_loss", "train_accuracy", "test_accuracy", "sharpness", "non_uniformity"] {
        assert!(run[key].is_null(), "{key}");
    }
    let refused = place.output(&["measure", run["run"].as_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.contains("diverged at step") && said.contains("it has no minimum"), "{said}");
}

#[test]
fn convergence_by_the_average_of_the_batch_loss() {
    let place = Place::new();
    let run =
        place.json(&["run", "tiny.toml", "train.stop.average_batch_loss_below=0.2", "--json"]);
    assert_eq!(run["outcome"], "converged");
    let folder = place.path().join(run["folder"].as_str().unwrap());
    let steps = std::fs::read_to_string(folder.join("steps.jsonl")).unwrap();
    let last: Value = serde_json::from_str(steps.lines().last().unwrap()).unwrap();
    assert_eq!(last["step"], run["steps"]);
    assert!(last["average_loss"].as_f64().unwrap() < 0.2);
}

#[test]
fn a_time_limit_is_named() {
    let place = Place::new();
    let long =
        ["run", "tiny.toml", "train.stop.max_steps=1000000000", "train.stop.max_seconds=0.2"];
    let run = place.json(&[&long[..], &["--json"]].concat());
    assert_eq!(run["outcome"], "time-limit");
}

#[test]
fn the_folder_holds_a_complete_configuration() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let folder = place.run_folder(&id);
    let config = folder.join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    for line in ["schema_version = 1", "max_products = 2000", "loss_every = 10", "momentum"] {
        assert_eq!(text.contains(line), line != "momentum", "{line} in\n{text}");
    }
    // Run again from it, elsewhere: the same run.
    let again = place.json(&["run", config.to_str().unwrap(), "--out", "again", "--json"]);
    assert_eq!(again["run"], id.as_str());
    let provenance: Value =
        serde_json::from_slice(&std::fs::read(folder.join("provenance.json")).unwrap()).unwrap();
    assert!(provenance["threads"].as_u64().unwrap() >= 1);
    assert_eq!(provenance["train_digest"].as_str().unwrap().len(), 64);
}

#[test]
fn what_does_not_determine_the_numbers_is_not_in_the_id() {
    let place = Place::new();
    let id = |words: &[&str]| {
        let all = [&["run", "tiny.toml", "--json", "train.stop.max_steps=3"][..], words].concat();
        place.json(&all)["run"].as_str().unwrap().to_owned()
    };
    let first = id(&[]);
    assert_eq!(id(&["observe.loss_every=1"]), first);
    assert_eq!(id(&["checkpoint.every_steps=1"]), first);
    assert_eq!(id(&["train.seed=3"]), first);
    assert_ne!(id(&["train.seed=4"]), first);
    assert_ne!(id(&["train.learning_rate=0.051"]), first);
    assert_ne!(id(&["data.corruption={ kind = \"number\", examples = 1 }"]), first);
    assert_ne!(id(&["precision=f32"]), first);
    assert_eq!(id(&["train.batch_size=all"]), id(&["train.batch_size=40"]));
}

#[test]
fn models_are_listed_with_the_counts_of_the_literature() {
    let place = Place::new();
    let list = place.json(&["model", "list", "--json"]);
    let count = |name: &str| {
        let models = list["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap()["parameters"].clone()
    };
    assert_eq!(count("fashion-mnist-fnn"), 898_510);
    assert_eq!(count("cifar10-vgg"), 71_410);
    let table = place.json(&["model", "show", "fashion-mnist-fnn", "--json"]);
    assert_eq!(table["parameters"], 898_510);
    // 784·500 + 2·500·500 + 500·10.
    assert_eq!(table["multiply_adds"], 897_000);
    assert!(place.stdout(&["model", "show", "cifar10-vgg"]).contains("71,410"));
    assert!(place.stdout(&["model", "list"]).contains("898,510"));
}

#[test]
fn data_inside_the_program_is_listed_and_verified() {
    let place = Place::new();
    let list = place.json(&["data", "list", "--json"]);
    let fashion = &list["datasets"][0];
    assert_eq!(fashion["name"], "fashion-mnist");
    assert_eq!(fashion["place"], "embedded");
    assert_eq!(fashion["test_examples"], 10_000);
    let check = place.json(&["data", "verify", "--json"]);
    let files = check["files"].as_array().unwrap();
    assert!(files.len() >= 6 && files.iter().all(|file| file["right"] == true), "{check}");
    assert!(place.stdout(&["data", "list"]).contains("cifar10-airplane-automobile"));
}

#[test]
fn config_shows_each_value_and_where_it_came_from() {
    let place = Place::new();
    let shown = place.stdout(&["config", "show", "tiny.toml", "train.learning_rate=0.25"]);
    let line = |key: &str| {
        shown.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap().to_owned()
    };
    assert!(line("train.learning_rate").ends_with("# command line"), "{shown}");
    assert!(line("train.seed").ends_with("# tiny.toml"), "{shown}");
    assert!(line("train.weight_decay").ends_with("# default"), "{shown}");
    // What is shown is a configuration.
    place.write("shown.toml", &shown);
    let id = |words: &[&str]| place.json(words)["run"].clone();
    let short = "train.stop.max_steps=2";
    assert_eq!(
        id(&["run", "shown.toml", short, "--json"]),
        id(&["run", "tiny.toml", "train.learning_rate=0.25", short, "--json"])
    );
    let table = place.json(&["config", "show", "tiny.toml", "train.learning_rate=0.25", "--json"]);
    let values = table["values"].as_array().unwrap();
    assert_eq!(values.len(), shown.lines().count());
    let rate = values.iter().find(|at| at["key"] == "train.learning_rate").unwrap();
    assert_eq!((&rate["value"], &rate["origin"]), (&0.25.into(), &"command line".into()));
    let schema = place.json(&["config", "schema"]);
    assert!(schema["properties"]["train"].is_object());
}

#[test]
fn people_get_a_table_and_progress_goes_to_stderr() {
    let place = Place::new();
    let output = place.output(&["run", "tiny.toml"]);
    let (said, shown) = (text(&output.stderr), text(&output.stdout));
    assert!(said.contains("314 parameters") && said.contains("of memory"), "{said}");
    for part in ["mean-squared-error", "step limit after 400 steps", "sharpness", "2/η = 40.00"] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}') && !said.contains('\u{1b}'), "no colours in a pipe");
}
