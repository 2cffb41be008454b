//! Every key of the record of `reproduce --json` stands in docs/records.md.

use minimascope_study::reproduction::Reproduction;
use schemars::schema_for;
use serde_json::Value;

#[test]
fn every_key_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/records.md");
    let page = std::fs::read_to_string(page).unwrap();
    for word in words(&schema_for!(Reproduction).into()) {
        assert!(page.contains(&format!("`{word}`")), "`{word}` is not in docs/records.md");
    }
}

/// Names of properties and of the values of closed choices.
fn words(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    properties.keys().cloned().chain(properties.values().flat_map(words)).collect()
                }
                ("const", Value::String(choice)) => vec![choice.clone()],
                _ => words(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(words).collect(),
        _ => Vec::new(),
    }
}
