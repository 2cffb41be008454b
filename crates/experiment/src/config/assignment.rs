//! `key=value` from the command line.

use std::str::FromStr;

use derive_more::Display;

use crate::Error;

/// One `key=value`: a dotted path of keys and a TOML value. A value that is not TOML is a string,
/// so that `precision=f64` needs no quotes.
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
        Ok(Self { path, value: parse_value(value.trim()) })
    }
}

fn parse_value(text: &str) -> toml::Value {
    text.parse::<toml::Value>().unwrap_or_else(|_| toml::Value::String(text.to_owned()))
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
    }

    #[test]
    fn what_is_not_an_assignment_is_refused() {
        for text in ["learning_rate", "=1", "a..b=1", "a=", "a b=1", ""] {
            assert!(text.parse::<Assignment>().is_err(), "{text}");
        }
    }
}
