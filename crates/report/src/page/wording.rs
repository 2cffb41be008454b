//! Phrases that several captions share.

use minimascope_plot::number::{plus_minus, reading};

use crate::networks::SeedGroup;
use crate::statistics::Summary;

/// "19.57 ± 0.12", or the mean alone if there is a single value.
pub fn spread(summary: &Summary) -> String {
    match summary.deviation {
        Some(deviation) => plus_minus(summary.mean, deviation),
        None => reading(summary.mean),
    }
}

/// The numbers of runs and seeds in a figure of groups, and the meaning of its error bars.
pub fn seeds(cells: &[SeedGroup<'_>]) -> String {
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
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// "a, b and c".
pub fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The text with a capital first letter.
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A number with a sign.
pub fn signed(value: f64, digits: usize) -> String {
    let text = minimascope_plot::number::decimal(value, digits);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A fraction as percent.
pub fn percent(fraction: f64) -> String {
    minimascope_plot::number::decimal(100.0 * fraction, 2)
}

/// The text in place of a missing value.
pub const NONE: &str = "–";
