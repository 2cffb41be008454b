//! The traces of one run in long form: run, step, name, value.

use serde_json::{Map, Value};

use super::table::{Column, Table, Values};
use crate::Error;
use crate::folder::{CURVATURE, STEPS};
use crate::sweep::store::Store;

/// Every number of both traces; of an eigenvalue its value and its relative residual.
pub(super) fn table(store: &Store, id: &str, points: Option<usize>) -> Result<Table, Error> {
    let folder = store.run(id);
    let (mut steps, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for file in [STEPS, CURVATURE] {
        let lines = folder.lines_until(file, u64::MAX)?;
        let every = points.map_or(1, |points| lines.len().div_ceil(points.max(1)).max(1));
        let last = lines.len().saturating_sub(1);
        let chosen = lines.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last);
        for (_, line) in chosen {
            let damaged = |message: String| Error::Damaged { path: folder.file(file), message };
            let line: Map<String, Value> =
                serde_json::from_str(line).map_err(|fault| damaged(fault.to_string()))?;
            let step = line.get("step").and_then(Value::as_u64);
            for (name, value) in line.iter().filter(|(name, _)| *name != "step") {
                let mut row = |name: String, value: Option<f64>| {
                    steps.push(step);
                    names.push(Some(name));
                    values.push(value);
                };
                match value {
                    Value::Object(measured) if measured.contains_key("value") => {
                        row(name.clone(), measured["value"].as_f64());
                        let residual = measured["relative_residual"].as_f64();
                        row(format!("{name}_relative_residual"), residual);
                    }
                    Value::Number(_) | Value::Null => row(name.clone(), value.as_f64()),
                    _ => {
                        let step = step.unwrap_or_default();
                        return Err(damaged(format!("{name} at step {step} is not a number")));
                    }
                }
            }
        }
    }
    let column = |name: &str, values| Column {
        name: name.to_owned(),
        unit: String::new(),
        meaning: String::new(),
        values,
    };
    Ok(Table {
        columns: vec![
            column("run", Values::Text(vec![Some(id.to_owned()); steps.len()])),
            column("step", Values::Integer(steps)),
            column("name", Values::Text(names)),
            column("value", Values::Number(values)),
        ],
    })
}

#[cfg(test)]
mod tests {
    use crate::folder::RunFolder;

    use super::*;

    #[test]
    fn a_line_that_is_no_record_is_not_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path().to_owned());
        let folder = RunFolder::at(directory.path().join("run"));
        folder.create().unwrap();
        let collected = |line: &str| {
            let text = format!("{{\"step\":1,\"batch_loss\":0.5}}\n{line}\n{{\"step\":3}}\n");
            folder.write(STEPS, text.as_bytes()).unwrap();
            table(&store, "run", None).map(|table| table.rows()).map_err(|error| error.to_string())
        };
        assert_eq!(collected("{\"step\":2,\"batch_loss\":null}"), Ok(2));
        for line in ["{\"step\":2,\"batch_loss\":\"0.4\"}", "{\"step\":2,\"batch_loss\":{}}", "[2]"]
        {
            let refused = collected(line).unwrap_err();
            assert!(refused.contains("steps.jsonl is damaged: "), "{line}: {refused}");
        }
    }
}
