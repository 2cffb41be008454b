//! A page: title, findings, list of contents, sections.

use minimascope_plot::{Figure, Text, escaped};

use super::exhibit::Exhibit;
use super::html::{element, line, rich};
use super::slug;
use super::table::PageTable;

/// The content security policy of the page. It forbids every request: style and script are inline, and
/// images are data URIs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data: blob:";

/// One element of a section.
#[derive(Clone, Debug)]
pub enum Content {
    /// Running text.
    Paragraph(Text),
    /// A figure.
    Exhibit(Box<Exhibit>),
    /// A table.
    Table(PageTable),
    /// A figure that is not shown, and the command that makes its records.
    Missing {
        /// As "The spectral density is not shown: no run has one".
        what: Text,
        /// The command.
        command: String,
    },
    /// A file, as it is.
    Code(String),
}

impl Content {
    /// Running text in the notation of labels.
    pub fn paragraph(text: &str) -> Content {
        Content::Paragraph(Text::markup(text))
    }

    /// A figure that is left out.
    pub fn missing(what: &str, command: &str) -> Content {
        Content::Missing { what: Text::markup(what), command: command.to_owned() }
    }
}

/// A section of a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Heading; also the section's identifier.
    pub title: String,
    /// Paragraphs, figures and tables.
    pub contents: Vec<Content>,
}

impl Section {
    /// A section with these contents.
    pub fn new(title: &str, contents: Vec<Content>) -> Section {
        Section { title: title.to_owned(), contents }
    }
}

/// A page.
#[derive(Clone, Debug)]
pub struct Document {
    /// Title.
    pub title: String,
    /// A line above the title.
    pub kicker: String,
    /// Findings, one sentence each.
    pub findings: Vec<Text>,
    /// Conventions, in small print under the findings.
    pub conventions: Text,
    /// Sections, which the contents list.
    pub sections: Vec<Section>,
}

impl Document {
    /// The page as one file. A figure that cannot be drawn is a line that says why.
    pub fn to_html(&self) -> String {
        let (mut figures, mut tables) = (0, 0);
        let mut body = self.head();
        for section in &self.sections {
            let mut html = line("h2", "", &Text::plain(&section.title));
            for content in &section.contents {
                html += &match content {
                    Content::Paragraph(text) => line("p", "", text),
                    Content::Exhibit(exhibit) => {
                        figures += 1;
                        exhibit.to_html(figures)
                    }
                    Content::Table(table) => {
                        tables += 1;
                        table.to_html(tables)
                    }
                    Content::Missing { what, command } => {
                        let command = escaped(command);
                        let text = format!("{}; <code>{command}</code> makes it.", rich(what));
                        element("p", "missing", &text)
                    }
                    Content::Code(text) => element("pre", "", &escaped(text)),
                };
            }
            let id = slug(&section.title);
            body += &format!("<section id=\"{id}\">\n{html}</section>\n");
        }
        let title = escaped(&self.title);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n{body}\
             <script>\n{}</script>\n</body>\n</html>\n",
            include_str!("style.css"),
            include_str!("script.js")
        )
    }

    /// Its figures in their order, each with an identifier of its own.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.contents).filter_map(|content| {
            match content {
                Content::Exhibit(exhibit) => Some(&exhibit.figure),
                _ => None,
            }
        })
    }

    fn head(&self) -> String {
        let findings: String = self.findings.iter().map(|text| line("li", "", text)).collect();
        let entry = |section: &Section| {
            let (id, title) = (slug(&section.title), escaped(&section.title));
            element("li", "", &format!("<a href=\"#{id}\">{title}</a>"))
        };
        let contents: String = self.sections.iter().map(entry).collect();
        let head = line("p", "kicker", &Text::plain(&self.kicker))
            + &line("h1", "", &Text::plain(&self.title))
            + &element("ol", "findings", &findings)
            + &line("p", "conventions", &self.conventions);
        element("header", "", &head)
            + &format!("<nav aria-label=\"Contents\">\n{}</nav>\n", element("ol", "", &contents))
    }
}
