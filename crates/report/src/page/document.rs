//! The page: a head, findings, contents, sections.

use minimascope_plot::{Error, Figure, Text, escaped};

use super::exhibit::Exhibit;
use super::html::{element, line, rich};
use super::slug;
use super::table::Table;

/// The page forbids itself every request: its style and script stand in it, and images are data.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data: blob:";

/// Something in a section.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// Running text.
    Paragraph(Text),
    /// A figure.
    Exhibit(Box<Exhibit>),
    /// A table.
    Table(Table),
    /// What is not shown, and the command that would make its records.
    Missing {
        /// As "The spectral density is not shown: no run has one".
        what: Text,
        /// The command.
        command: String,
    },
    /// A file, as it is.
    Code(String),
}

impl Block {
    /// Running text in the notation of labels.
    pub(super) fn paragraph(text: &str) -> Block {
        Block::Paragraph(Text::markup(text))
    }

    /// A figure that is left out.
    pub(super) fn missing(what: &str, command: &str) -> Block {
        Block::Missing { what: Text::markup(what), command: command.to_owned() }
    }
}

/// A part of the page.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

impl Section {
    pub(super) fn new(title: &str, blocks: Vec<Block>) -> Section {
        Section { title: title.to_owned(), blocks }
    }
}

/// The page.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) title: String,
    /// A line above the title.
    pub(super) kicker: String,
    /// What was found, a sentence each.
    pub(super) findings: Vec<Text>,
    /// Conventions, in small print under the findings.
    pub(super) conventions: Text,
    pub(super) sections: Vec<Section>,
}

impl Document {
    pub(super) fn to_html(&self) -> Result<String, Error> {
        let (mut figures, mut tables) = (0, 0);
        let mut body = self.head();
        for section in &self.sections {
            let mut content = line("h2", "", &Text::plain(&section.title));
            for block in &section.blocks {
                content += &match block {
                    Block::Paragraph(text) => line("p", "", text),
                    Block::Exhibit(exhibit) => {
                        figures += 1;
                        exhibit.to_html(figures)?
                    }
                    Block::Table(table) => {
                        tables += 1;
                        table.to_html(tables)
                    }
                    Block::Missing { what, command } => {
                        let command = escaped(command);
                        let text = format!("{}; <code>{command}</code> makes it.", rich(what));
                        element("p", "missing", &text)
                    }
                    Block::Code(text) => element("pre", "", &escaped(text)),
                };
            }
            let id = slug(&section.title);
            body += &format!("<section id=\"{id}\">\n{content}</section>\n");
        }
        let title = escaped(&self.title);
        Ok(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n{body}\
             <script>\n{}</script>\n</body>\n</html>\n",
            include_str!("style.css"),
            include_str!("script.js")
        ))
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Exhibit(exhibit) => Some(&exhibit.figure),
            _ => None,
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
