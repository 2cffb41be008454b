//! JSON records of both versions of the schema, and traces.

use std::path::Path;

use minimascope_experiment::folder::trace_lines;
use minimascope_record::escape::{Escape, EscapeGrid, ToyEscape};
use minimascope_record::reproduction::Theory;
use minimascope_record::run::{Provenance, RunSummary, Timing};
use minimascope_record::stability::StabilityReport;
use minimascope_record::sweep::{RunFailure, SlurmLaunch};
use minimascope_record::trace::{CurvatureLine, StepLine};
use minimascope_record::versions::from_json;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::FuzzTarget;
use crate::configuration::said;
use crate::input::choice;

/// `0,` in a list becomes a value of a tree and a number of a record.
const MEMORY_PER_BYTE: usize = 2000;
/// `"launches":9999,"left":9` of version 1 becomes a list of so many values and then of so many steps.
const MEMORY_PER_BYTE_OF_RECORD: usize = 10_000 * 64 / 20;

/// The records that some command reads, in the order of the byte that chooses.
const READERS: [fn(&str); 10] = [
    record::<RunSummary>,
    record::<Provenance>,
    record::<Timing>,
    record::<StabilityReport>,
    record::<Escape>,
    record::<EscapeGrid>,
    record::<ToyEscape>,
    record::<Theory>,
    record::<RunFailure>,
    record::<SlurmLaunch>,
];

pub(crate) const RECORD: FuzzTarget = FuzzTarget {
    name: "record",
    longest: 4096,
    memory_per_byte: MEMORY_PER_BYTE_OF_RECORD,
    read: |input| {
        let (choice, text) = choice(input);
        let Ok(text) = str::from_utf8(text) else { return };
        READERS[usize::from(choice) % READERS.len()](text);
    },
};

fn record<T: Serialize + DeserializeOwned>(text: &str) {
    match from_json::<T>(text) {
        Ok(found) => {
            let written = serde_json::to_string(&found).expect("a record is JSON");
            let again: T = from_json(&written).unwrap_or_else(|error| panic!("{error}"));
            let again = serde_json::to_string(&again).expect("a record is JSON");
            assert_eq!(written, again, "what is written reads as the same");
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) const TRACE: FuzzTarget = FuzzTarget {
    name: "trace",
    longest: 512,
    memory_per_byte: MEMORY_PER_BYTE,
    read: |input| {
        let (choice, bytes) = choice(input);
        let read = |step| trace_lines(Path::new("steps.jsonl"), bytes, step);
        let all = match read(u64::MAX) {
            Ok(all) => all.lines,
            Err(error) => return said(Err(error)),
        };
        let until = read(10).expect("less is read of the same lines").lines;
        assert!(all.starts_with(&until), "lines until a step are the first of all");
        for text in &all {
            if choice & 1 == 0 { line::<StepLine>(text) } else { line::<CurvatureLine>(text) }
        }
    },
};

fn line<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) {
    if let Ok(found) = serde_json::from_str::<T>(text) {
        let written = serde_json::to_string(&found).expect("a line is JSON");
        let again: T = serde_json::from_str(&written).expect("what is written can be read");
        assert_eq!(found, again, "what is written reads as the same");
    }
}
