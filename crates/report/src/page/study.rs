//! The page of a study: one module a section.

mod batch_size;
mod comparison;
mod corruption;
pub(super) mod density;
mod diagram;
pub(super) mod escape;
mod example;
mod findings;
mod listing;
mod margins;
mod noise_scale;
pub(super) mod plane;
mod power_law;
mod published;
pub(super) mod setup;
pub(super) mod wording;

use minimascope_plot::{Error, Text};

use super::Inputs;
use super::document::Document;

/// Sections in the order of the argument.
pub(super) fn page(inputs: &Inputs<'_>) -> Result<Document, Error> {
    let study = inputs.study;
    let finished = study.runs.iter().filter(|run| run.result.is_some()).count();
    Ok(Document {
        title: "Which minima gradient descent and SGD find".into(),
        kicker: format!("A study of {finished} runs, measured by minimascope"),
        findings: findings::sentences(study),
        conventions: conventions(inputs),
        sections: vec![
            setup::section(inputs),
            example::section(inputs.toy),
            diagram::section(study),
            batch_size::section(study),
            power_law::section(study),
            comparison::section(study),
            escape::section(study),
            plane::section(study),
            margins::section(study),
            noise_scale::section(study),
            density::section(study),
            corruption::section(study),
            published::section(study),
            listing::section(study),
        ],
    })
}

fn conventions(inputs: &Inputs<'_>) -> Text {
    let mut losses: Vec<&str> = Vec::new();
    for run in &inputs.study.runs {
        let name = crate::views::loss_name(run.config.loss);
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
