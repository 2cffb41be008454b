//! A figure with its caption.

use minimascope_plot::{Figure, Text, Theme, escaped};

use super::html::{element, line};
use super::{data, slug};

/// The three parts of every caption.
#[derive(Clone, Debug)]
pub struct Caption {
    /// What theory predicts.
    pub theory: Text,
    /// What was measured.
    pub measured: Text,
    /// From how many runs and seeds, and what the error bars are.
    pub runs: Text,
}

impl Caption {
    /// From the notation of labels.
    pub fn new(theory: &str, measured: &str, runs: &str) -> Caption {
        let [theory, measured, runs] = [theory, measured, runs].map(Text::markup);
        Caption { theory, measured, runs }
    }
}

/// A figure of the page.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// The figure.
    pub figure: Figure,
    /// Its caption.
    pub caption: Caption,
}

impl Exhibit {
    /// The figure and its caption. In place of a figure that cannot be drawn stands why: a page has other
    /// figures, and the caption its numbers.
    pub(super) fn to_html(&self, number: usize) -> String {
        let figure = &self.figure;
        let drawn = figure.to_svg(Theme::Auto).unwrap_or_else(|error| {
            let text =
                format!("“{}” is not drawn because {}.", figure.title.bare(), error.reason());
            line("p", "missing", &Text::plain(text))
        });
        let parts = [
            ("Theory", &self.caption.theory),
            ("Measured", &self.caption.measured),
            ("Runs", &self.caption.runs),
        ];
        let mut caption = element("p", "number", &format!("Figure {number}"));
        for (name, text) in parts {
            let head = format!("<span class=\"part\">{name}</span> ");
            caption += &element("p", "", &(head + line("span", "", text).trim_end()));
        }
        let identifier = escaped(&slug(&figure.identifier));
        format!(
            "<figure class=\"exhibit\" id=\"figure-{identifier}\" data-name=\"{identifier}\">\n\
             <div class=\"plot\">\n{drawn}</div>\n<figcaption>\n{caption}</figcaption>\n\
             <script type=\"application/json\" class=\"data\">{}</script>\n</figure>\n",
            data::of(figure)
        )
    }
}

#[cfg(test)]
mod tests {
    use minimascope_plot::{Axis, Chart, Ink, Panel, Series};

    use super::*;

    #[test]
    fn a_figure_that_cannot_be_drawn_is_a_line_above_its_caption() {
        let axis = || Axis::linear(Text::plain("value"));
        let line = Series::line(vec![[0.0, 1.0], [1.0, f64::INFINITY]], Ink::Series(0));
        let chart = Chart::new(axis(), axis()).with(line.named(Text::plain("loss")));
        let mut figure = Figure::new("a", Text::plain("<b>Loss</b>"), "");
        figure.panels.push(Panel::chart(Text::default(), chart));
        let exhibit =
            Exhibit { figure, caption: Caption::new("theory", "it reached 3", "one run") };
        let html = exhibit.to_html(1);
        let expected = "<p class=\"missing\">“&lt;b&gt;Loss&lt;/b&gt;” is not drawn because loss holds inf, which \
                        has no place on an axis.</p>";
        assert!(html.contains(expected), "{html}");
        assert!(html.contains("it reached 3") && !html.contains("<svg"), "{html}");
    }
}
