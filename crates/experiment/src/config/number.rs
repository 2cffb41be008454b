//! Numbers as people write them: `.5`, `5.`, `+0.1`, `1_000.5`, `1e-3`.

/// Why a text gives no number, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberFault {
    /// It is not one.
    #[error("{text} is not a number; write {instead}")]
    NotANumber {
        /// What was written.
        text: String,
        /// What was probably meant, or an example.
        instead: String,
    },
    /// Double precision ends before it.
    #[error("{0} is larger than every number in double precision; write at most 1.7e308")]
    TooLarge(String),
    /// Double precision would make it zero.
    #[error("{0} is so small that it is 0 in double precision; write 0, or at least 5e-324")]
    TooSmall(String),
    /// 64 bits end before it.
    #[error("{0} is larger than every whole number that is read; write at most {max}", max = i64::MAX)]
    TooLargeWhole(String),
}

/// A value that stands where a number is expected and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongNumber {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub fault: &'static str,
    /// What to write.
    pub instead: String,
}

/// Reads a number.
///
/// # Errors
/// [`NumberFault`].
pub fn number(text: &str) -> Result<f64, NumberFault> {
    let text = text.trim();
    match Written::parse(text) {
        Some(written) => written.value(),
        // inf and nan.
        None => text.parse().map_err(|_| NumberFault::NotANumber {
            text: text.to_owned(),
            instead: meant(text).unwrap_or_else(|| "a number such as 0.5 or 1e-3".to_owned()),
        }),
    }
}

/// Whether a number, written without `_`, is 0 in double precision and is not as it is written.
pub(crate) fn becomes_zero(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().any(|digit| matches!(digit, b'1'..=b'9')) && text.parse() == Ok(0.0)
}

/// The number that a text was probably meant to be.
pub(crate) fn meant(text: &str) -> Option<String> {
    let value = |text: &str| Written::parse(text.trim())?.value().ok();
    let share = || {
        let (above, below) = text.split_once('/')?;
        let share = value(above)? / value(below)?;
        share.is_finite().then(|| share.to_string())
    };
    let with_a_point = || {
        let (whole, fraction) = text.split_once(',')?;
        let with_a_point = format!("{whole}.{fraction}");
        value(&with_a_point).map(|_| with_a_point)
    };
    // 0.1f and 0.1d of other languages.
    let without_a_letter = || {
        let number = text.strip_suffix(|letter: char| letter.is_ascii_alphabetic())?;
        value(number).map(|_| number.to_owned())
    };
    let percent = || Some((value(text.strip_suffix('%')?)? / 100.0).to_string());
    share().or_else(with_a_point).or_else(without_a_letter).or_else(percent)
}

/// The same text with every number in it as TOML has it: digits on both sides of a point. What stands
/// in quotation marks stays, and so does a comment.
///
/// # Errors
/// A number outside the range of its type.
pub(crate) fn as_toml(text: &str) -> Result<String, NumberFault> {
    let mut toml = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let (part, is_word) = match character {
            '"' | '\'' => (quoted(rest), false),
            '#' => (rest.split_inclusive('\n').next().unwrap_or(rest), false),
            _ if parts_words(character) => (&rest[..character.len_utf8()], false),
            _ => (rest.split(parts_words).next().unwrap_or(rest), true),
        };
        if is_word {
            toml.push_str(&word_as_toml(part)?);
        } else {
            toml.push_str(part);
        }
        rest = &rest[part.len()..];
    }
    Ok(toml)
}

fn parts_words(character: char) -> bool {
    character.is_whitespace() || "[]{},=\"'#".contains(character)
}

/// A text in quotation marks, with them, from the start of `text`; all of it if it does not end.
fn quoted(text: &str) -> &str {
    let mark = &text[..1];
    let three = mark.repeat(3);
    let mark = if text.starts_with(&three) { &*three } else { mark };
    // Only between double quotation marks does a backslash escape.
    let escapes = mark.starts_with('"');
    let mut at = mark.len();
    while let Some(next) = text[at..].chars().next() {
        if text[at..].starts_with(mark) {
            return &text[..at + mark.len()];
        }
        let escaped =
            text[at + next.len_utf8()..].chars().next().filter(|_| escapes && next == '\\');
        at += next.len_utf8() + escaped.map_or(0, char::len_utf8);
    }
    text
}

fn word_as_toml(word: &str) -> Result<String, NumberFault> {
    let Some(written) = Written::parse(word) else { return Ok(word.to_owned()) };
    if written.is_whole() && written.plain().parse::<i64>().is_err() {
        return Err(NumberFault::TooLargeWhole(word.to_owned()));
    }
    written.value()?;
    Ok(written.as_toml())
}

/// The parts of a decimal number.
#[derive(Clone, Copy, Debug)]
struct Written<'a> {
    text: &'a str,
    sign: &'a str,
    /// Digits before the point; perhaps none.
    whole: &'a str,
    /// Digits after the point, perhaps none, where there is a point.
    fraction: Option<&'a str>,
    exponent: Option<&'a str>,
}

impl<'a> Written<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (sign, digits) = signed(text);
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (digits, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let are_digits = |text: &str| {
            text.split('_').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()))
        };
        let may_be_empty = |text: &str| text.is_empty() || are_digits(text);
        let is_one = may_be_empty(whole)
            && fraction.is_none_or(may_be_empty)
            && !(whole.is_empty() && fraction.is_none_or(str::is_empty))
            && exponent.is_none_or(|exponent| are_digits(signed(exponent).1));
        is_one.then_some(Self { text, sign, whole, fraction, exponent })
    }

    fn value(&self) -> Result<f64, NumberFault> {
        let plain = self.plain();
        let value: f64 = plain.parse().expect("digits, a point and an exponent are a number");
        match value {
            _ if value.is_infinite() => Err(NumberFault::TooLarge(self.text.to_owned())),
            _ if becomes_zero(&plain) => Err(NumberFault::TooSmall(self.text.to_owned())),
            _ => Ok(value),
        }
    }

    fn plain(&self) -> String {
        self.text.replace('_', "")
    }

    fn is_whole(&self) -> bool {
        self.fraction.is_none() && self.exponent.is_none()
    }

    /// Whole numbers stay as they are: to TOML 007 is no number, but it may be a name.
    fn as_toml(&self) -> String {
        if self.is_whole() {
            return self.text.to_owned();
        }
        let or_zero =
            |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
        let whole = or_zero(self.whole.trim_start_matches(['0', '_']));
        let fraction = self.fraction.map(|digits| format!(".{}", or_zero(digits)));
        let exponent = self.exponent.map(|digits| format!("e{digits}"));
        let (fraction, exponent) = (fraction.unwrap_or_default(), exponent.unwrap_or_default());
        format!("{}{whole}{fraction}{exponent}", self.sign)
    }
}

fn signed(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with(['+', '-'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, value) in [
            (".5", 0.5),
            ("5.", 5.0),
            ("-.5", -0.5),
            ("+0.1", 0.1),
            ("1e-3", 1e-3),
            ("1.E-3", 1e-3),
            ("1_000.5", 1000.5),
            ("1_000", 1000.0),
            ("0e400", 0.0),
            ("inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        assert!(number("nan").unwrap().is_nan());
    }

    #[test]
    fn what_is_no_number_gets_what_was_meant() {
        for (text, said) in [
            ("0,1", "0,1 is not a number; write 0.1"),
            ("0.1f", "0.1f is not a number; write 0.1"),
            ("1/128", "1/128 is not a number; write 0.0078125"),
            ("5%", "5% is not a number; write 0.05"),
            ("fast", "fast is not a number; write a number such as 0.5 or 1e-3"),
            (".", ". is not a number; write a number such as 0.5 or 1e-3"),
            ("1__0", "1__0 is not a number; write a number such as 0.5 or 1e-3"),
            (
                "1e400",
                "1e400 is larger than every number in double precision; write at most 1.7e308",
            ),
            (
                "-1e-400",
                "-1e-400 is so small that it is 0 in double precision; write 0, or at least 5e-324",
            ),
        ] {
            assert_eq!(number(text).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn numbers_of_a_list_become_toml_and_quoted_ones_stay() {
        let toml = |text: &str| as_toml(text).unwrap();
        assert_eq!(toml("[.5, 1., -2.e3]"), "[0.5, 1.0, -2.0e3]");
        assert_eq!(
            toml("{ kind = \"a .5\", momentum = .9 }"),
            "{ kind = \"a .5\", momentum = 0.9 }"
        );
        assert_eq!(toml("runs/.5/x_1e400.npz"), "runs/.5/x_1e400.npz");
        for text in [
            r#""a \" .5 b""#,
            r#"["\\", '\', " .5 "]"#,
            "'''it's .5'''",
            "\"\"\"a\" .5\"\"\"",
            "1 # .5",
        ] {
            assert_eq!(toml(text), text);
        }
        assert_eq!(toml(r#"["\\", .5]"#), r#"["\\", 0.5]"#);
        assert_eq!(toml("007"), "007");
        assert!(as_toml("[1, 1e400]").is_err());
        assert_eq!(
            as_toml("9223372036854775808").unwrap_err().to_string(),
            "9223372036854775808 is larger than every whole number that is read; write at most \
             9223372036854775807"
        );
    }
}
