//! Lays out a chart and its margins, and draws them.

use super::legend::{Legend, entries};
use super::paint::Painter;
use super::references::{LabelRequest, PlacedLabel, above, beside};
use super::scale::Span;
use super::series::{Mark, Series};
use super::ticks::{Orientation, Tick, ticks};
use super::{Chart, Location};
use crate::Error;
use crate::number::decimal;
use crate::plot::Plot;
use crate::svg::text::Text;
use crate::svg::writer::{Anchor, Frame, TextPlace, TextRole, Writer, coordinate};

const MAJOR: f64 = 5.0;
const MINOR: f64 = 3.0;
const TICK_TO_LABEL: f64 = 3.0;
const LABEL_TO_TITLE: f64 = 8.0;

/// A chart whose values are checked, with what its layout needs.
pub(crate) struct CheckedChart<'a> {
    chart: &'a Chart,
    extents: [[f64; 2]; 2],
    labels: [Text; 2],
    legend: bool,
    beside: bool,
}

impl<'a> CheckedChart<'a> {
    pub(crate) fn new(
        chart: &'a Chart,
        legend: bool,
        location: &Location<'_>,
    ) -> Result<CheckedChart<'a>, Error> {
        let extents = chart.extents(location)?;
        let label = |axis: usize| {
            let label = [&chart.x, &chart.y][axis].label.clone();
            match chart.under_floor(axis) {
                None => label,
                Some(floor) => {
                    let exponent = libm::log10(floor);
                    let exponent = decimal(exponent, 0);
                    label.then(Text::markup(&format!(" (below 10^{{{exponent}}}: at the edge)")))
                }
            }
        };
        let labels = [label(0), label(1)];
        let mut drawing = CheckedChart { chart, extents, labels, legend, beside: true };
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

    fn side_wishes(&self, frame: Frame) -> Vec<LabelRequest> {
        let [_, y_span] = self.spans(frame);
        let request = |series: &Series| match (&series.mark, &series.label) {
            (Mark::Horizontal { y, .. } | Mark::Beside { y }, Some(label)) if y_span.holds(*y) => {
                Some(LabelRequest::new(label, y_span.at(*y)))
            }
            _ => None,
        };
        self.chart.series.iter().filter_map(request).collect()
    }

    fn above_labels(&self, frame: Frame) -> Vec<(&Text, PlacedLabel)> {
        let [x_span, _] = self.spans(frame);
        let request = |series: &'a Series| match (&series.mark, &series.label) {
            (Mark::Vertical { x, .. }, Some(label)) if x_span.holds(*x) => {
                Some((label, x_span.at(*x)))
            }
            _ => None,
        };
        let requests: Vec<(&Text, f64)> = self.chart.series.iter().filter_map(request).collect();
        let places = above(&requests, frame.x, frame.right());
        requests.into_iter().zip(places).map(|((label, _), place)| (label, place)).collect()
    }

    fn legend(&self, width: f64) -> Legend<'_> {
        let listed =
            if self.legend { entries(&self.chart.series, !self.beside) } else { Vec::new() };
        Legend::new(listed, width)
    }

    fn ticks(&self, frame: Frame) -> [Vec<Tick>; 2] {
        let [x, y] = self.spans(frame);
        [ticks(&x, Orientation::Horizontal), ticks(&y, Orientation::Vertical)]
    }

    fn nominal(&self, width: f64) -> Frame {
        Frame { x: 0.0, y: 0.0, width, height: self.chart.height }
    }

    fn title_lines(&self, axis: usize, length: f64) -> Vec<Text> {
        TextRole::AxisLabel.wrapped(&self.labels[axis], length)
    }

    fn reference_rows(&self, width: f64) -> usize {
        let labels = self.above_labels(self.nominal(width));
        labels.iter().map(|(_, place)| place.row + 1).max().unwrap_or(0)
    }

    fn draw_axes(&self, writer: &mut Writer, frame: Frame, left: f64) {
        let [x_span, y_span] = self.spans(frame);
        let [x_ticks, y_ticks] = self.ticks(frame);
        let role = TextRole::TickLabel;
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
                writer.text(label, role, TextPlace::at(x, baseline, Anchor::Middle));
            }
        }
        for tick in &y_ticks {
            let y = y_span.at(tick.value);
            let length = if tick.label.is_some() { MAJOR } else { MINOR };
            writer.line([frame.x - length, y], [frame.x, y], "mm-axis");
            if let Some(label) = &tick.label {
                let x = frame.x - MAJOR - TICK_TO_LABEL;
                writer.text(label, role, TextPlace::at(x, y + 0.35 * role.size(), Anchor::End));
            }
        }
        let corner = format!(
            "M{} {}V{}H{}",
            coordinate(frame.x),
            coordinate(frame.y),
            coordinate(frame.bottom()),
            coordinate(frame.right())
        );
        writer.path(&corner, "mm-axis");
        writer.close("g");
        self.draw_axis_titles(writer, frame, left);
    }

    fn draw_axis_titles(&self, writer: &mut Writer, frame: Frame, left: f64) {
        let role = TextRole::AxisLabel;
        let below = MAJOR + TICK_TO_LABEL + TextRole::TickLabel.line_height() + LABEL_TO_TITLE;
        for (index, line) in self.title_lines(0, frame.width).iter().enumerate() {
            let baseline =
                frame.bottom() + below + 0.7 * role.size() + index as f64 * role.line_height();
            let middle = frame.x + 0.5 * frame.width;
            writer.text(line, role, TextPlace::at(middle, baseline, Anchor::Middle));
        }
        for (index, line) in self.title_lines(1, frame.height).iter().enumerate() {
            let x = frame.x - left + role.size() + index as f64 * role.line_height();
            let y = frame.y + 0.5 * frame.height;
            writer.text(line, role, TextPlace { x, y, anchor: Anchor::Middle, upward: true });
        }
    }

    fn draw_reference_labels(&self, writer: &mut Writer, frame: Frame) {
        let role = TextRole::Reference;
        let requests = self.side_wishes(frame);
        let middles =
            beside(&requests, frame.y - 4.0, frame.bottom() + 4.0).filter(|_| self.beside);
        for (request, middle) in requests.iter().zip(middles.unwrap_or_default()) {
            let x = frame.right() + 6.0;
            let first =
                middle - 0.5 * request.height() + 0.5 * role.line_height() + 0.35 * role.size();
            for (index, line) in request.lines.iter().enumerate() {
                let baseline = first + index as f64 * role.line_height();
                writer.text(line, role, TextPlace::at(x, baseline, Anchor::Start));
            }
        }
        for (label, place) in self.above_labels(frame) {
            let baseline = frame.y - 5.0 - place.row as f64 * role.line_height();
            writer.text(label, role, TextPlace::at(place.middle, baseline, Anchor::Middle));
        }
    }
}

impl Plot for CheckedChart<'_> {
    fn left(&self) -> f64 {
        let [_, y_ticks] = self.ticks(self.nominal(100.0));
        let widest = y_ticks
            .iter()
            .filter_map(|tick| tick.label.as_ref())
            .map(|label| TextRole::TickLabel.width(label))
            .fold(0.0, f64::max);
        let titles = self.title_lines(1, self.chart.height).len() as f64;
        MAJOR + TICK_TO_LABEL + widest + LABEL_TO_TITLE + titles * TextRole::AxisLabel.line_height()
    }

    fn right(&self, width: f64) -> f64 {
        let requests = if self.beside { self.side_wishes(self.nominal(width)) } else { Vec::new() };
        let labels = requests.iter().map(|request| request.width() + 8.0).fold(0.0, f64::max);
        // A tick at the very end of the axis carries half its label beyond it.
        let [x_span, _] = self.spans(self.nominal(width));
        let [x_ticks, _] = self.ticks(self.nominal(width));
        let overhang = x_ticks
            .iter()
            .filter_map(|tick| Some((tick.value, tick.label.as_ref()?)))
            .map(|(value, label)| x_span.at(value) + 0.5 * TextRole::TickLabel.width(label) - width)
            .fold(0.0, f64::max);
        labels.max(overhang + 2.0).max(8.0)
    }

    fn top(&self, width: f64) -> f64 {
        let rows = self.reference_rows(width) as f64;
        self.legend(width).height() + rows * TextRole::Reference.line_height() + 8.0
    }

    fn bottom(&self, width: f64) -> f64 {
        let titles = self.title_lines(0, width).len() as f64;
        MAJOR
            + TICK_TO_LABEL
            + TextRole::TickLabel.line_height()
            + LABEL_TO_TITLE
            + titles * TextRole::AxisLabel.line_height()
    }

    fn height(&self) -> f64 {
        self.chart.height
    }

    fn draw(&self, writer: &mut Writer, frame: Frame, left: f64) {
        let legend = self.legend(frame.width);
        legend.draw(writer, frame.x, frame.y - self.top(frame.width));
        self.draw_axes(writer, frame, left);
        let painter = Painter { spans: self.spans(frame), frame };
        for series in &self.chart.series {
            painter.series(writer, series);
        }
        self.draw_reference_labels(writer, frame);
    }
}
