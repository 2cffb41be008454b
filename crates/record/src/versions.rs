//! Reading records of today and of earlier versions of the schema: the one place that knows what
//! version 1 called things.
//!
//! Version 2 has a list of thresholds where version 1 had one field a criterion, separates where a
//! point comes from (`origin`) from what was measured there (`point`), and leaves out counts that
//! follow from `departures`.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value, json};

use crate::SCHEMA_VERSION;
use crate::unique_keys::value;

/// A launch is a training run of its own. A record of version 1 that counts more of them in one place is
/// taken for damaged, because a count becomes a list as long.
const MOST_LAUNCHES: u64 = 10_000;

/// Reads one JSON object of this schema's version or of an earlier one.
///
/// # Errors
/// What `serde_json` finds wrong, a key that an object names twice, and a version that is newer than this
/// program's or none at all.
pub fn from_json<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut value = value(text)?;
    // Some records have no version of their own.
    match value.get("schema_version").map(Value::as_u64) {
        Some(Some(1)) => upgrade(&mut value, 0.0)
            .map_err(|fault| serde_json::Error::custom(format!("of version 1: {fault}")))?,
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

/// Why a record of version 1 is none: a sentence.
type Fault = String;

/// From version 1 to version 2, in place and at every depth. `momentum` is that of the object around.
fn upgrade(value: &mut Value, momentum: f64) -> Result<(), Fault> {
    match value {
        Value::Array(values) => values.iter_mut().try_for_each(|value| upgrade(value, momentum)),
        Value::Object(object) => {
            let momentum = object.get("momentum").and_then(Value::as_f64).unwrap_or(momentum);
            for (key, value) in object.iter_mut() {
                // A configuration has a version of its own.
                if key != "configuration" {
                    upgrade(value, momentum)?;
                }
            }
            upgrade_object(object, momentum)
        }
        _ => Ok(()),
    }
}

fn upgrade_object(object: &mut Map<String, Value>, momentum: f64) -> Result<(), Fault> {
    if object.get("schema_version") == Some(&json!(1)) {
        object.insert("schema_version".into(), json!(SCHEMA_VERSION));
    }
    // That of a rank, of left out examples and of the worst batch is a number.
    let is_number = ["rank", "examples", "batches"].iter().any(|key| object.contains_key(*key));
    if !is_number && let Some(critical) = object_of(object, "critical_learning_rate")? {
        let thresholds = thresholds(critical, momentum)?;
        object.remove("critical_learning_rate");
        object.insert("thresholds".into(), thresholds);
    }
    if let Some(minimum) = object_of(object, "minimum")? {
        let (origin, point) = origin_and_point(minimum.clone());
        object.remove("minimum");
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
        departures(object)?;
    }
    Ok(())
}

/// An object under a key, if something stands there.
fn object_of<'a>(
    around: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a Map<String, Value>>, Fault> {
    match around.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("{key} is not an object")),
    }
}

/// A number under a key, if something stands there.
fn number_of<'a>(around: &'a Map<String, Value>, key: &str) -> Result<Option<&'a Value>, Fault> {
    match around.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(number) if number.is_number() => Ok(Some(number)),
        Some(_) => Err(format!("{key} is not a number")),
    }
}

fn or_null(object: &Map<String, Value>, key: &str) -> Value {
    object.get(key).cloned().unwrap_or(Value::Null)
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

fn thresholds(critical: &Map<String, Value>, momentum: f64) -> Result<Value, Fault> {
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
    for field in &FIELDS[..2] {
        list.extend(number_of(critical, field.0)?.map(|value| push(*field, value, formula())));
    }
    if let Some(exact) = object_of(critical, "exact")? {
        let mut evidence = exact.clone();
        evidence.insert("kind".into(), json!("search"));
        let field = ("", "mean-square", "exact", "both", MULAYOFF);
        let mut threshold = push(field, &or_null(exact, "estimate"), Value::Object(evidence));
        let (lower, upper) = (or_null(exact, "lower"), or_null(exact, "upper"));
        threshold["bracket"] = json!({ "lower": lower, "upper": upper });
        list.push(threshold);
    }
    let bounds = match critical.get("bounds") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(bounds)) if bounds.len() <= BOUNDS.len() => bounds,
        Some(Value::Array(bounds)) => {
            return Err(format!(
                "bounds has {} values, version 1 had {}",
                bounds.len(),
                BOUNDS.len()
            ));
        }
        Some(_) => return Err("bounds is not a list".to_owned()),
    };
    let bounds = bounds.iter().zip(BOUNDS);
    list.extend(bounds.map(|(value, field)| push(field, value, formula())));
    if let Some(found) = object_of(critical, "almost_sure")? {
        let evidence = json!({
            "kind": "simulation",
            "standard_error": or_null(found, "standard_error"),
            "converged": found.get("converged").unwrap_or(&json!(false)),
            "rank": found.get("rank").unwrap_or(&json!(0)),
        });
        let field = ("", "almost-sure", "almost sure", "nothing", "Furstenberg & Kesten 1960");
        list.push(push(field, &or_null(found, "value"), evidence));
    }
    for field in &FIELDS[2..] {
        list.extend(number_of(critical, field.0)?.map(|value| push(*field, value, formula())));
    }
    if let Some(found) = object_of(critical, "worst_batch")? {
        let evidence = json!({
            "kind": "sample",
            "batches": or_null(found, "batches"),
            "sharpness": or_null(found, "sharpness"),
            "mean_sharpness": or_null(found, "mean_sharpness"),
        });
        let field = ("", "worst-batch", "worst batch drawn", "nothing", STICH);
        list.push(push(field, &or_null(found, "critical_learning_rate"), evidence));
    }
    Ok(Value::Array(list))
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
    json!({
        "learning_rate": or_null(report, "learning_rate"),
        "batch_size": if found { Value::Null } else { or_null(report, "batch_size") },
        "momentum": or_null(report, "momentum"),
        "sampling": or_null(report, "sampling_used"),
        "boundary": is_filled("boundary"),
        "attribution": attributed.map_or(0, Vec::len),
        "batch_sharpness": is_filled("batch_sharpness"),
        "quick": quick,
    })
}

/// Counts of launches become their steps of departure. Where a record has only the earliest, it
/// stands for all of them.
fn departures(object: &mut Map<String, Value>) -> Result<(), Fault> {
    let count = |key: &str, most: u64| match object.get(key) {
        None | Some(Value::Null) => Ok(0),
        Some(count) => count
            .as_u64()
            .filter(|count| *count <= most)
            .ok_or_else(|| format!("{key} is {count}, not a number of launches up to {most}")),
    };
    let launches = count("launches", MOST_LAUNCHES)?;
    let left = count("left", launches)? + count("left_later", launches)?;
    let known = object.get("departures").and_then(Value::as_array).is_some_and(|d| !d.is_empty());
    if !known {
        let at = object.get("left_at").cloned().unwrap_or(Value::Null);
        let each = (0..launches).map(|launch| if launch < left { at.clone() } else { Value::Null });
        object.insert("departures".into(), each.collect());
    }
    for key in ["launches", "left", "left_later", "left_at"] {
        object.remove(key);
    }
    Ok(())
}
