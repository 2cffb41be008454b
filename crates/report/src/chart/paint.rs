//! Layers on the page.

use super::layer::{Course, Fit, Layer, Mark, Sample};
use super::line::path;
use super::scale::Span;
use super::ticks::significant;
use crate::svg::text::Text;
use crate::svg::writer::{Frame, Writer};

/// The area between the axes and what its places mean.
pub(crate) struct Painter {
    pub(crate) spans: [Span; 2],
    pub(crate) frame: Frame,
}

impl Painter {
    pub(crate) fn layer(&self, writer: &mut Writer, layer: &Layer) {
        let [x, y, width, height] = self.frame.attributes();
        let view = format!("{x} {y} {width} {height}");
        let name = layer.label.as_ref().map(Text::bare).unwrap_or_default();
        let series = [("class", "mm-series"), ("data-name", name.as_str())];
        writer.open("g", &series);
        if !matches!(layer.mark, Mark::Points { .. }) {
            // A nested viewport cuts what leaves the chart, and needs no identifier that could
            // meet another figure's on the same page.
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
            self.shape(writer, layer);
            writer.close("svg");
        }
        // A mark may lie over the chart's edge: it is never cut in half.
        self.line_marks(writer, layer);
        self.points(writer, layer);
        writer.close("g");
    }

    fn shape(&self, writer: &mut Writer, layer: &Layer) {
        let ([x_span, y_span], frame) = (self.spans, self.frame);
        let ink = layer.ink;
        let page = |point: &[f64; 2]| [x_span.at(point[0]), y_span.at(point[1])];
        let stroke = |dash: &str| format!("{} {dash}", ink.stroke());
        match &layer.mark {
            Mark::Line { points, dash, course, .. } => {
                let places: Vec<[f64; 2]> = points.iter().map(page).collect();
                writer.path(&path(&places, *course), &stroke(dash.class()));
            }
            Mark::Points { .. } | Mark::Beside { .. } => {}
            Mark::Band { bounds } => {
                let lower: Vec<[f64; 2]> =
                    bounds.iter().map(|bound| page(&[bound[0], bound[1]])).collect();
                let upper: Vec<[f64; 2]> =
                    bounds.iter().rev().map(|bound| page(&[bound[0], bound[2]])).collect();
                let back = path(&upper, Course::Straight).replacen('M', "L", 1);
                let outline = path(&lower, Course::Straight) + &back + "Z";
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

    /// Marks on the line's points that lie inside.
    fn line_marks(&self, writer: &mut Writer, layer: &Layer) {
        let Mark::Line { points, marker: Some(marker), .. } = &layer.mark else { return };
        let [x_span, y_span] = self.spans;
        for point in points.iter().filter(|[x, y]| x_span.holds(*x) && y_span.holds(*y)) {
            let place = [x_span.at(point[0]), y_span.at(point[1])];
            marker.draw(writer, place, 3.6, layer.ink, Some(&note(*point)));
        }
    }

    fn points(&self, writer: &mut Writer, layer: &Layer) {
        let Mark::Points { samples, marker } = &layer.mark else { return };
        let [x_span, y_span] = self.spans;
        let inside = |sample: &&Sample| {
            layer.fit == Fit::Whole || (x_span.holds(sample.at[0]) && y_span.holds(sample.at[1]))
        };
        let radius = if samples.len() > 60 { 3.2 } else { 4.2 };
        let stroke = format!("{} mm-line", layer.ink.stroke());
        for sample in samples.iter().filter(inside) {
            let [x, y] = [x_span.at(sample.at[0]), y_span.at(sample.at[1])];
            if let Some(half) = sample.error[0] {
                let ends = [sample.at[0] - half, sample.at[0] + half].map(|end| x_span.at(end));
                writer.line([ends[0], y], [ends[1], y], &stroke);
                for end in ends {
                    writer.line([end, y - 3.0], [end, y + 3.0], &stroke);
                }
            }
            if let Some(half) = sample.error[1] {
                let ends = [sample.at[1] - half, sample.at[1] + half].map(|end| y_span.at(end));
                writer.line([x, ends[0]], [x, ends[1]], &stroke);
                for end in ends {
                    writer.line([x - 3.0, end], [x + 3.0, end], &stroke);
                }
            }
            let tip = sample.note.clone().unwrap_or_else(|| note(sample.at));
            marker.draw(writer, [x, y], radius, layer.ink, Some(&tip));
        }
    }
}

/// The tool tip of a point.
fn note(at: [f64; 2]) -> String {
    format!("{}, {}", significant(at[0], 4), significant(at[1], 4))
}
