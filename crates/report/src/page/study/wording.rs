//! Phrases that several captions share.

use minimascope_plot::number::{plus_minus, reading};

use crate::minima::Cell;
use crate::statistics::Summary;

/// "19.57 ± 0.12", or the value alone where nothing is known of its scatter.
pub(in crate::page) fn spread(summary: &Summary) -> String {
    match summary.deviation {
        Some(deviation) => plus_minus(summary.mean, deviation),
        None => reading(summary.mean),
    }
}

/// How many runs and seeds stand behind a figure of cells, and what its error bars are.
pub(super) fn seeds(cells: &[Cell<'_>]) -> String {
    let counts = cells.iter().map(|cell| cell.runs.len());
    let total: usize = counts.clone().sum();
    let (fewest, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    let each =
        if fewest == most { plural(fewest, "seed") } else { format!("{fewest} to {most} seeds") };
    let bars = if most > 1 {
        " Error bars: one standard deviation over seeds; a cell of one seed has none."
    } else {
        " With one seed a cell there are no error bars; every value is measured to its residual."
    };
    format!("{} in {} of {each}.{bars}", plural(total, "run"), plural(cells.len(), "cell"))
}

/// "1 run", "2 runs".
pub(in crate::page) fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// "a, b and c".
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A sentence from words that a record wrote without a capital.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A number with a sign.
pub(super) fn signed(value: f64, digits: usize) -> String {
    let text = minimascope_plot::number::decimal(value, digits);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A fraction as percent.
pub(in crate::page) fn percent(fraction: f64) -> String {
    minimascope_plot::number::decimal(100.0 * fraction, 2)
}

/// What stands where there is no value.
pub(in crate::page) const NONE: &str = "–";
