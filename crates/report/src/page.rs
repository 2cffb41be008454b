//! One self-contained HTML page of a whole study, or of one run.
//!
//! A page is a pure function of records: the same records give the same bytes. It asks nothing of
//! any network (its own content security policy forbids it), reads with scripts off, follows the
//! reader's light or dark preference and prints in light. The one small script offers each figure
//! as SVG, PNG and CSV.

mod data;
mod document;
mod exhibit;
mod html;
mod run;
mod study;
mod table;

use minimascope_plot::{Error, Figure, Image};
use minimascope_record::escape::ToyEscape;
use minimascope_record::study::{StoredRun, Study};

use self::document::Document;
use crate::figures::contact_sheet::ContactSheet;
use crate::figures::toy::Toy;

/// What the page of a study shows.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The runs and the published numbers.
    pub study: &'a Study,
    /// The one-dimensional example and its paths.
    pub toy: Option<(&'a ToyEscape, &'a Toy)>,
    /// Images of the training sets.
    pub sheets: &'a [ContactSheet],
}

/// A page, ready to be written.
#[derive(Clone, Debug)]
pub struct Page {
    document: Document,
}

impl Page {
    /// The page as one file.
    ///
    /// # Errors
    /// What a figure refuses to draw: a value that is not finite, from a damaged record.
    pub fn to_html(&self) -> Result<String, Error> {
        self.document.to_html()
    }

    /// Its figures in their order, each with an identifier of its own.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.document.figures()
    }
}

/// The page of a study.
///
/// # Errors
/// What the theory refuses in a damaged record.
pub fn study(inputs: &Inputs<'_>) -> Result<Page, Error> {
    Ok(Page { document: study::page(inputs)? })
}

/// The page of one run; `picture` gives the name of an example's label and its image.
pub fn run(run: &StoredRun, picture: impl Fn(usize) -> (String, Option<Image>)) -> Page {
    Page { document: run::page(run, picture) }
}

/// Runs of which each has a training set that no earlier one of the study has, with few wrong
/// labels before many: those whose images the page shows.
pub fn training_sets(study: &Study) -> Vec<&StoredRun> {
    study::setup::training_sets(study)
}

/// Lower-case letters, digits and hyphens, for identifiers.
fn slug(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests;
