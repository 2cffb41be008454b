//! A stream of SVG elements. The same calls give the same bytes.

use std::fmt::Write as _;

use super::font::Weight;
use super::image::Image;
use super::text::{Setting, Text, script_size};

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The use of a text in a figure, which sets its size, weight and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextRole {
    Title,
    Subtitle,
    PanelTitle,
    AxisLabel,
    TickLabel,
    Legend,
    Reference,
    Note,
}

impl TextRole {
    /// Font size in user units.
    pub(crate) fn size(self) -> f64 {
        match self {
            TextRole::Title => 16.0,
            TextRole::PanelTitle => 13.0,
            TextRole::Subtitle | TextRole::AxisLabel | TextRole::Legend => 12.0,
            TextRole::TickLabel | TextRole::Reference | TextRole::Note => 11.0,
        }
    }

    pub(crate) fn weight(self) -> Weight {
        match self {
            TextRole::Title | TextRole::PanelTitle => Weight::Bold,
            _ => Weight::Regular,
        }
    }

    /// Distance of the baselines of two lines.
    pub(crate) fn line_height(self) -> f64 {
        (1.35 * self.size()).round()
    }

    pub(crate) fn width(self, text: &Text) -> f64 {
        text.width(self.size(), self.weight())
    }

    pub(crate) fn wrapped(self, text: &Text, width: f64) -> Vec<Text> {
        text.wrapped(width, self.size(), self.weight())
    }

    fn ink(self) -> &'static str {
        match self {
            TextRole::Subtitle | TextRole::TickLabel | TextRole::Note => "mm-muted-text",
            _ => "mm-text",
        }
    }
}

/// A point and the position of a text relative to it; `upward` turns the text by a right angle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextPlace {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) anchor: Anchor,
    pub(crate) upward: bool,
}

impl TextPlace {
    pub(crate) fn at(x: f64, y: f64, anchor: Anchor) -> TextPlace {
        TextPlace { x, y, anchor, upward: false }
    }
}

/// The document so far.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// `<name …>`
    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str(">\n");
    }

    /// `</name>`
    pub(crate) fn close(&mut self, name: &str) {
        let _ = writeln!(self.out, "</{name}>");
    }

    /// `<name …/>`
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>\n");
    }

    /// `<name …>content</name>`
    pub(crate) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], content: &str) {
        self.start(name, attributes);
        let _ = writeln!(self.out, ">{}</{name}>", escaped(content));
    }

    pub(crate) fn line(&mut self, from: [f64; 2], to: [f64; 2], class: &str) {
        let [x1, y1] = from.map(coordinate);
        let [x2, y2] = to.map(coordinate);
        self.empty("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
    }

    pub(crate) fn rectangle(&mut self, frame: Frame, class: &str) {
        let [x, y, width, height] = frame.attributes();
        self.empty(
            "rect",
            &[("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)],
        );
    }

    /// A small image without smoothing, as large as fits a square about `centre`, and its frame.
    pub(crate) fn framed_image(
        &mut self,
        [middle, centre]: [f64; 2],
        side: f64,
        class: Option<&str>,
        image: &Image,
        outline: &str,
    ) {
        let width = side / f64::max(1.0, image.aspect());
        let height = width * image.aspect();
        let frame = Frame { x: middle - 0.5 * width, y: centre - 0.5 * height, width, height };
        let [x, y, width, height] = frame.attributes();
        let data = image.data_uri();
        let class = class.map(|class| ("class", class));
        let attributes = class.into_iter().chain([
            ("x", x.as_str()),
            ("y", &y),
            ("width", &width),
            ("height", &height),
            ("preserveAspectRatio", "none"),
            ("style", "image-rendering:pixelated"),
            ("href", &data),
        ]);
        self.empty("image", &attributes.collect::<Vec<_>>());
        self.rectangle(frame, outline);
    }

    /// An error bar through `at` along axis 0 or 1, with a short stroke across at each end.
    pub(crate) fn error_bar(&mut self, at: [f64; 2], axis: usize, ends: [f64; 2], class: &str) {
        let place = |along: f64, across: f64| {
            let mut place = at;
            place[axis] = along;
            place[1 - axis] += across;
            place
        };
        self.line(place(ends[0], 0.0), place(ends[1], 0.0), class);
        for end in ends {
            self.line(place(end, -3.0), place(end, 3.0), class);
        }
    }

    pub(crate) fn path(&mut self, data: &str, class: &str) {
        self.empty("path", &[("class", class), ("d", data)]);
    }

    /// One line of text.
    pub(crate) fn text(&mut self, text: &Text, role: TextRole, place: TextPlace) {
        let size = role.size();
        let anchor = match place.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let [x, y, font_size] = [place.x, place.y, size].map(coordinate);
        let turn = format!("rotate(-90 {x} {y})");
        let mut attributes = vec![
            ("class", role.ink()),
            ("x", x.as_str()),
            ("y", y.as_str()),
            ("font-size", font_size.as_str()),
            ("text-anchor", anchor),
        ];
        if role.weight() == Weight::Bold {
            attributes.push(("font-weight", "600"));
        }
        if place.upward {
            attributes.push(("transform", turn.as_str()));
        }
        self.start("text", &attributes);
        self.out.push('>');
        let mut lowered = 0.0;
        for run in text.runs() {
            let level = match run.setting {
                Setting::Subscript => (0.22 * size).round(),
                Setting::Superscript => -(0.36 * size).round(),
                Setting::Upright | Setting::Italic => 0.0,
            };
            self.run(&run.text, run.setting, level - lowered, size);
            lowered = level;
        }
        self.out.push_str("</text>\n");
    }

    fn run(&mut self, text: &str, setting: Setting, shift: f64, size: f64) {
        if setting == Setting::Upright && shift == 0.0 {
            self.out.push_str(&escaped(text));
            return;
        }
        self.out.push_str("<tspan");
        if shift != 0.0 {
            let _ = write!(self.out, " dy=\"{}\"", coordinate(shift));
        }
        match setting {
            Setting::Upright => {}
            Setting::Italic => self.out.push_str(" font-style=\"italic\""),
            Setting::Subscript | Setting::Superscript => {
                let _ =
                    write!(self.out, " font-size=\"{}\"", coordinate(script_size(setting, size)));
            }
        }
        let _ = write!(self.out, ">{}</tspan>", escaped(text));
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let _ = write!(self.out, "<{name}");
        for (key, value) in attributes {
            let _ = write!(self.out, " {key}=\"{}\"", escaped(value));
        }
    }
}

/// A rectangle on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Frame {
    pub(crate) fn right(self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(self) -> f64 {
        self.y + self.height
    }

    /// `x`, `y`, `width`, `height` as attribute values.
    pub(crate) fn attributes(self) -> [String; 4] {
        [self.x, self.y, self.width, self.height].map(coordinate)
    }
}

/// A coordinate, to a hundredth of a unit.
pub(crate) fn coordinate(value: f64) -> String {
    let rounded = format!("{value:.2}");
    let trimmed = rounded.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// The text with `&`, `<`, `>` and `"` as entities: safe in the content and the attributes of XML and
/// HTML elements. Control characters that XML does not allow become U+FFFD.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 has no way to write the other control characters.
            control if control < ' ' && !matches!(control, '\t' | '\n' | '\r') => {
                safe.push('\u{FFFD}');
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_have_one_zero() {
        assert_eq!(coordinate(1.5), "1.5");
        assert_eq!(coordinate(-0.001), "0");
        assert_eq!(coordinate(12.0), "12");
        assert_eq!(coordinate(0.126), "0.13");
        assert_eq!(coordinate(100.0), "100");
    }

    #[test]
    fn names_cannot_break_out_of_the_document() {
        assert_eq!(escaped("<a b=\"c\">&\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;\u{FFFD}");
    }

    #[test]
    fn an_index_returns_to_the_line() {
        let mut writer = Writer::default();
        writer.text(
            &Text::markup("10^{−4} *a*"),
            TextRole::TickLabel,
            TextPlace::at(0.0, 0.0, Anchor::Start),
        );
        let text = writer.finish();
        assert!(text.contains("dy=\"-4\""), "{text}");
        assert!(text.contains("dy=\"4\""), "{text}");
    }
}
