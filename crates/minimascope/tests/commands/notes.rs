//! Data that can be measured and are unusual: a note on stderr, and nothing of it on stdout.

use crate::program::{Place, text};

/// A `.npy` file of a type and shape as NumPy prints them.
fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

/// Three vectors of two numbers under labels 0, 1, 2, and a configuration with `outputs`.
fn vectors(numbers: [f32; 6], outputs: usize) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path().join("vectors")).unwrap();
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    place.write("vectors/x.npy", array("<f4", "(3, 2)", &bytes));
    place.write("vectors/y.npy", array("|u1", "(3,)", &[0, 1, 2]));
    place.write(
        "run.toml",
        format!(
            "precision = \"f64\"\n\
             data.source = \"vectors\"\n\
             model.architecture.input = {{ channels = 2, height = 1, width = 1 }}\n\
             model.architecture.layers = [{{ kind = \"linear\", outputs = {outputs} }}]\n\
             train = {{ learning_rate = 1e-6, stop = {{ max_steps = 1 }} }}\n"
        ),
    );
    place
}

#[test]
fn usual_data_have_no_note() {
    let place = vectors([0.0, 1.0, 2.0, -1.0, 0.5, 0.0], 3);
    let output = place.output(&["run", "run.toml", "--json"]);
    assert!(!text(&output.stderr).contains("note: "), "{}", text(&output.stderr));
}

#[test]
fn pixels_of_bytes_that_were_not_scaled() {
    let place = vectors([0.0, 1.0, 255.0, -1.0, 0.5, 0.0], 3);
    let output = place.output(&["run", "run.toml", "--json"]);
    let (said, result) = (text(&output.stderr), text(&output.stdout));
    assert!(said.contains("note: ") && said.contains("reach 255 in magnitude"), "{said}");
    assert!(serde_json::from_str::<serde_json::Value>(&result).is_ok(), "{result}");
    // Whoever examines the run later is told too.
    let folder = std::fs::read_dir(place.path().join("runs")).unwrap().next().unwrap().unwrap();
    let id = folder.file_name().into_string().unwrap();
    let again = text(&place.output(&["measure", &id]).stderr);
    assert!(again.contains("reach 255 in magnitude"), "{again}");
}

#[test]
fn more_outputs_than_classes() {
    let place = vectors([0.0, 1.0, 2.0, -1.0, 0.5, 0.0], 5);
    let output = place.output(&["run", "run.toml", "--json"]);
    let said = text(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let note = "note: vectors has 3 classes, the network architecture tells 5 apart: no example is \
                of the others\n";
    assert!(said.contains(note), "{said}");
    // A sweep says it once.
    let swept = place.output(&["sweep", "run.toml", "train.seed=0,1", "--dry-run"]);
    assert_eq!(text(&swept.stderr).matches("note: ").count(), 1);
}

#[test]
fn numbers_as_people_write_them() {
    let place = Place::new();
    for (text, value) in
        [(".5", 0.5), ("5.", 5.0), ("+0.1", 0.1), ("1E-3", 1e-3), ("1_000.5", 1000.5)]
    {
        let words =
            ["config", "show", "tiny.toml", &format!("train.learning_rate={text}"), "--json"];
        let shown = place.json(&words);
        let mut rows = shown["values"].as_array().unwrap().iter();
        let rate = rows.find(|row| row["key"] == "train.learning_rate").unwrap();
        assert_eq!(rate["value"].as_f64(), Some(value), "{text}");
    }
}
