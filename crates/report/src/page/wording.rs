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

/// Up to so many values, a sentence gives each; a share of them would be a judgement on too little.
pub const FEW: usize = 4;

/// Each of a few values, and of more the mean and the ends.
pub fn values(all: &[f64]) -> String {
    let Some(found) = Summary::of(all) else { return NONE.to_owned() };
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.len() <= FEW {
        return listed(&sorted.into_iter().map(reading).collect::<Vec<_>>());
    }
    let [low, high] = [sorted[0], sorted[sorted.len() - 1]].map(reading);
    format!("{} on average, from {low} to {high}", spread(&found))
}

/// "1 run", "2 runs", "2 launches", "2 minima".
pub fn plural(count: usize, word: &str) -> String {
    match (count, word.strip_suffix("um")) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{count} {stem}a"),
        (_, None) if word.ends_with("ch") => format!("{count} {word}es"),
        (_, None) => format!("{count} {word}s"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_values_are_listed_and_many_are_summed_up() {
        assert_eq!(values(&[]), "–");
        assert_eq!(values(&[0.99, 0.5]), "0.5 and 0.99");
        assert_eq!(values(&[1.0; 200]), "1 on average, from 1 to 1");
        assert_eq!(values(&[1.0, 2.0, 3.0, 4.0, 5.0]), "3.0 ± 1.6 on average, from 1 to 5");
    }

    #[test]
    fn words_have_their_own_plurals() {
        for (word, two) in [
            ("run", "2 runs"),
            ("launch", "2 launches"),
            ("minimum", "2 minima"),
            ("cell", "2 cells"),
        ] {
            assert_eq!(plural(2, word), two);
            assert_eq!(plural(1, word), format!("1 {word}"));
        }
    }
}
