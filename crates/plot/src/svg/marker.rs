//! Marks of data points, apart in shape as well as in colour.

use std::fmt::Write as _;

use super::theme::Ink;
use super::writer::{Writer, coordinate};

/// Shape of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Filled circle.
    Circle,
    /// Filled square.
    Square,
    /// Filled triangle, point up.
    Triangle,
    /// Filled diamond.
    Diamond,
    /// Filled triangle, point down.
    Wedge,
    /// Upright cross.
    Plus,
    /// Diagonal cross.
    Cross,
    /// Circle drawn as an outline.
    Ring,
    /// Wide outline around another mark.
    Halo,
}

impl Marker {
    /// A different shape for each of the first six numbers, then again from the first.
    pub fn of(index: usize) -> Marker {
        const ORDER: [Marker; 6] = [
            Marker::Circle,
            Marker::Square,
            Marker::Triangle,
            Marker::Diamond,
            Marker::Wedge,
            Marker::Plus,
        ];
        ORDER[index % ORDER.len()]
    }

    /// Draws the shape about a point; `radius` is that of the circle with about the same area.
    pub(crate) fn draw(
        self,
        writer: &mut Writer,
        [x, y]: [f64; 2],
        radius: f64,
        ink: Ink,
        note: Option<&str>,
    ) {
        let filled = format!("{} mm-rim", ink.fill());
        let stroked = ink.stroke();
        let corners = |points: &[[f64; 2]]| {
            let mut data = String::new();
            for (index, [dx, dy]) in points.iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                let (px, py) = (coordinate(x + radius * dx), coordinate(y + radius * dy));
                let _ = write!(data, "{command}{px} {py}");
            }
            data
        };
        let (element, class, data) = match self {
            Marker::Circle => ("circle", filled, String::new()),
            Marker::Ring => ("circle", format!("{stroked} mm-bold"), String::new()),
            Marker::Halo => ("circle", format!("{stroked} mm-line"), String::new()),
            Marker::Square => (
                "path",
                filled,
                corners(&[[-0.89, -0.89], [0.89, -0.89], [0.89, 0.89], [-0.89, 0.89]]) + "Z",
            ),
            Marker::Triangle => {
                ("path", filled, corners(&[[0.0, -1.25], [1.17, 0.8], [-1.17, 0.8]]) + "Z")
            }
            Marker::Wedge => {
                ("path", filled, corners(&[[0.0, 1.25], [1.17, -0.8], [-1.17, -0.8]]) + "Z")
            }
            Marker::Diamond => {
                ("path", filled, corners(&[[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]]) + "Z")
            }
            Marker::Plus => (
                "path",
                format!("{stroked} mm-bold"),
                corners(&[[-1.15, 0.0], [1.15, 0.0]]) + &corners(&[[0.0, -1.15], [0.0, 1.15]]),
            ),
            Marker::Cross => (
                "path",
                format!("{stroked} mm-bold"),
                corners(&[[-0.9, -0.9], [0.9, 0.9]]) + &corners(&[[-0.9, 0.9], [0.9, -0.9]]),
            ),
        };
        let class = format!("{class} mm-mark");
        let reach = if self == Marker::Halo { 2.0 * radius } else { radius };
        let [cx, cy, r] = [x, y, reach].map(coordinate);
        let attributes: &[(&str, &str)] = if element == "circle" {
            &[("class", &class), ("cx", &cx), ("cy", &cy), ("r", &r)]
        } else {
            &[("class", &class), ("d", &data)]
        };
        match note {
            None => writer.empty(element, attributes),
            Some(note) => {
                writer.open(element, attributes);
                writer.leaf("title", &[], note);
                writer.close(element);
            }
        }
    }
}
