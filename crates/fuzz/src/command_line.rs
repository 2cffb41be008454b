//! Numbers and values of the command line.

use minimascope_experiment::config::assignment::Assignment;
use minimascope_experiment::config::number::number;
use minimascope_experiment::sweep::axes::SweptAssignment;
use minimascope_experiment::sweep::shard::Shard;

use crate::FuzzTarget;
use crate::configuration::said;

pub(crate) const NUMBER: FuzzTarget = FuzzTarget {
    name: "number",
    longest: 64,
    memory_per_byte: 200,
    read: |input| {
        let Ok(text) = str::from_utf8(input) else { return };
        match number(text) {
            Ok(value) => {
                let again = number(&format!("{value:?}")).expect("a number can be written");
                let is_same =
                    again.to_bits() == value.to_bits() || value.is_nan() && again.is_nan();
                assert!(is_same, "{value} is read as {again}");
                let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
                let is_nothing = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
                assert!(value != 0.0 || is_nothing, "{text} is not 0");
            }
            Err(fault) => drop(fault.to_string()),
        }
        let _ = text.parse::<Shard>();
    },
};

pub(crate) const ASSIGNMENT: FuzzTarget = FuzzTarget {
    name: "assignment",
    longest: 128,
    memory_per_byte: 2000,
    read: |input| {
        let Ok(text) = str::from_utf8(input) else { return };
        match text.parse::<Assignment>() {
            Ok(found) => {
                let written = found.to_string();
                let again: Assignment = written.parse().unwrap_or_else(|fault| panic!("{fault}"));
                assert_eq!(again.to_string(), written, "what is written reads as the same");
            }
            other => said(other.map(drop)),
        }
        match text.parse::<SweptAssignment>() {
            Ok(found) => assert!(!found.values.is_empty(), "an axis has a value"),
            other => said(other.map(drop)),
        }
    },
};
