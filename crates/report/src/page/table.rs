//! Tables.

use minimascope_plot::Text;

use super::html::{element, line, rich};

/// Rows under a heading.
#[derive(Clone, Debug)]
pub struct PageTable {
    /// Above the table.
    pub caption: Text,
    /// Column headings.
    pub heading: Vec<Text>,
    /// Cells, row by row.
    pub rows: Vec<Vec<Text>>,
    /// Below the table.
    pub note: Text,
}

impl PageTable {
    /// Headings in the notation of labels.
    pub fn new<const N: usize>(caption: &str, heading: [&str; N], note: &str) -> PageTable {
        PageTable {
            caption: Text::markup(caption),
            heading: heading.map(Text::markup).to_vec(),
            rows: Vec::new(),
            note: Text::markup(note),
        }
    }

    /// Plain cells.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.heading.len());
        self.rows.push(cells.map(Text::plain).to_vec());
    }

    pub(super) fn to_html(&self, number: usize) -> String {
        let numeric: Vec<bool> = (0..self.heading.len())
            .map(|column| self.rows.iter().all(|row| is_number(&row[column].bare())))
            .collect();
        let class = |column: usize| if numeric[column] { "n" } else { "" };
        let cells = |name: &str, row: &[Text]| -> String {
            let cells = row.iter().enumerate();
            cells.map(|(column, cell)| line(name, class(column), cell)).collect()
        };
        let head = element("thead", "", &element("tr", "", &cells("th", &self.heading)));
        let rows: String =
            self.rows.iter().map(|row| element("tr", "", &cells("td", row))).collect();
        let caption =
            format!("<span class=\"number\">Table {number}</span> {}", rich(&self.caption));
        let table = element("caption", "", &caption) + &head + &element("tbody", "", &rows);
        let note = if self.note.is_empty() { String::new() } else { line("p", "note", &self.note) };
        element("div", "table", &(element("table", "", &table) + &note))
    }
}

fn is_number(cell: &str) -> bool {
    let first = cell.chars().next();
    first.is_none_or(|c| c.is_ascii_digit() || matches!(c, '–' | '−' | '+' | '∞' | '±'))
}
