//! A figure with its caption.

use minimascope_plot::{Error, Figure, Text, Theme, escaped};

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
    pub(super) fn to_html(&self, number: usize) -> Result<String, Error> {
        let figure = &self.figure;
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
        Ok(format!(
            "<figure class=\"exhibit\" id=\"figure-{identifier}\" data-name=\"{identifier}\">\n\
             <div class=\"plot\">\n{}</div>\n<figcaption>\n{caption}</figcaption>\n\
             <script type=\"application/json\" class=\"data\">{}</script>\n</figure>\n",
            figure.to_svg(Theme::Auto)?,
            data::of(figure)
        ))
    }
}
