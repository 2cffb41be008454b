//! Axes of a sweep and their product.

use std::str::FromStr;

use crate::Error;
use crate::config::assignment::Assignment;
use crate::error::SweepError;

/// The values of one point, in the order in which they are put over the base.
pub type Point = Vec<Assignment>;

/// One axis: its points, one of which each run takes.
#[derive(Clone, Debug)]
pub struct SweepAxis {
    /// Its points, in order.
    pub points: Vec<Point>,
}

impl SweepAxis {
    /// One key with each of its values.
    pub(super) fn of(path: &[String], values: Vec<toml::Value>) -> Self {
        let point = |value| vec![Assignment { path: path.to_vec(), value }];
        Self { points: values.into_iter().map(point).collect() }
    }
}

/// More runs than a store has been tried with by far: a plan holds each of them in memory.
pub const MOST_RUNS: usize = 100_000;

/// The number of all combinations of axes; of many axes it is no number of a memory.
pub fn number_of_points(axes: &[SweepAxis]) -> f64 {
    axes.iter().map(|axis| axis.points.len() as f64).product()
}

/// Whether so many runs are planned.
///
/// # Errors
/// [`SweepError::TooManyRuns`].
pub fn check_number(number: f64) -> Result<(), Error> {
    if number > MOST_RUNS as f64 {
        return Err(SweepError::TooManyRuns { number, most: MOST_RUNS }.into());
    }
    Ok(())
}

/// Every combination of the axes' points; the last axis changes fastest.
///
/// # Errors
/// [`SweepError::TooManyRuns`].
pub fn product(axes: &[SweepAxis]) -> Result<Vec<Point>, Error> {
    check_number(number_of_points(axes))?;
    Ok(axes.iter().fold(vec![Point::new()], |combinations, axis| {
        combinations
            .iter()
            .flat_map(|so_far| {
                axis.points.iter().map(|point| [so_far.as_slice(), point.as_slice()].concat())
            })
            .collect()
    }))
}

/// `key=value` or `key=value,value,…` from the command line: commas outside brackets and quotes
/// part the values of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct SweptAssignment {
    /// The keys from the outermost.
    pub path: Vec<String>,
    /// One value, or the values of an axis.
    pub values: Vec<toml::Value>,
}

impl FromStr for SweptAssignment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Assignment(text.to_owned());
        let (key, values) = text.split_once('=').ok_or_else(malformed)?;
        let mut path = Vec::new();
        let mut parsed = Vec::new();
        for value in split(values) {
            let one: Assignment =
                format!("{key}={value}").parse().map_err(|error| match error {
                    Error::Assignment(_) => malformed(),
                    other => other,
                })?;
            path = one.path;
            parsed.push(one.value);
        }
        Ok(Self { path, values: parsed })
    }
}

/// The texts between commas that stand in no bracket and no quotation mark.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, character) in text.char_indices() {
        match (character, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(character),
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_outside_brackets_and_quotes_part_values() {
        let count = |text: &str| text.parse::<SweptAssignment>().map(|axis| axis.values.len());
        assert_eq!(count("train.learning_rate=0.05,0.1,0.5").unwrap(), 3);
        assert_eq!(count("train.batch_size=10").unwrap(), 1);
        assert_eq!(count("data.classes=[0, 1],[2, 3]").unwrap(), 2);
        assert_eq!(count("train.optimizer={ kind = \"heavy-ball\", momentum = 0.5 }").unwrap(), 1);
        assert_eq!(count("data.source=\"a,b.npz\",'c,d'").unwrap(), 2);
        let rates: SweptAssignment = "train.learning_rate=1e-05,1e-1,.5".parse().unwrap();
        assert_eq!(rates.values, [1e-5, 0.1, 0.5].map(toml::Value::Float));
        let large = "train.learning_rate=0.1,1e400".parse::<SweptAssignment>().unwrap_err();
        assert!(large.to_string().contains("1e400 is larger"), "{large}");
        for text in ["train.seed=1,", "train.seed=,1", "train.seed", "=1,2"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_last_axis_changes_fastest() {
        let axis = |key: &str, values: [i64; 2]| {
            SweepAxis::of(&[key.to_owned()], values.map(toml::Value::Integer).to_vec())
        };
        let written = |point: &Point| point.iter().map(ToString::to_string).collect::<Vec<_>>();
        let points = product(&[axis("a", [1, 2]), axis("b", [3, 4])]).unwrap();
        let points: Vec<_> = points.iter().map(written).collect();
        assert_eq!(points, [["a=1", "b=3"], ["a=1", "b=4"], ["a=2", "b=3"], ["a=2", "b=4"]]);
        assert_eq!(product(&[]).unwrap(), [Point::new()]);
    }

    #[test]
    fn more_runs_than_fit_are_refused_before_they_are_made() {
        let value = || vec![toml::Value::Integer(1); 100];
        let axes: Vec<SweepAxis> =
            (0..200).map(|_| SweepAxis::of(&["a".into()], value())).collect();
        assert_eq!(product(&axes[..2]).unwrap().len(), 10_000);
        let said = product(&axes[..5]).unwrap_err().to_string();
        assert_eq!(said, "it names 10000000000 runs, the most is 100000");
        assert!(product(&axes).is_err(), "10^400 runs");
    }
}
