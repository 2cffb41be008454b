//! The words of a record's schema.

use serde_json::Value;

/// Names of properties and of the values of closed choices.
pub(crate) fn words(schema: &Value) -> Vec<String> {
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
