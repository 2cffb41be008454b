//! Lists of thresholds in what the commands print.

use serde_json::Value;

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The threshold of one criterion.
pub(crate) fn threshold<'a>(thresholds: &'a Value, criterion: &str) -> &'a Value {
    let mut list = thresholds.as_array().unwrap_or_else(|| panic!("no list: {thresholds}")).iter();
    let found = list.find(|threshold| threshold["criterion"] == criterion);
    found.unwrap_or_else(|| panic!("no {criterion} in {thresholds}"))
}

/// η* of one criterion.
pub(crate) fn critical(thresholds: &Value, criterion: &str) -> f64 {
    number(&threshold(thresholds, criterion)["learning_rate"])
}

/// The proved ends of the exact threshold.
pub(crate) fn bracket(thresholds: &Value) -> (f64, f64) {
    let bracket = &threshold(thresholds, "mean-square")["bracket"];
    (number(&bracket["lower"]), number(&bracket["upper"]))
}

/// The keys that every threshold has, and the order in which the proved ones stand.
pub(crate) fn assert_thresholds(thresholds: &Value) {
    for threshold in thresholds.as_array().unwrap() {
        for key in ["criterion", "title", "source"] {
            assert!(!threshold[key].as_str().unwrap().is_empty(), "{key} of {threshold}");
        }
        assert!(number(&threshold["learning_rate"]) > 0.0, "{threshold}");
        assert!(threshold["evidence"]["kind"].is_string(), "{threshold}");
    }
    let (lower, upper) = bracket(thresholds);
    let estimate = critical(thresholds, "mean-square");
    assert!(lower <= estimate && estimate <= upper && lower > 0.0, "{thresholds}");
    // What a criterion proves is in the record, and in the order of the numbers. Both ends come from
    // iterations with a relative residual of 1e-5.
    for (criterion, proves) in [
        ("theorem-1", "staying-below"),
        ("mean-square", "both"),
        ("top-direction", "leaving-above"),
        ("traces", "leaving-above"),
        ("best-direction", "leaving-above"),
        ("gradient-descent", "leaving-above"),
        ("rectangle", "nothing"),
    ] {
        assert_eq!(threshold(thresholds, criterion)["proves"], proves, "{criterion}");
        let value = critical(thresholds, criterion);
        let in_order = match proves {
            "staying-below" => value <= lower * (1.0 + 1e-4),
            "leaving-above" => upper <= value * (1.0 + 1e-9),
            _ => true,
        };
        assert!(in_order, "{criterion}: {thresholds}");
    }
}
