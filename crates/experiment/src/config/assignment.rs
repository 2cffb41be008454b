//! `key=value` from the command line.

use std::str::FromStr;

use derive_more::Display;

use crate::Error;
use crate::config::number::{NumberFault, as_toml};

/// One `key=value`: a dotted path of keys and a TOML value, in which a number may be written as
/// `.5` or `5.`. A value that is not TOML is a string, so that `precision=f64` needs no quotes.
#[derive(Clone, Debug, PartialEq, Display)]
#[display("{}={value}", path.join("."))]
pub struct Assignment {
    /// The keys from the outermost.
    pub path: Vec<String>,
    /// The value.
    pub value: toml::Value,
}

impl FromStr for Assignment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Assignment(text.to_owned());
        let (key, value) = text.split_once('=').ok_or_else(malformed)?;
        let path: Vec<String> = key.trim().split('.').map(str::to_owned).collect();
        let is_key = |part: &String| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        if !path.iter().all(is_key) || value.trim().is_empty() {
            return Err(malformed());
        }
        Ok(Self { path, value: parse_value(value.trim())? })
    }
}

fn parse_value(text: &str) -> Result<toml::Value, NumberFault> {
    let value = as_toml(text)?.parse();
    Ok(value.unwrap_or_else(|_| toml::Value::String(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_else_strings() {
        let value = |text: &str| text.parse::<Assignment>().unwrap().value;
        assert_eq!(value("a.b=0.5"), toml::Value::Float(0.5));
        assert_eq!(value("a=10"), toml::Value::Integer(10));
        assert_eq!(value("a=1e-4"), toml::Value::Float(1e-4));
        assert_eq!(value("a=true"), toml::Value::Boolean(true));
        assert_eq!(value("a=all"), toml::Value::String("all".into()));
        assert_eq!(value("a=\"10\""), toml::Value::String("10".into()));
        assert_eq!(value("a=[0, 1]").as_array().unwrap().len(), 2);
        assert_eq!(value("a={ first = 3 }").as_table().unwrap().len(), 1);
        assert_eq!(value("a=x=y"), toml::Value::String("x=y".into()));
        assert!(value("a=nan").as_float().unwrap().is_nan());
        assert_eq!(value("a=.5"), toml::Value::Float(0.5));
        assert_eq!(value("a=5."), toml::Value::Float(5.0));
        assert_eq!(value("a=1_000.5"), toml::Value::Float(1000.5));
        assert_eq!(value("a=[.5, 1.]"), toml::Value::Array(vec![0.5.into(), 1.0.into()]));
        assert_eq!(value("a={ momentum = .9 }")["momentum"], toml::Value::Float(0.9));
        assert_eq!(value("a='.5'"), toml::Value::String(".5".into()));
        assert_eq!(value("a=data/.5/x.npz"), toml::Value::String("data/.5/x.npz".into()));
    }

    #[test]
    fn a_number_out_of_range_is_refused_and_not_rounded() {
        let said = |text: &str| text.parse::<Assignment>().unwrap_err().to_string();
        assert!(said("a=1e400").starts_with("1e400 is larger"), "{}", said("a=1e400"));
        assert!(said("a=[1, 1e-400]").contains("1e-400 is so small"), "{}", said("a=[1, 1e-400]"));
    }

    #[test]
    fn what_is_not_an_assignment_is_refused() {
        for text in ["learning_rate", "=1", "a..b=1", "a=", "a b=1", ""] {
            assert!(text.parse::<Assignment>().is_err(), "{text}");
        }
    }
}
