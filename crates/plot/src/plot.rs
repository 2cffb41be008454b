//! The measures by which a figure places the contents of a panel.

use crate::svg::writer::{Frame, Writer};

/// The area between the axes and the four margins around it.
pub(crate) trait Plot {
    /// Room that the labels left of the area need.
    fn left(&self) -> f64;

    /// Room right of an area of about this width.
    fn right(&self, width: f64) -> f64;

    /// Room above an area of this width.
    fn top(&self, width: f64) -> f64;

    /// Room below an area of this width.
    fn bottom(&self, width: f64) -> f64;

    /// Height of the area.
    fn height(&self) -> f64;

    /// Draws the area and all four margins; `left` is the margin that the column has in common.
    fn draw(&self, writer: &mut Writer, frame: Frame, left: f64);
}
