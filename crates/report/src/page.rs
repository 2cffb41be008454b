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

use minimascope_record::escape::ToyEscape;
use minimascope_record::study::{StoredRun, Study};

use crate::figures::contact_sheet::ContactSheet;
use crate::figures::toy::Toy;
use crate::{Error, Image};

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

/// The page of a study.
///
/// # Errors
/// What a figure refuses to draw: a value that is not finite, from a damaged record.
pub fn study(inputs: &Inputs<'_>) -> Result<String, Error> {
    study::page(inputs)?.to_html()
}

/// The page of one run; `picture` gives the name of an example's label and its image.
///
/// # Errors
/// As [`study`].
pub fn run(
    run: &StoredRun,
    picture: impl Fn(usize) -> (String, Option<Image>),
) -> Result<String, Error> {
    run::page(run, picture).to_html()
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
