//! The legend: one entry a name, set in rows.

use super::series::{Mark, Series};
use crate::svg::marker::Marker;
use crate::svg::text::Text;
use crate::svg::theme::Ink;
use crate::svg::writer::{Anchor, Frame, TextPlace, TextRole, Writer};

const SYMBOL: f64 = 26.0;
const AFTER_SYMBOL: f64 = 6.0;
const BETWEEN: f64 = 18.0;
const ROLE: TextRole = TextRole::Legend;

/// A name and the series that carry it, whose symbols are drawn over each other.
pub(crate) struct Entry<'a> {
    label: &'a Text,
    series: Vec<&'a Series>,
}

/// One entry for each distinct name, in the order of first use. A vertical reference has its name above
/// the chart and no entry. A horizontal one has its name beside the chart; it has an entry if
/// `references` is set, which is when there is no room beside the chart.
pub(crate) fn entries<'a>(
    all: impl IntoIterator<Item = &'a Series>,
    references: bool,
) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for one in all {
        let Some(label) = &one.label else { continue };
        let listed = match one.mark {
            Mark::Vertical { .. } => false,
            Mark::Horizontal { .. } | Mark::Beside { .. } => references,
            _ => true,
        };
        if !listed {
            continue;
        }
        match entries.iter_mut().find(|entry| entry.label == label) {
            None => entries.push(Entry { label, series: vec![one] }),
            Some(entry) => {
                let alike = |other: &&Series| symbol(other) == symbol(one);
                if !entry.series.iter().any(alike) {
                    entry.series.push(one);
                }
            }
        }
    }
    entries
}

/// What distinguishes one symbol from another.
fn symbol(series: &Series) -> (std::mem::Discriminant<Mark>, Ink, Option<Marker>) {
    let marker = match &series.mark {
        Mark::Line { marker, .. } => *marker,
        Mark::Points { marker, .. } => Some(*marker),
        _ => None,
    };
    (std::mem::discriminant(&series.mark), series.ink, marker)
}

/// Entries with their places in a given width.
pub(crate) struct Legend<'a> {
    items: Vec<Item<'a>>,
    lines: usize,
}

struct Item<'a> {
    entry: Entry<'a>,
    lines: Vec<Text>,
    x: f64,
    line: usize,
}

impl<'a> Legend<'a> {
    pub(crate) fn new(entries: Vec<Entry<'a>>, width: f64) -> Legend<'a> {
        let room = (width - SYMBOL - AFTER_SYMBOL).max(40.0);
        let mut items: Vec<Item<'a>> = Vec::new();
        let (mut x, mut line, mut row_lines) = (0.0, 0, 1);
        for entry in entries {
            let lines = ROLE.wrapped(entry.label, room);
            let text = lines.iter().map(|line| ROLE.width(line)).fold(0.0, f64::max);
            let needed = SYMBOL + AFTER_SYMBOL + text;
            if x > 0.0 && x + needed > width {
                line += row_lines;
                (x, row_lines) = (0.0, 1);
            }
            row_lines = row_lines.max(lines.len());
            items.push(Item { entry, lines, x, line });
            x += needed + BETWEEN;
        }
        let lines = if items.is_empty() { 0 } else { line + row_lines };
        Legend { items, lines }
    }

    pub(crate) fn height(&self) -> f64 {
        if self.lines == 0 { 0.0 } else { self.lines as f64 * leading() + 6.0 }
    }

    pub(crate) fn draw(&self, writer: &mut Writer, x: f64, y: f64) {
        if self.items.is_empty() {
            return;
        }
        writer.open("g", &[("class", "mm-legend")]);
        for item in &self.items {
            let top = y + item.line as f64 * leading();
            let middle = top + 0.5 * leading();
            for series in &item.entry.series {
                draw_symbol(writer, series, x + item.x, middle);
            }
            let left = x + item.x + SYMBOL + AFTER_SYMBOL;
            for (index, line) in item.lines.iter().enumerate() {
                let baseline = middle + 0.34 * ROLE.size() + index as f64 * leading();
                writer.text(line, ROLE, TextPlace::at(left, baseline, Anchor::Start));
            }
        }
        writer.close("g");
    }
}

fn leading() -> f64 {
    ROLE.line_height() + 2.0
}

fn draw_symbol(writer: &mut Writer, series: &Series, x: f64, y: f64) {
    let ink = series.ink;
    let box_frame = Frame { x: x + 2.0, y: y - 5.0, width: SYMBOL - 4.0, height: 10.0 };
    let middle = [x + 0.5 * SYMBOL, y];
    let stroke = |dash: &str| format!("{} {dash}", ink.stroke());
    match &series.mark {
        Mark::Line { dash, marker, .. } => {
            writer.line([x, y], [x + SYMBOL, y], &stroke(dash.class()));
            if let Some(marker) = marker {
                marker.draw(writer, middle, 3.6, ink, None);
            }
        }
        Mark::Points { marker, .. } => marker.draw(writer, middle, 4.0, ink, None),
        Mark::Band { .. } => writer.rectangle(box_frame, &format!("{} mm-tint", ink.fill())),
        Mark::Region { dash, .. } => {
            writer.rectangle(box_frame, &format!("{} mm-veil", ink.fill()));
            writer.rectangle(box_frame, &stroke(dash.class()));
        }
        Mark::Horizontal { dash, .. } => {
            writer.line([x, y], [x + SYMBOL, y], &stroke(dash.class()));
        }
        Mark::Vertical { dash, .. } => {
            writer.line([middle[0], y - 6.0], [middle[0], y + 6.0], &stroke(dash.class()));
        }
        Mark::Beside { .. } => {}
        Mark::Rug { .. } => {
            for offset in [-6.0, 0.0, 4.0] {
                let left = middle[0] + offset;
                writer.line([left, y - 4.0], [left, y + 4.0], &stroke("mm-thin"));
            }
        }
    }
}
