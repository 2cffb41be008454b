//! The number of examples in a batch.

use std::borrow::Cow;
use std::fmt;

use derive_more::Display;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The examples of one step: a number B, or `"all"`, which makes the optimiser gradient descent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display)]
#[display(rename_all = "lowercase")]
pub enum BatchSize {
    /// B = n.
    All,
    /// B.
    Examples(usize),
}

impl BatchSize {
    /// B for a training set of n examples.
    pub fn of(self, examples: usize) -> usize {
        match self {
            Self::All => examples,
            Self::Examples(batch) => batch,
        }
    }
}

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Examples(batch) => batch.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BatchSizeVisitor;
        impl Visitor<'_> for BatchSizeVisitor {
            type Value = BatchSize;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number of examples from 1 or \"all\"")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<BatchSize, E> {
                usize::try_from(value)
                    .ok()
                    .filter(|batch| *batch > 0)
                    .map(BatchSize::Examples)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<BatchSize, E> {
                match u64::try_from(value) {
                    Ok(value) => self.visit_u64(value),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<BatchSize, E> {
                if value == "all" {
                    Ok(BatchSize::All)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }
        }
        deserializer.deserialize_any(BatchSizeVisitor)
    }
}

impl JsonSchema for BatchSize {
    fn schema_name() -> Cow<'static, str> {
        "BatchSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The examples of one step: a number from 1, or \"all\" (gradient descent).",
            "oneOf": [{ "const": "all" }, { "type": "integer", "minimum": 1 }]
        })
    }
}
