//! A chart with its margins, on the page.

use super::layer::{Course, Fit, Layer, Mark, Sample};
use super::legend::{Legend, entries};
use super::line::path;
use super::references::{Above, Wish, above, beside};
use super::scale::Span;
use super::ticks::{Direction, Tick, significant, ticks};
use super::{Chart, Context};
use crate::Error;
use crate::plot::Plot;
use crate::svg::text::Text;
use crate::svg::writer::{Anchor, Frame, Place, Role, Writer, number};

const MAJOR: f64 = 5.0;
const MINOR: f64 = 3.0;
const TICK_TO_LABEL: f64 = 3.0;
const LABEL_TO_TITLE: f64 = 8.0;

/// A checked chart with what its margins need.
pub(crate) struct Drawing<'a> {
    chart: &'a Chart,
    extents: [[f64; 2]; 2],
    labels: [Text; 2],
    legend: bool,
    beside: bool,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(
        chart: &'a Chart,
        legend: bool,
        context: &Context<'_>,
    ) -> Result<Drawing<'a>, Error> {
        let extents = chart.extents(context)?;
        let label = |axis: usize| {
            let label = [&chart.x, &chart.y][axis].label.clone();
            match chart.under_floor(axis) {
                None => label,
                Some(floor) => {
                    let exponent = libm::log10(floor);
                    let exponent = super::ticks::decimal(exponent, 0);
                    label.then(Text::markup(&format!(" (below 10^{{{exponent}}}: at the edge)")))
                }
            }
        };
        let labels = [label(0), label(1)];
        let mut drawing = Drawing { chart, extents, labels, legend, beside: true };
        let frame = Frame { x: 0.0, y: 0.0, width: 100.0, height: chart.height };
        drawing.beside = beside(&drawing.side_wishes(frame), 0.0, chart.height).is_some();
        Ok(drawing)
    }

    fn spans(&self, frame: Frame) -> [Span; 2] {
        let [x, y] = self.extents;
        [
            Span { scale: self.chart.x.scale, values: x, page: [frame.x, frame.right()] },
            Span { scale: self.chart.y.scale, values: y, page: [frame.bottom(), frame.y] },
        ]
    }

    fn side_wishes(&self, frame: Frame) -> Vec<Wish> {
        let [_, y_span] = self.spans(frame);
        let wish = |layer: &Layer| match (&layer.mark, &layer.label) {
            (Mark::Horizontal { y, .. } | Mark::Beside { y }, Some(label)) if y_span.holds(*y) => {
                Some(Wish::new(label, y_span.at(*y)))
            }
            _ => None,
        };
        self.chart.layers.iter().filter_map(wish).collect()
    }

    fn above_labels(&self, frame: Frame) -> Vec<(&Text, Above)> {
        let [x_span, _] = self.spans(frame);
        let wish = |layer: &'a Layer| match (&layer.mark, &layer.label) {
            (Mark::Vertical { x, .. }, Some(label)) if x_span.holds(*x) => {
                Some((label, x_span.at(*x)))
            }
            _ => None,
        };
        let wishes: Vec<(&Text, f64)> = self.chart.layers.iter().filter_map(wish).collect();
        let places = above(&wishes, frame.x, frame.right());
        wishes.into_iter().zip(places).map(|((label, _), place)| (label, place)).collect()
    }

    fn legend(&self, width: f64) -> Legend<'_> {
        let listed =
            if self.legend { entries(&self.chart.layers, !self.beside) } else { Vec::new() };
        Legend::new(listed, width)
    }

    fn ticks(&self, frame: Frame) -> [Vec<Tick>; 2] {
        let [x, y] = self.spans(frame);
        [ticks(&x, Direction::Across), ticks(&y, Direction::Up)]
    }

    fn nominal(&self, width: f64) -> Frame {
        Frame { x: 0.0, y: 0.0, width, height: self.chart.height }
    }

    fn title_lines(&self, axis: usize, length: f64) -> Vec<Text> {
        Role::AxisLabel.wrapped(&self.labels[axis], length)
    }

    fn reference_rows(&self, width: f64) -> usize {
        let labels = self.above_labels(self.nominal(width));
        labels.iter().map(|(_, place)| place.row + 1).max().unwrap_or(0)
    }

    fn draw_axes(&self, writer: &mut Writer, frame: Frame, left: f64) {
        let [x_span, y_span] = self.spans(frame);
        let [x_ticks, y_ticks] = self.ticks(frame);
        let role = Role::TickLabel;
        writer.open("g", &[("class", "mm-axes")]);
        for tick in x_ticks.iter().filter(|tick| tick.label.is_some()) {
            let x = x_span.at(tick.value);
            writer.line([x, frame.y], [x, frame.bottom()], "mm-grid");
        }
        for tick in y_ticks.iter().filter(|tick| tick.label.is_some()) {
            let y = y_span.at(tick.value);
            writer.line([frame.x, y], [frame.right(), y], "mm-grid");
        }
        for tick in &x_ticks {
            let x = x_span.at(tick.value);
            let length = if tick.label.is_some() { MAJOR } else { MINOR };
            writer.line([x, frame.bottom()], [x, frame.bottom() + length], "mm-axis");
            if let Some(label) = &tick.label {
                let baseline = frame.bottom() + MAJOR + TICK_TO_LABEL + 0.85 * role.size();
                writer.text(label, role, Place::at(x, baseline, Anchor::Middle));
            }
        }
        for tick in &y_ticks {
            let y = y_span.at(tick.value);
            let length = if tick.label.is_some() { MAJOR } else { MINOR };
            writer.line([frame.x - length, y], [frame.x, y], "mm-axis");
            if let Some(label) = &tick.label {
                let x = frame.x - MAJOR - TICK_TO_LABEL;
                writer.text(label, role, Place::at(x, y + 0.35 * role.size(), Anchor::End));
            }
        }
        let corner = format!(
            "M{} {}V{}H{}",
            number(frame.x),
            number(frame.y),
            number(frame.bottom()),
            number(frame.right())
        );
        writer.path(&corner, "mm-axis");
        writer.close("g");
        self.draw_axis_titles(writer, frame, left);
    }

    fn draw_axis_titles(&self, writer: &mut Writer, frame: Frame, left: f64) {
        let role = Role::AxisLabel;
        let below = MAJOR + TICK_TO_LABEL + Role::TickLabel.line_height() + LABEL_TO_TITLE;
        for (index, line) in self.title_lines(0, frame.width).iter().enumerate() {
            let baseline =
                frame.bottom() + below + 0.7 * role.size() + index as f64 * role.line_height();
            let middle = frame.x + 0.5 * frame.width;
            writer.text(line, role, Place::at(middle, baseline, Anchor::Middle));
        }
        for (index, line) in self.title_lines(1, frame.height).iter().enumerate() {
            let x = frame.x - left + role.size() + index as f64 * role.line_height();
            let y = frame.y + 0.5 * frame.height;
            writer.text(line, role, Place { x, y, anchor: Anchor::Middle, upward: true });
        }
    }

    fn draw_layer(&self, writer: &mut Writer, layer: &Layer, frame: Frame) {
        let spans = self.spans(frame);
        let [x_span, y_span] = spans;
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
    fn draw_line_marks(&self, writer: &mut Writer, layer: &Layer, frame: Frame) {
        let Mark::Line { points, marker: Some(marker), .. } = &layer.mark else { return };
        let [x_span, y_span] = self.spans(frame);
        for point in points.iter().filter(|[x, y]| x_span.holds(*x) && y_span.holds(*y)) {
            let place = [x_span.at(point[0]), y_span.at(point[1])];
            marker.draw(writer, place, 3.6, layer.ink, Some(&note(*point)));
        }
    }

    fn draw_points(&self, writer: &mut Writer, layer: &Layer, frame: Frame) {
        let Mark::Points { samples, marker } = &layer.mark else { return };
        let [x_span, y_span] = self.spans(frame);
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

    fn draw_reference_labels(&self, writer: &mut Writer, frame: Frame) {
        let role = Role::Reference;
        let wishes = self.side_wishes(frame);
        let middles = beside(&wishes, frame.y - 4.0, frame.bottom() + 4.0).filter(|_| self.beside);
        for (wish, middle) in wishes.iter().zip(middles.unwrap_or_default()) {
            let x = frame.right() + 6.0;
            let first =
                middle - 0.5 * wish.height() + 0.5 * role.line_height() + 0.35 * role.size();
            for (index, line) in wish.lines.iter().enumerate() {
                let baseline = first + index as f64 * role.line_height();
                writer.text(line, role, Place::at(x, baseline, Anchor::Start));
            }
        }
        for (label, place) in self.above_labels(frame) {
            let baseline = frame.y - 5.0 - place.row as f64 * role.line_height();
            writer.text(label, role, Place::at(place.middle, baseline, Anchor::Middle));
        }
    }
}

/// The tool tip of a point.
fn note(at: [f64; 2]) -> String {
    format!("{}, {}", significant(at[0], 4), significant(at[1], 4))
}

impl Plot for Drawing<'_> {
    fn left(&self) -> f64 {
        let [_, y_ticks] = self.ticks(self.nominal(100.0));
        let widest = y_ticks
            .iter()
            .filter_map(|tick| tick.label.as_ref())
            .map(|label| Role::TickLabel.width(label))
            .fold(0.0, f64::max);
        let titles = self.title_lines(1, self.chart.height).len() as f64;
        MAJOR + TICK_TO_LABEL + widest + LABEL_TO_TITLE + titles * Role::AxisLabel.line_height()
    }

    fn right(&self, width: f64) -> f64 {
        let wishes = if self.beside { self.side_wishes(self.nominal(width)) } else { Vec::new() };
        let labels = wishes.iter().map(|wish| wish.width() + 8.0).fold(0.0, f64::max);
        // A tick at the very end of the axis carries half its label beyond it.
        let [x_span, _] = self.spans(self.nominal(width));
        let [x_ticks, _] = self.ticks(self.nominal(width));
        let overhang = x_ticks
            .iter()
            .filter_map(|tick| Some((tick.value, tick.label.as_ref()?)))
            .map(|(value, label)| x_span.at(value) + 0.5 * Role::TickLabel.width(label) - width)
            .fold(0.0, f64::max);
        labels.max(overhang + 2.0).max(8.0)
    }

    fn top(&self, width: f64) -> f64 {
        let rows = self.reference_rows(width) as f64;
        self.legend(width).height() + rows * Role::Reference.line_height() + 8.0
    }

    fn bottom(&self, width: f64) -> f64 {
        let titles = self.title_lines(0, width).len() as f64;
        MAJOR
            + TICK_TO_LABEL
            + Role::TickLabel.line_height()
            + LABEL_TO_TITLE
            + titles * Role::AxisLabel.line_height()
    }

    fn height(&self) -> f64 {
        self.chart.height
    }

    fn draw(&self, writer: &mut Writer, frame: Frame, left: f64) {
        let legend = self.legend(frame.width);
        legend.draw(writer, frame.x, frame.y - self.top(frame.width));
        self.draw_axes(writer, frame, left);
        let [x, y, width, height] = frame.attributes();
        let view = format!("{x} {y} {width} {height}");
        for layer in &self.chart.layers {
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
                self.draw_layer(writer, layer, frame);
                writer.close("svg");
            }
            // A mark may lie over the chart's edge: it is never cut in half.
            self.draw_line_marks(writer, layer, frame);
            self.draw_points(writer, layer, frame);
            writer.close("g");
        }
        self.draw_reference_labels(writer, frame);
    }
}
