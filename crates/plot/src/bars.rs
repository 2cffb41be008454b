//! Bar charts: horizontal bars, each with a name and optionally a picture.

use crate::Error;
use crate::chart::scale::{Extent, Scale, Span};
use crate::chart::ticks::{Orientation, Tick, ticks};
use crate::chart::{Axis, Location};
use crate::plot::Plot;
use crate::svg::image::Image;
use crate::svg::text::Text;
use crate::svg::theme::Ink;
use crate::svg::writer::{Anchor, Frame, TextPlace, TextRole, Writer};

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledBar {
    /// Name, left of the picture.
    pub name: Text,
    /// Smaller second line of the name.
    pub caption: Text,
    /// Length, from zero.
    pub value: f64,
    /// Half length of the error bar at its end.
    pub error: Option<f64>,
    /// The length in words, at the bar's end.
    pub reading: Text,
    /// Picture between the name and the bar.
    pub thumbnail: Option<Image>,
}

/// Horizontal bars that start at zero, from top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    /// The quantity; a linear scale.
    pub axis: Axis,
    /// The bars.
    pub bars: Vec<LabelledBar>,
    /// Their colour.
    pub ink: Ink,
}

/// Side of the square that holds a thumbnail.
const THUMBNAIL: f64 = 36.0;
const GAP: f64 = 8.0;

impl BarChart {
    fn row(&self) -> f64 {
        if self.bars.iter().any(|bar| bar.thumbnail.is_some()) {
            THUMBNAIL + 6.0
        } else if self.bars.iter().any(|bar| !bar.caption.is_empty()) {
            34.0
        } else {
            24.0
        }
    }

    fn picture_width(&self) -> f64 {
        if self.bars.iter().any(|bar| bar.thumbnail.is_some()) { THUMBNAIL + GAP } else { 0.0 }
    }
}

/// A bar chart whose values are checked, with the extent of its axis.
pub(crate) struct CheckedBars<'a> {
    bars: &'a BarChart,
    extent: [f64; 2],
}

impl<'a> CheckedBars<'a> {
    pub(crate) fn new(
        bars: &'a BarChart,
        location: &Location<'_>,
    ) -> Result<CheckedBars<'a>, Error> {
        let mut extent = Extent::new(Scale::Linear);
        extent.include(0.0);
        for &value in &bars.axis.include {
            location.check(value, Scale::Linear, "the axis")?;
            extent.include(value);
        }
        for bar in &bars.bars {
            location.check(bar.value, Scale::Linear, &bar.name.bare())?;
            extent.hold(bar.value);
            if let Some(error) = bar.error {
                location.check(error, Scale::Linear, &bar.name.bare())?;
                extent.hold(bar.value + error);
            }
        }
        let extent = extent.ends(bars.axis.padding).ok_or_else(|| location.empty())?;
        Ok(CheckedBars { bars, extent })
    }

    fn span(&self, frame: Frame) -> Span {
        Span { scale: Scale::Linear, values: self.extent, page: [frame.x, frame.right()] }
    }

    fn ticks(&self, frame: Frame) -> Vec<Tick> {
        ticks(&self.span(frame), Orientation::Horizontal)
    }

    fn title_lines(&self, width: f64) -> Vec<Text> {
        TextRole::AxisLabel.wrapped(&self.bars.axis.label, width)
    }

    fn draw_axis(&self, writer: &mut Writer, frame: Frame) {
        let span = self.span(frame);
        let role = TextRole::TickLabel;
        writer.open("g", &[("class", "mm-axes")]);
        for tick in self.ticks(frame) {
            let x = span.at(tick.value);
            writer.line([x, frame.y], [x, frame.bottom() + 5.0], "mm-grid");
            if let Some(label) = &tick.label {
                let baseline = frame.bottom() + 8.0 + 0.85 * role.size();
                writer.text(label, role, TextPlace::at(x, baseline, Anchor::Middle));
            }
        }
        let zero = span.at(0.0);
        writer.line([zero, frame.y], [zero, frame.bottom()], "mm-axis");
        writer.close("g");
        let role = TextRole::AxisLabel;
        for (index, line) in self.title_lines(frame.width).iter().enumerate() {
            let below = 16.0 + TextRole::TickLabel.line_height() + 0.7 * role.size();
            let baseline = frame.bottom() + below + index as f64 * role.line_height();
            let middle = frame.x + 0.5 * frame.width;
            writer.text(line, role, TextPlace::at(middle, baseline, Anchor::Middle));
        }
    }

    fn draw_bar(&self, writer: &mut Writer, bar: &LabelledBar, frame: Frame, top: f64) {
        let row = self.bars.row();
        let middle = top + 0.5 * row;
        let span = self.span(frame);
        let [zero, end] = [span.at(0.0), span.at(bar.value)];
        let thickness = f64::min(16.0, 0.6 * row);
        let body = Frame {
            x: zero.min(end),
            y: middle - 0.5 * thickness,
            width: (end - zero).abs(),
            height: thickness,
        };
        writer.rectangle(body, &format!("{} mm-mark", self.bars.ink.fill()));
        let mut tip = zero.max(end);
        if let Some(error) = bar.error {
            let ends = [bar.value - error, bar.value + error].map(|at| span.at(at));
            writer.error_bar([end, middle], 0, ends, "mm-stroke-text mm-line");
            tip = tip.max(ends[1]);
        }
        let after = tip + 5.0;
        writer.text(
            &bar.reading,
            TextRole::TickLabel,
            TextPlace::at(after, middle + 0.35 * TextRole::TickLabel.size(), Anchor::Start),
        );
        if let Some(image) = &bar.thumbnail {
            let centre = [frame.x - GAP - 0.5 * THUMBNAIL, middle];
            writer.framed_image(centre, THUMBNAIL, None, image, "mm-axis");
        }
        let x = frame.x - GAP - self.bars.picture_width();
        let lift = if bar.caption.is_empty() { 0.35 * TextRole::Legend.size() } else { -2.0 };
        writer.text(&bar.name, TextRole::Legend, TextPlace::at(x, middle + lift, Anchor::End));
        if !bar.caption.is_empty() {
            let baseline = middle + TextRole::TickLabel.size() + 1.0;
            writer.text(&bar.caption, TextRole::TickLabel, TextPlace::at(x, baseline, Anchor::End));
        }
    }
}

impl Plot for CheckedBars<'_> {
    fn left(&self) -> f64 {
        let name = |bar: &LabelledBar| {
            TextRole::Legend.width(&bar.name).max(TextRole::TickLabel.width(&bar.caption))
        };
        let widest = self.bars.bars.iter().map(name).fold(0.0, f64::max);
        widest + GAP + self.bars.picture_width() + 2.0
    }

    fn right(&self, _width: f64) -> f64 {
        let reading = |bar: &LabelledBar| TextRole::TickLabel.width(&bar.reading);
        self.bars.bars.iter().map(reading).fold(0.0, f64::max) + 12.0
    }

    fn top(&self, _width: f64) -> f64 {
        6.0
    }

    fn bottom(&self, width: f64) -> f64 {
        let titles = self.title_lines(width).len() as f64;
        16.0 + TextRole::TickLabel.line_height() + titles * TextRole::AxisLabel.line_height()
    }

    fn height(&self) -> f64 {
        self.bars.bars.len() as f64 * self.bars.row()
    }

    fn draw(&self, writer: &mut Writer, frame: Frame, _left: f64) {
        self.draw_axis(writer, frame);
        for (index, bar) in self.bars.bars.iter().enumerate() {
            let name = bar.name.bare();
            writer.open("g", &[("class", "mm-series"), ("data-name", &name)]);
            self.draw_bar(writer, bar, frame, frame.y + index as f64 * self.bars.row());
            writer.close("g");
        }
    }
}
