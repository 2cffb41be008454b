//! Records of version 1, one of each kind as the program of that time wrote them.

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::escape::{Escape, EscapeGrid, ToyEscape};
use minimascope_record::reproduction::Theory;
use minimascope_record::run::{Provenance, RunSummary};
use minimascope_record::stability::{StabilityQuestion, StabilityReport, Verdict};
use minimascope_record::threshold::{
    Bracket, CriterionName, Evidence, LowerBy, Proves, RankStop, by, mean_square,
};
use minimascope_record::training::Sampling;
use minimascope_record::versions::from_json;
use serde::Serialize;
use serde::de::DeserializeOwned;

macro_rules! old {
    ($name:literal) => {
        read(include_str!(concat!("version-1/", $name, ".json")))
    };
}

/// Reads a record of version 1; what is written again is read as it is.
fn read<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(text: &str) -> T {
    let record: T = from_json(text).unwrap();
    let written = serde_json::to_string(&record).unwrap();
    assert!(written.contains(&format!("\"schema_version\":{SCHEMA_VERSION}")), "{written}");
    assert_eq!(from_json::<T>(&written).unwrap(), record);
    record
}

#[test]
fn runs_and_spectra() {
    let run: RunSummary = old!("run");
    assert_eq!((run.run.as_str(), run.schema_version), ("c44f334af7fe8e18", 2));
    let measured: RunSummary = old!("spectrum");
    assert_eq!(measured.spectrum.unwrap().top.len(), 3);
    let provenance: Provenance = old!("provenance");
    assert_eq!(provenance.run, run.run);
}

#[test]
fn an_answer_about_one_pair() {
    let answer: StabilityReport = old!("stability");
    let origin = answer.origin.unwrap();
    assert_eq!((origin.run.as_str(), origin.learning_rate), ("c44f334af7fe8e18", 0.5));
    assert_eq!((origin.batch_size, origin.test_accuracy), (12, Some(0.7)));
    assert_eq!((answer.point.parameters, answer.point.gauss_newton.rank), (314, 24));
    assert_eq!(answer.point.example_curvatures.converged, None);
    let question = StabilityQuestion {
        learning_rate: Some(0.3),
        batch_size: Some(3),
        momentum: Some(0.0),
        sampling: Some(Sampling::ReshuffledEpochs),
        boundary: true,
        attribution: 4,
        batch_sharpness: true,
        ..StabilityQuestion::default()
    };
    assert_eq!(answer.question, question);
    assert_eq!(answer.verdict, Some(Verdict::NotDecided));

    let exact = mean_square(&answer.thresholds).unwrap();
    assert_eq!(exact.learning_rate, 0.443143314735306);
    let ends = Bracket { lower: 0.44289851535583247, upper: 0.443143314735306 };
    assert_eq!((exact.bracket, exact.proves), (Some(ends), Proves::Both));
    let search = exact.search().unwrap();
    assert_eq!((search.lower_by, search.stop), (LowerBy::Certificate, RankStop::AllDirections));
    let names: Vec<&str> = answer.thresholds.iter().map(|at| at.criterion.as_str()).collect();
    assert_eq!(
        names,
        [
            "theorem-1",
            "rectangle",
            "mean-square",
            "top-direction",
            "traces",
            "best-direction",
            "almost-sure",
            "gradient-descent",
            "decoupled",
            "worst-example",
            "worst-batch"
        ]
    );
    let almost = by(&answer.thresholds, &CriterionName::ALMOST_SURE).unwrap();
    assert!(matches!(almost.evidence, Evidence::Simulation { rank: 24, converged: true, .. }));
    assert_eq!(answer.boundary.len(), 2);
    assert!(answer.boundary.iter().all(|row| mean_square(&row.thresholds).is_some()));
    let attribution = answer.attribution.unwrap();
    assert_eq!((attribution.rank, attribution.left_out.len()), (24, 4));
    assert!(attribution.critical_of_rest.is_empty());
    assert_eq!(attribution.mean_square[0].label, Some(1));
}

#[test]
fn an_answer_with_momentum() {
    let answer: StabilityReport = old!("momentum");
    assert!(answer.question.quick && answer.question.momentum == Some(0.9));
    assert!(by(&answer.thresholds, &CriterionName::THEOREM_ONE).is_none());
    let rectangle = by(&answer.thresholds, &CriterionName::RECTANGLE).unwrap();
    assert_eq!(rectangle.remark.as_deref(), Some("without momentum"));
}

#[test]
fn launches_keep_their_steps_of_departure() {
    let escape: Escape = old!("escape");
    assert_eq!(escape.launches.len(), 3);
    assert_eq!(escape.origin.batch_size, 12);
    assert!(mean_square(&escape.thresholds).is_some());
    assert_eq!(escape.linearised.by_sampling.len(), 2);
    assert!(!escape.linearised.by_sampling[0].departures.is_empty());
    let grid: EscapeGrid = old!("grid");
    assert_eq!(grid.cells.len(), 4);
    let left: Vec<u64> = grid.cells.iter().map(|cell| cell.left()).collect();
    assert_eq!(left, [0, 3, 0, 1]);
    assert!(grid.cells.iter().all(|cell| cell.departures.len() == 3 || cell.batch_size == 12));
}

/// The oldest records of version 1 name only the earliest departure.
#[test]
fn counts_without_steps_become_departures() {
    let text = include_str!("version-1/grid.json");
    let mut grid: serde_json::Value = serde_json::from_str(text).unwrap();
    for cell in grid["cells"].as_array_mut().unwrap() {
        cell.as_object_mut().unwrap().remove("departures");
    }
    let grid: EscapeGrid = from_json(&grid.to_string()).unwrap();
    let before: EscapeGrid = old!("grid");
    for (cell, known) in grid.cells.iter().zip(&before.cells) {
        assert_eq!((cell.left(), cell.left_at()), (known.left(), known.left_at()));
    }
}

#[test]
fn the_example_and_the_theory_of_a_study() {
    let toy: ToyEscape = old!("toy");
    assert_eq!(toy.minima.len(), 2);
    assert!(mean_square(&toy.minima[1].thresholds).is_some());
    let theory: Theory = old!("theory");
    assert!(mean_square(&theory.stability[0].thresholds).is_some());
}

#[test]
fn a_newer_version_is_refused_by_number() {
    let text = include_str!("version-1/run.json")
        .replace("\"schema_version\": 1", "\"schema_version\": 99");
    let refused = from_json::<RunSummary>(&text).unwrap_err().to_string();
    assert!(refused.contains("version 99") && refused.contains("update minimascope"), "{refused}");
}

#[test]
fn a_version_that_never_was_is_refused() {
    for version in ["0", "\"2\"", "null", "1.5", "-1"] {
        let text = format!("{{\"schema_version\": {version}}}");
        let refused = from_json::<serde_json::Value>(&text).unwrap_err().to_string();
        assert!(refused.contains(&format!("schema_version is {version}, ")), "{refused}");
    }
    assert!(from_json::<serde_json::Value>("{}").is_ok());
}

/// What is wrong with an answer of version 1 in which this stands for its critical learning rate.
fn critical(object: &str) -> String {
    let text = include_str!("version-1/stability.json");
    let mut answer: serde_json::Value = serde_json::from_str(text).unwrap();
    answer["critical_learning_rate"] = serde_json::from_str(object).unwrap();
    from_json::<StabilityReport>(&answer.to_string()).unwrap_err().to_string()
}

#[test]
fn a_damaged_record_of_version_1_is_refused_and_loses_nothing() {
    for (object, said) in [
        ("0.3", "critical_learning_rate is not an object"),
        (r#"{"exact": 0.3}"#, "exact is not an object"),
        (r#"{"exact": []}"#, "exact is not an object"),
        (r#"{"theorem1": "0.3"}"#, "theorem1 is not a number"),
        (r#"{"rectangle": {}}"#, "rectangle is not a number"),
        (r#"{"almost_sure": 0.3}"#, "almost_sure is not an object"),
        (r#"{"worst_batch": 0.3}"#, "worst_batch is not an object"),
        (r#"{"bounds": 0.3}"#, "bounds is not a list"),
        (r#"{"bounds": [1, 2, 3, 4]}"#, "bounds has 4 values, version 1 had 3"),
    ] {
        assert_eq!(critical(object), format!("of version 1: {said}"), "{object}");
    }
    let grid = include_str!("version-1/grid.json");
    for (from, to, said) in [
        ("\"launches\": 3", "\"launches\": 1000000000000000", "launches is 1000000000000000"),
        ("\"launches\": 3", "\"launches\": -1", "launches is -1"),
        ("\"left\": 3", "\"left\": \"3\"", "left is \"3\""),
        ("\"left\": 3", "\"left\": 4", "left is 4"),
    ] {
        let text = grid.replace("\"departures\"", "\"other\"").replacen(from, to, 1);
        let refused = from_json::<EscapeGrid>(&text).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("of version 1: {said}")), "{to}: {refused}");
    }
}

#[test]
fn a_key_that_is_named_twice_is_refused() {
    let text = include_str!("version-1/run.json");
    let twice = text.replacen('{', "{\"steps\": 7,", 1);
    let refused = from_json::<RunSummary>(&twice).unwrap_err().to_string();
    assert!(refused.starts_with("the key steps is named twice"), "{refused}");
    let inner = r#"{"schema_version": 2, "rows": [{"a": 1, "b": {"c": 1, "c": 2}}]}"#;
    let refused = from_json::<serde_json::Value>(inner).unwrap_err().to_string();
    assert!(refused.starts_with("the key c is named twice"), "{refused}");
}
