//! Numbers as text, for labels, captions and tables: with a true minus sign and grouped thousands.

/// A number with a true minus sign and `digits` decimals, and commas between thousands from 10,000 on.
pub fn decimal(value: f64, digits: usize) -> String {
    written(value, digits, value.abs() >= 1e4)
}

/// A number with a true minus sign, `digits` decimals and, if `grouped`, commas between thousands.
pub(crate) fn written(value: f64, digits: usize, grouped: bool) -> String {
    let plain = format!("{:.digits$}", value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut text = String::new();
    if value < 0.0 && !zero {
        text.push('−');
    }
    for (index, digit) in whole.chars().enumerate() {
        if grouped && index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A measured number in `digits` significant figures, for labels and descriptions.
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    let exponent = libm::floor(libm::log10(value.abs())) as i32;
    if !(-4..6).contains(&exponent) {
        let scientific = format!("{:.*e}", digits - 1, value);
        return scientific.replace('-', "−");
    }
    let wanted = digits as i32 - 1 - exponent;
    let text = decimal(value, usize::try_from(wanted).unwrap_or(0));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A measured number with four significant figures, for running text.
pub fn reading(value: f64) -> String {
    significant(value, 4)
}

/// A value with its error, as "19.50 ± 0.10". The error has two significant figures. The value has four,
/// or ends at the last digit of the error if that comes first. A zero error is left out.
pub fn plus_minus(mean: f64, error: f64) -> String {
    if error == 0.0 {
        return reading(mean);
    }
    let places = |value: f64, digits: i32| digits - 1 - libm::floor(libm::log10(value)) as i32;
    let last = places(error, 2);
    let kept = if mean == 0.0 { last } else { last.min(places(mean.abs(), 4)) };
    // Outside this range `significant` writes a power of ten, and there is no fixed last decimal.
    if [last, kept].iter().any(|places| !(-4..6).contains(places)) {
        return format!("{} ± {}", reading(mean), significant(error, 2));
    }
    format!("{} ± {}", rounded(mean, kept), rounded(error, last))
}

/// Rounded to `places` digits after the decimal point, or before it where negative.
fn rounded(value: f64, places: i32) -> String {
    if let Ok(places) = usize::try_from(places) {
        return decimal(value, places);
    }
    let unit = libm::pow(10.0, f64::from(-places));
    decimal((value / unit).round() * unit, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_no_more_digits_than_its_error() {
        for (mean, deviation, text) in [
            (0.936_21, 0.1512, "0.94 ± 0.15"),
            (19.5, 0.104, "19.50 ± 0.10"),
            (0.8, 0.0042, "0.8000 ± 0.0042"),
            (12_345.0, 678.0, "12,350 ± 680"),
            // Four figures at most, however small the error is.
            (19.5704, 0.0012, "19.57 ± 0.0012"),
            (3.0, 4e-6, "3 ± 4.0e−6"),
            // One value, or equal ones.
            (24.4, 0.0, "24.4"),
        ] {
            assert_eq!(plus_minus(mean, deviation), text);
        }
    }
}
