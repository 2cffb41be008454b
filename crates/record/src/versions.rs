//! Reading records of today and of earlier versions of the schema: the one place that knows what
//! version 1 called things.
//!
//! Version 2 has a list of thresholds where version 1 had one field a criterion, separates where a
//! point comes from (`origin`) from what was measured there (`point`), and leaves out counts that
//! follow from `departures`.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value, json};

use crate::SCHEMA_VERSION;

/// Reads one JSON object of this schema's version or of an earlier one.
///
/// # Errors
/// What `serde_json` finds wrong, and a version that is newer than this program's or none at all.
pub fn from_json<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut value: Value = serde_json::from_str(text)?;
    // Some records have no version of their own.
    match value.get("schema_version").map(Value::as_u64) {
        Some(Some(1)) => upgrade(&mut value, 0.0),
        Some(None | Some(0)) => {
            return Err(serde_json::Error::custom(format!(
                "schema_version is {}, which no version of this program wrote",
                value["schema_version"]
            )));
        }
        Some(Some(version)) if version > u64::from(SCHEMA_VERSION) => {
            return Err(serde_json::Error::custom(format!(
                "the record has schema version {version}, this program reads up to {SCHEMA_VERSION}: \
                 update minimascope"
            )));
        }
        _ => {}
    }
    serde_json::from_value(value)
}

/// From version 1 to version 2, in place and at every depth. `momentum` is that of the object around.
fn upgrade(value: &mut Value, momentum: f64) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| upgrade(value, momentum)),
        Value::Object(object) => {
            let momentum = object.get("momentum").and_then(Value::as_f64).unwrap_or(momentum);
            for (key, value) in object.iter_mut() {
                // A configuration has a version of its own.
                if key != "configuration" {
                    upgrade(value, momentum);
                }
            }
            upgrade_object(object, momentum);
        }
        _ => {}
    }
}

fn upgrade_object(object: &mut Map<String, Value>, momentum: f64) {
    if object.get("schema_version") == Some(&json!(1)) {
        object.insert("schema_version".into(), json!(SCHEMA_VERSION));
    }
    if object.get("critical_learning_rate").is_some_and(Value::is_object)
        && let Some(Value::Object(critical)) = object.remove("critical_learning_rate")
    {
        object.insert("thresholds".into(), thresholds(&critical, momentum));
    }
    if let Some(Value::Object(minimum)) = object.remove("minimum") {
        let (origin, point) = origin_and_point(minimum);
        object.insert("origin".into(), origin);
        object.insert("point".into(), point);
    }
    if object.contains_key("sampling_assumed") && !object.contains_key("question") {
        object.insert("question".into(), question(object));
    }
    rename(object, "blame", "attribution");
    if object.contains_key("mean_square") && object.contains_key("left_out") {
        rename(object, "directions", "rank");
    }
    rename(object, "laws", "by_sampling");
    if object.contains_key("left") && object.contains_key("launches") {
        departures(object);
    }
}

fn rename(object: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.into(), value);
    }
}

/// A criterion of version 1: its field, and its name, title, proof and source today.
type Field = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Those with a number of their own.
const FIELDS: [Field; 5] = [
    ("theorem1", "theorem-1", "Theorem 1", "staying-below", WU),
    ("rectangle", "rectangle", "rectangle", "nothing", WU),
    ("gradient_descent", "gradient-descent", "gradient descent", "leaving-above", "Polyak 1964"),
    ("decoupled", "decoupled", "decoupled noise", "nothing", "Mori, Ziyin, Liu & Ueda 2022"),
    ("worst_example", "worst-example", "worst example", "nothing", STICH),
];
/// The entries of `bounds`, in their order.
const BOUNDS: [Field; 3] = [
    ("", "top-direction", "bound of the top direction", "leaving-above", MULAYOFF),
    ("", "traces", "bound of the traces", "leaving-above", MULAYOFF),
    ("", "best-direction", "bound of the best direction", "leaving-above", MULAYOFF),
];
const WU: &str = "Wu, Ma & E 2018";
const MULAYOFF: &str = "Mulayoff & Michaeli 2024";
const STICH: &str = "Mulayoff & Stich 2026";

fn thresholds(critical: &Map<String, Value>, momentum: f64) -> Value {
    let mut list = Vec::new();
    let push = |(_, name, title, proves, source): Field, value: &Value, evidence: Value| {
        let mut threshold = json!({
            "criterion": name,
            "title": title,
            "learning_rate": value,
            "proves": proves,
            "source": source,
            "evidence": evidence,
        });
        if let Some(remark) = remark(name, momentum) {
            threshold["remark"] = json!(remark);
        }
        threshold
    };
    let formula = || json!({ "kind": "formula" });
    let number = |key: &str| critical.get(key).filter(|value| value.is_number());
    for field in &FIELDS[..2] {
        list.extend(number(field.0).map(|value| push(*field, value, formula())));
    }
    if let Some(exact) = critical.get("exact") {
        let mut evidence = exact.clone();
        evidence["kind"] = json!("search");
        let field = ("", "mean-square", "exact", "both", MULAYOFF);
        let mut threshold = push(field, &exact["estimate"], evidence);
        threshold["bracket"] = json!({ "lower": exact["lower"], "upper": exact["upper"] });
        list.push(threshold);
    }
    let bounds = critical.get("bounds").and_then(Value::as_array).into_iter().flatten();
    list.extend(bounds.zip(BOUNDS).map(|(value, field)| push(field, value, formula())));
    if let Some(found) = critical.get("almost_sure").filter(|found| found.is_object()) {
        let evidence = json!({
            "kind": "simulation",
            "standard_error": found["standard_error"],
            "converged": found.get("converged").unwrap_or(&json!(false)),
            "rank": found.get("rank").unwrap_or(&json!(0)),
        });
        let field = ("", "almost-sure", "almost sure", "nothing", "Furstenberg & Kesten 1960");
        list.push(push(field, &found["value"], evidence));
    }
    for field in &FIELDS[2..] {
        list.extend(number(field.0).map(|value| push(*field, value, formula())));
    }
    if let Some(found) = critical.get("worst_batch").filter(|found| found.is_object()) {
        let evidence = json!({
            "kind": "sample",
            "batches": found["batches"],
            "sharpness": found["sharpness"],
            "mean_sharpness": found["mean_sharpness"],
        });
        let field = ("", "worst-batch", "worst batch drawn", "nothing", STICH);
        list.push(push(field, &found["critical_learning_rate"], evidence));
    }
    Value::Array(list)
}

/// Version 1 said in the program's table what these thresholds leave out.
fn remark(name: &str, momentum: f64) -> Option<&'static str> {
    let plain = ["rectangle", "decoupled", "worst-example", "worst-batch"];
    (momentum > 0.0 && plain.contains(&name)).then_some("without momentum")
}

fn origin_and_point(mut minimum: Map<String, Value>) -> (Value, Value) {
    let mut origin = Map::new();
    for (from, to) in [
        ("run", "run"),
        ("model", "model"),
        ("data", "data"),
        ("trained_learning_rate", "learning_rate"),
        ("trained_batch_size", "batch_size"),
        ("test_accuracy", "test_accuracy"),
    ] {
        origin.insert(to.into(), minimum.remove(from).unwrap_or(Value::Null));
    }
    (Value::Object(origin), Value::Object(minimum))
}

/// What was asked, as far as the answer shows it.
fn question(report: &Map<String, Value>) -> Value {
    let is_filled = |key: &str| {
        report.get(key).is_some_and(|value| match value {
            Value::Null => false,
            Value::Array(values) => !values.is_empty(),
            _ => true,
        })
    };
    let simulated = |thresholds: Option<&Value>| {
        let thresholds = thresholds.and_then(Value::as_array).into_iter().flatten();
        thresholds.into_iter().any(|threshold| {
            threshold["criterion"] == "almost-sure" || threshold["criterion"] == "worst-batch"
        })
    };
    let rows = report.get("boundary").and_then(Value::as_array).into_iter().flatten();
    let quick = !simulated(report.get("thresholds"))
        && !rows.into_iter().any(|row| simulated(row.get("thresholds")));
    // For a question about η alone, B is part of the answer.
    let found = is_filled("smallest_batch_size");
    let attributed = report.get("blame").and_then(|blame| blame["mean_square"].as_array());
    let or_null = |key: &str| report.get(key).cloned().unwrap_or(Value::Null);
    json!({
        "learning_rate": or_null("learning_rate"),
        "batch_size": if found { Value::Null } else { or_null("batch_size") },
        "momentum": or_null("momentum"),
        "sampling": or_null("sampling_used"),
        "boundary": is_filled("boundary"),
        "attribution": attributed.map_or(0, Vec::len),
        "batch_sharpness": is_filled("batch_sharpness"),
        "quick": quick,
    })
}

/// Counts of launches become their steps of departure. Where a record has only the earliest, it
/// stands for all of them.
fn departures(object: &mut Map<String, Value>) {
    let count = |object: &Map<String, Value>, key: &str| {
        object.get(key).and_then(Value::as_u64).unwrap_or(0) as usize
    };
    let (launches, left) = (count(object, "launches"), count(object, "left"));
    let left = left + count(object, "left_later");
    let known = object.get("departures").and_then(Value::as_array).is_some_and(|d| !d.is_empty());
    if !known {
        let at = object.get("left_at").cloned().unwrap_or(Value::Null);
        let each = (0..launches).map(|launch| if launch < left { at.clone() } else { Value::Null });
        object.insert("departures".into(), each.collect());
    }
    for key in ["launches", "left", "left_later", "left_at"] {
        object.remove(key);
    }
}
