//! Ticks at round numbers, as many as have room for their labels.

use super::scale::{Scale, Span};
use crate::number::{decimal, written};
use crate::svg::text::Text;
use crate::svg::writer::TextRole;

/// A place on an axis; minor ticks have no label.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: Option<Text>,
}

/// The direction in which an axis runs, and its labels follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// Left to right.
    Horizontal,
    /// Bottom to top.
    Vertical,
}

/// Clear space between two labels.
const GAP: f64 = 10.0;

/// Least distance of two powers of ten that are marked without a label.
const MINOR_SPACING: f64 = 3.0;

impl Orientation {
    /// Least mean distance between ticks.
    fn spacing(self) -> f64 {
        match self {
            Orientation::Horizontal => 42.0,
            Orientation::Vertical => 30.0,
        }
    }
}

/// Ticks of an axis in rising order.
pub(crate) fn ticks(span: &Span, orientation: Orientation) -> Vec<Tick> {
    let fits = |candidate: &[Tick]| fits(candidate, span, orientation);
    let most = (span.length() / orientation.spacing()).max(2.0);
    match span.scale {
        Scale::Linear | Scale::Count => linear(span, most, &fits),
        Scale::Log10 { .. } => logarithmic(span, most, &fits),
    }
}

fn fits(candidate: &[Tick], span: &Span, orientation: Orientation) -> bool {
    let role = TextRole::TickLabel;
    let mut last_end = f64::NEG_INFINITY;
    let mut labelled = candidate.iter().filter_map(|tick| Some((tick.value, tick.label.as_ref()?)));
    let start = span.page[0].min(span.page[1]);
    labelled.all(|(value, label)| {
        let middle = (span.at(value) - span.page[0]).abs() + start;
        let half = match orientation {
            Orientation::Horizontal => 0.5 * role.width(label) + 0.5 * GAP,
            Orientation::Vertical => 0.65 * role.line_height(),
        };
        let clear = middle - half >= last_end;
        last_end = middle + half;
        clear
    })
}

/// A multiple of `mantissa · 10^exponent`, the mantissa 1, 2 or 5.
#[derive(Clone, Copy)]
struct TickStep {
    mantissa: i64,
    exponent: i32,
}

impl TickStep {
    /// From fine to coarse, starting no finer than `smallest`.
    fn from(smallest: f64) -> impl Iterator<Item = TickStep> {
        let start = libm::floor(libm::log10(smallest)) as i32;
        let steps = (start..)
            .flat_map(|exponent| [1, 2, 5].map(|mantissa| TickStep { mantissa, exponent }));
        steps.skip_while(move |step| step.times(1) < smallest)
    }

    /// `count` steps, with one rounding.
    fn times(self, count: i64) -> f64 {
        let units = (count * self.mantissa) as f64;
        if self.exponent >= 0 {
            units * libm::pow(10.0, f64::from(self.exponent))
        } else {
            units / libm::pow(10.0, f64::from(-self.exponent))
        }
    }
}

fn linear(span: &Span, most: f64, fits: &dyn Fn(&[Tick]) -> bool) -> Vec<Tick> {
    let [low, high] = span.values;
    let mut finer: Vec<Tick> = Vec::new();
    // Start finer than the wanted spacing: a short axis may hold no multiple of a coarse step. Of halves,
    // because the whole length may be beyond f64.
    let least = if span.scale == Scale::Count { 1.0 } else { 0.0 };
    let finest = (0.5 * high - 0.5 * low) * (0.5 / most);
    for step in TickStep::from(f64::max(least, finest)).take(9) {
        let unit = step.times(1);
        let slack = 1e-9;
        let first = libm::ceil(low / unit - slack) as i64;
        let last = libm::floor(high / unit + slack) as i64;
        let values: Vec<f64> = (first..=last).map(|count| step.times(count)).collect();
        let candidate: Vec<Tick> = labels(&values, step.exponent)
            .into_iter()
            .zip(&values)
            .map(|(label, &value)| Tick { value, label: Some(label) })
            .collect();
        if candidate.len() < 2 {
            break;
        }
        let few_enough = candidate.len() as f64 <= most + 1.0;
        if few_enough && fits(&candidate) {
            return candidate;
        }
        finer = candidate;
    }
    // If no even spacing fits, label the two ends; if those overlap, label one.
    let ends: Vec<Tick> = finer.first().into_iter().chain(finer.last()).cloned().collect();
    if fits(&ends) {
        return ends;
    }
    finer.truncate(1);
    finer
}

fn logarithmic(span: &Span, most: f64, fits: &dyn Fn(&[Tick]) -> bool) -> Vec<Tick> {
    let [low, high] = span.values;
    let slack = 1e-9;
    let first = libm::ceil(libm::log10(low) - slack) as i64;
    let last = libm::floor(libm::log10(high) + slack) as i64;
    // Next to the largest and the smallest number of f64 a multiple may be infinite, or zero.
    let ends = [low * (1.0 - slack), (high * (1.0 + slack)).min(f64::MAX)];
    let inside = |value: f64| (ends[0]..=ends[1]).contains(&value);
    let multiples = |mantissas: &[i64]| -> Vec<f64> {
        let decades = first - 1..=last;
        let all = decades.flat_map(|exponent| {
            mantissas
                .iter()
                .map(move |&mantissa| TickStep { mantissa, exponent: exponent as i32 }.times(1))
        });
        all.filter(|&value| inside(value)).collect()
    };
    // Under two decades, powers of ten alone say too little.
    let finer: &[&[i64]] = match last - first {
        ..=0 => &[&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 2, 3, 5, 7], &[1, 2, 5], &[1, 3]],
        1 => &[&[1, 2, 5], &[1, 3]],
        _ => &[],
    };
    let all = multiples(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for mantissas in finer {
        let major = multiples(mantissas);
        let candidate = merged(&major, &all);
        if major.len() >= 2 && fits(&candidate) {
            return candidate;
        }
    }
    if last <= first {
        return linear(span, most, fits);
    }
    let powers: Vec<i64> = (first..=last).collect();
    let are_apart = powers.len() as f64 * MINOR_SPACING <= span.length();
    for stride in 1..=powers.len().max(1) {
        let power = |exponent: &i64| TickStep { mantissa: 1, exponent: *exponent as i32 }.times(1);
        let major: Vec<f64> = powers
            .iter()
            .filter(|&&exponent| exponent.rem_euclid(stride as i64) == 0)
            .map(power)
            .collect();
        if major.len() as f64 > most + 1.0 {
            continue;
        }
        let minor = match stride {
            1 => all.clone(),
            _ if are_apart => powers.iter().map(power).collect(),
            _ => Vec::new(),
        };
        let candidate = merged(&major, &minor);
        if fits(&candidate) {
            return candidate;
        }
    }
    Vec::new()
}

/// The labelled major ticks among the minor ones.
fn merged(major: &[f64], minor: &[f64]) -> Vec<Tick> {
    let same = |left: f64, right: f64| (left / right - 1.0).abs() < 1e-9;
    let plain = major.iter().all(|value| (0.999e-3..1.001e5).contains(value));
    let mut ticks: Vec<Tick> = major
        .iter()
        .map(|&value| {
            let exponent = libm::floor(libm::log10(value) + 1e-9) as i32;
            let mantissa = value / libm::pow(10.0, f64::from(exponent));
            let label = if plain {
                Text::plain(decimal(value, usize::try_from(-exponent).unwrap_or(0)))
            } else {
                power_of_ten(mantissa, exponent)
            };
            Tick { value, label: Some(label) }
        })
        .collect();
    let unlabelled = minor.iter().filter(|&&value| !major.iter().any(|&tick| same(tick, value)));
    ticks.extend(unlabelled.map(|&value| Tick { value, label: None }));
    ticks.sort_by(|left, right| left.value.total_cmp(&right.value));
    ticks
}

/// Labels of evenly spaced values with the decimals that their step needs.
fn labels(values: &[f64], exponent: i32) -> Vec<Text> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let digits = usize::try_from(-exponent).unwrap_or(0);
    if largest > 0.0 && (largest >= 1e7 || digits > 4) {
        let common = libm::floor(libm::log10(largest) + 1e-9) as i32;
        let digits = usize::try_from(common - exponent).unwrap_or(0);
        let unit = libm::pow(10.0, f64::from(common));
        let scaled = |value: &f64| {
            if *value == 0.0 {
                return Text::plain("0");
            }
            Text::plain(format!("{}×10", decimal(value / unit, digits)))
                .then(Text::markup(&format!("^{{{}}}", decimal(f64::from(common), 0))))
        };
        return values.iter().map(scaled).collect();
    }
    let grouped = largest >= 1e4;
    values.iter().map(|value| Text::plain(written(*value, digits, grouped))).collect()
}

fn power_of_ten(mantissa: f64, exponent: i32) -> Text {
    let power = format!("10^{{{}}}", decimal(f64::from(exponent), 0));
    if (mantissa - 1.0).abs() < 1e-6 {
        Text::markup(&power)
    } else {
        Text::markup(&format!("{}×{power}", decimal(mantissa, 0)))
    }
}

#[cfg(test)]
#[path = "ticks_tests.rs"]
mod tests;
