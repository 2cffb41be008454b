//! Writes the series of a chart as SVG elements.

use super::line::path;
use super::scale::Span;
use super::series::{DataPoint, Fit, Mark, Series};
use crate::number::significant;
use crate::svg::text::Text;
use crate::svg::writer::{Frame, Writer};

/// The area between the axes, and the map from values to positions in it.
pub(crate) struct Painter {
    pub(crate) spans: [Span; 2],
    pub(crate) frame: Frame,
}

impl Painter {
    pub(crate) fn series(&self, writer: &mut Writer, series: &Series) {
        let [x, y, width, height] = self.frame.attributes();
        let view = format!("{x} {y} {width} {height}");
        let name = series.label.as_ref().map(Text::bare).unwrap_or_default();
        writer.open("g", &[("class", "mm-series"), ("data-name", name.as_str())]);
        if !matches!(series.mark, Mark::Points { .. }) {
            // A nested viewport clips the series to the chart. A clip path would need an identifier,
            // which could clash with another figure's on the same page.
            writer.open(
                "svg",
                &[
                    ("x", x.as_str()),
                    ("y", y.as_str()),
                    ("width", width.as_str()),
                    ("height", height.as_str()),
                    ("viewBox", view.as_str()),
                ],
            );
            self.shape(writer, series);
            writer.close("svg");
        }
        // A point's symbol is never cut in half, so it is drawn outside the nested viewport.
        self.line_marks(writer, series);
        self.points(writer, series);
        writer.close("g");
    }

    fn shape(&self, writer: &mut Writer, series: &Series) {
        let ([x_span, y_span], frame) = (self.spans, self.frame);
        let ink = series.ink;
        let page = |point: &[f64; 2]| [x_span.at(point[0]), y_span.at(point[1])];
        let stroke = |dash: &str| format!("{} {dash}", ink.stroke());
        match &series.mark {
            Mark::Line { points, dash, .. } => {
                let places: Vec<[f64; 2]> = points.iter().map(page).collect();
                writer.path(&path(&places), &stroke(dash.class()));
            }
            Mark::Points { .. } | Mark::Beside { .. } => {}
            Mark::Band { bounds } => {
                let lower: Vec<[f64; 2]> =
                    bounds.iter().map(|bound| page(&[bound[0], bound[1]])).collect();
                let upper: Vec<[f64; 2]> =
                    bounds.iter().rev().map(|bound| page(&[bound[0], bound[2]])).collect();
                let outline = path(&lower) + &path(&upper).replacen('M', "L", 1) + "Z";
                writer.path(&outline, &format!("{} mm-tint", ink.fill()));
            }
            Mark::Region { x, y, dash } => {
                let beyond = 10.0;
                let left = x[0].map_or(frame.x - beyond, |value| x_span.at(value));
                let right = x[1].map_or(frame.right() + beyond, |value| x_span.at(value));
                let bottom = y[0].map_or(frame.bottom() + beyond, |value| y_span.at(value));
                let top = y[1].map_or(frame.y - beyond, |value| y_span.at(value));
                let area = Frame { x: left, y: top, width: right - left, height: bottom - top };
                writer.rectangle(area, &format!("{} mm-veil", ink.fill()));
                writer.rectangle(area, &stroke(dash.class()));
            }
            Mark::Horizontal { y, dash } => {
                let y = y_span.at(*y);
                writer.line([frame.x, y], [frame.right(), y], &stroke(dash.class()));
            }
            Mark::Vertical { x, dash } => {
                let x = x_span.at(*x);
                writer.line([x, frame.y], [x, frame.bottom()], &stroke(dash.class()));
            }
            Mark::Rug { values } => {
                for value in values {
                    let x = x_span.at(*value);
                    writer.line([x, frame.bottom() - 9.0], [x, frame.bottom()], &stroke("mm-thin"));
                }
            }
        }
    }

    /// Symbols on those points of a line that lie inside the chart.
    fn line_marks(&self, writer: &mut Writer, series: &Series) {
        let Mark::Line { points, marker: Some(marker), .. } = &series.mark else { return };
        let [x_span, y_span] = self.spans;
        for point in points.iter().filter(|[x, y]| x_span.holds(*x) && y_span.holds(*y)) {
            let place = [x_span.at(point[0]), y_span.at(point[1])];
            marker.draw(writer, place, 3.6, series.ink, Some(&note(*point)));
        }
    }

    fn points(&self, writer: &mut Writer, series: &Series) {
        let Mark::Points { points, marker } = &series.mark else { return };
        let [x_span, y_span] = self.spans;
        let inside = |point: &&DataPoint| {
            series.fit == Fit::Whole || (x_span.holds(point.at[0]) && y_span.holds(point.at[1]))
        };
        let radius = if points.len() > 60 { 3.2 } else { 4.2 };
        let stroke = format!("{} mm-line", series.ink.stroke());
        for point in points.iter().filter(inside) {
            let [x, y] = [x_span.at(point.at[0]), y_span.at(point.at[1])];
            for axis in [0, 1] {
                let Some(half) = point.error[axis] else { continue };
                let ends = [point.at[axis] - half, point.at[axis] + half]
                    .map(|end| self.spans[axis].at(end));
                writer.error_bar([x, y], axis, ends, &stroke);
            }
            let tip = point.note.clone().unwrap_or_else(|| note(point.at));
            marker.draw(writer, [x, y], radius, series.ink, Some(&tip));
        }
    }
}

/// The tool tip of a point.
fn note(at: [f64; 2]) -> String {
    format!("{}, {}", significant(at[0], 4), significant(at[1], 4))
}
