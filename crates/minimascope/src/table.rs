//! Plain tables: columns two spaces apart, numbers to the right.

/// Rows of text under a heading.
#[derive(Debug)]
pub(crate) struct TextTable {
    columns: usize,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    pub(crate) fn new(headings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let headings: Vec<String> = headings.into_iter().map(Into::into).collect();
        Self { columns: headings.len(), rows: vec![headings] }
    }

    /// As many cells as there are headings.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.columns);
        self.rows.push(cells);
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.rows.push(vec![String::new(); self.columns]);
    }
}

impl std::fmt::Display for TextTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let column = |index: usize| self.rows.iter().map(move |row| row[index].as_str());
        let widths: Vec<usize> = (0..self.columns)
            .map(|index| column(index).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        let numeric: Vec<bool> = (0..self.columns)
            .map(|index| column(index).skip(1).all(|cell| cell.is_empty() || is_number(cell)))
            .collect();
        for row in &self.rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                let padding = " ".repeat(widths[index] - cell.chars().count());
                let (before, after) =
                    if numeric[index] { (padding.as_str(), "") } else { ("", padding.as_str()) };
                line.push_str(if index > 0 { "  " } else { "" });
                line.push_str(before);
                line.push_str(cell);
                line.push_str(after);
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn is_number(cell: &str) -> bool {
    cell == "–" || cell.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '∞')
}

/// In place of a value that is not known.
pub(crate) fn none() -> String {
    "–".to_owned()
}

/// 898510 as 898,510.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A value with its error, where it has one.
pub(crate) fn plus_minus(value: f64, error: Option<f64>) -> String {
    let error = error.map_or(String::new(), |error| format!(" ± {}", significant(error)));
    significant(value) + &error
}

/// Four significant digits.
pub(crate) fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        "0".to_owned()
    } else if (1e-2..1e5).contains(&magnitude) {
        // Of the rounded number: 0.99999 is 1.000.
        let rounded: f64 = format!("{magnitude:.3e}").parse().unwrap_or(magnitude);
        let decimals = (3 - rounded.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let mut table = TextTable::new(["name", "steps"]);
        table.row(["one".to_owned(), "7".to_owned()]);
        table.row(["three".to_owned(), "1,234".to_owned()]);
        assert_eq!(table.to_string(), "name   steps\none        7\nthree  1,234\n");
    }

    #[test]
    fn digits() {
        assert_eq!(grouped(898_510), "898,510");
        assert_eq!(grouped(71), "71");
        assert_eq!(significant(19.734), "19.73");
        assert_eq!(significant(0.0505), "0.05050");
        assert_eq!(significant(9.99e-5), "9.990e-5");
        assert_eq!(significant(0.0), "0");
        assert_eq!(significant(1234.5), "1234");
        assert_eq!(significant(0.999_99), "1.000");
    }
}
