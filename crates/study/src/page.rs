//! The page of the study: the general sections of a folder of runs with published values in their
//! figures, the one-dimensional example, and the published values beside ours.

mod published;
mod toy;

use minimascope_record::config::ModelConfig;
use minimascope_record::escape::ToyEscape;
use minimascope_record::stored_run::StoredRun;
use minimascope_report::figures::contact_sheet::ContactSheet;
use minimascope_report::page::{Document, conventions, findings, finished, sections};

use crate::published::Published;
use crate::toy::ToyFigure;

/// What the page of the study shows.
#[derive(Clone, Copy, Debug)]
pub struct StudyInputs<'a> {
    /// The runs.
    pub runs: &'a [StoredRun],
    /// The published numbers.
    pub published: &'a Published,
    /// The one-dimensional example and its figure.
    pub toy: Option<(&'a ToyEscape, &'a ToyFigure)>,
    /// Images of the training sets.
    pub sheets: &'a [ContactSheet],
}

/// Whether a run is of a network with published numbers: the page of its folder is then the study's.
pub fn has_published_network(run: &StoredRun, published: &Published) -> bool {
    match &run.config.model {
        ModelConfig::Preset(name) => published.has_network(name),
        ModelConfig::File(_) | ModelConfig::Architecture(_) => false,
    }
}

/// The page. Its sections follow the argument of the paper.
pub fn page(inputs: &StudyInputs<'_>) -> Document {
    let StudyInputs { runs, published, toy, sheets } = *inputs;
    let references = &published::references(runs, published);
    Document {
        title: "Which minima gradient descent and SGD find".into(),
        kicker: format!("A study of {}, measured by minimascope", finished(runs)),
        findings: findings::sentences(runs),
        conventions: conventions(runs),
        sections: [
            vec![sections::setup::section(runs, sheets), toy::section(toy)],
            sections::minima(runs, references),
            vec![published::section(runs, published), sections::listing::section(runs)],
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

#[cfg(test)]
mod tests;
