//! One self-contained HTML page of a folder of runs, or of one run.
//!
//! A page is a [`Document`]: a title, findings, and sections of figures and tables. [`folder`] makes the
//! page of any folder of runs from the general [`sections`], and [`run`] the page of one run. A page on
//! a subject of its own combines the general sections with its own, and sets its own title and findings.
//!
//! A page is a pure function of records: the same records give the same bytes. It asks nothing of
//! any network (its own content security policy forbids it), reads with scripts off, follows the
//! reader's light or dark preference and prints in light. The one small script offers each figure
//! as SVG, PNG and CSV.

mod data;
mod document;
mod exhibit;
pub mod findings;
mod html;
mod references;
mod run;
pub mod sections;
mod table;
pub mod wording;

use minimascope_plot::{Image, Text};
use minimascope_record::stored_run::StoredRun;

pub use document::{Content, Document, Section};
pub use exhibit::{Caption, Exhibit};
pub use references::{ReferenceValue, ReferenceValues, References};
pub use table::PageTable;

use crate::figures::contact_sheet::ContactSheet;

/// What the page of a folder of runs shows.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The runs.
    pub runs: &'a [StoredRun],
    /// Images of the training sets.
    pub sheets: &'a [ContactSheet],
    /// Published values to show beside the runs.
    pub references: &'a References,
}

/// The page of a folder of runs: every general section.
pub fn folder(inputs: &Inputs<'_>) -> Document {
    let Inputs { runs, sheets, references } = *inputs;
    Document {
        title: "Minima and their stability".into(),
        kicker: format!("{}, measured by minimascope", finished(runs)),
        findings: findings::sentences(runs),
        conventions: conventions(runs),
        sections: [
            vec![sections::setup::section(runs, sheets), sections::training::section(runs)],
            sections::minima(runs, references),
            vec![sections::listing::section(runs)],
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// The page of one run; `picture` gives the name of an example's label and its image.
pub fn run(run: &StoredRun, picture: impl Fn(usize) -> (String, Option<Image>)) -> Document {
    run::page(run, picture)
}

/// The number of finished runs in words, as "12 runs".
pub fn finished(runs: &[StoredRun]) -> String {
    wording::plural(runs.iter().filter(|run| run.result.is_some()).count(), "run")
}

/// The definitions of the symbols of a page, with the losses of its runs.
pub fn conventions(runs: &[StoredRun]) -> Text {
    let mut losses: Vec<&str> = Vec::new();
    for run in runs {
        let name = run.config.loss.description();
        if !losses.contains(&name) {
            losses.push(name);
        }
    }
    Text::markup(&format!(
        "Loss of an example: {}. *f* is its mean over the *n* training examples, *H*_{{i}} the \
         Hessian of example *i*, *H* their mean. Sharpness *a* = λ_{{max}}(*H*); non-uniformity \
         *s* = √λ_{{max}}(Σ) with Σ = mean *H*_{{i}}^{{2}} − *H*^{{2}}. *η* is the learning rate, \
         *B* the batch size, *B* = *n* gradient descent (GD). ± is one standard deviation over \
         seeds unless said otherwise.",
        losses.join("; ")
    ))
}

/// Runs of which each has a training set that no earlier one has, with few wrong labels before many:
/// those whose images a page shows.
pub fn training_sets(runs: &[StoredRun]) -> Vec<&StoredRun> {
    sections::setup::training_sets(runs)
}

/// Lower-case letters, digits and hyphens, for identifiers.
pub fn slug(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests;
