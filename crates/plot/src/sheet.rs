//! Pictures in rows, each with its name under it.

use crate::Error;
use crate::chart::Location;
use crate::plot::Plot;
use crate::svg::image::Image;
use crate::svg::text::Text;
use crate::svg::theme::Ink;
use crate::svg::writer::{Anchor, Frame, TextPlace, TextRole, Writer};

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// The picture.
    pub image: Image,
    /// The name under it, on at most two lines.
    pub label: Text,
    /// Whether it is framed, and its label marked.
    pub marked: bool,
}

/// Pictures from left to right and from top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The pictures.
    pub tiles: Vec<Tile>,
    /// Pictures in a row.
    pub columns: usize,
}

/// Side of a picture, and the height of a row.
const SIDE: f64 = 44.0;
const ROW: f64 = SIDE + 12.0 + LINES as f64 * LINE;
/// Lines of a name, and the height of one.
const LINES: usize = 2;
const LINE: f64 = 12.0;

/// A sheet with at least one picture.
pub(crate) struct CheckedSheet<'a> {
    sheet: &'a Sheet,
}

impl<'a> CheckedSheet<'a> {
    pub(crate) fn new(
        sheet: &'a Sheet,
        location: &Location<'_>,
    ) -> Result<CheckedSheet<'a>, Error> {
        if sheet.tiles.is_empty() { Err(location.empty()) } else { Ok(CheckedSheet { sheet }) }
    }

    fn columns(&self) -> usize {
        self.sheet.columns.max(1)
    }

    fn tile(&self, writer: &mut Writer, tile: &Tile, [middle, top]: [f64; 2], room: f64) {
        let frame = if tile.marked {
            format!("{} mm-bold", Ink::Series(1).stroke())
        } else {
            "mm-axis".to_owned()
        };
        let centre = [middle, top + 0.5 * SIDE];
        writer.framed_image(centre, SIDE, Some("mm-mark"), &tile.image, &frame);
        let role = TextRole::TickLabel;
        let mark = if tile.marked { Text::plain("✗ ") } else { Text::default() };
        let lines = role.wrapped(&mark.then(tile.label.clone()), room);
        for (index, line) in lines.iter().take(LINES).enumerate() {
            let baseline = top + SIDE + 13.0 + index as f64 * LINE;
            writer.text(line, role, TextPlace::at(middle, baseline, Anchor::Middle));
        }
    }
}

impl Plot for CheckedSheet<'_> {
    fn left(&self) -> f64 {
        0.0
    }

    fn right(&self, _width: f64) -> f64 {
        0.0
    }

    fn top(&self, _width: f64) -> f64 {
        8.0
    }

    fn bottom(&self, _width: f64) -> f64 {
        0.0
    }

    fn height(&self) -> f64 {
        self.sheet.tiles.len().div_ceil(self.columns()) as f64 * ROW
    }

    fn draw(&self, writer: &mut Writer, frame: Frame, _left: f64) {
        let step = frame.width / self.columns() as f64;
        writer.open("g", &[("class", "mm-series"), ("data-name", "examples")]);
        for (index, tile) in self.sheet.tiles.iter().enumerate() {
            let (row, column) = (index / self.columns(), index % self.columns());
            let middle = frame.x + (column as f64 + 0.5) * step;
            let place = [middle, frame.y + row as f64 * ROW];
            self.tile(writer, tile, place, step - 4.0);
        }
        writer.close("g");
    }
}
