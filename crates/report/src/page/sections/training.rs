//! Training curves of the runs that recorded them.

use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::stored_run::StoredRun;

use crate::page::{Caption, Content, Exhibit, Section, slug};
use crate::views;

/// The page of one run shows its own curves; a folder shows those of the first runs.
const DRAWN: usize = 4;

/// Loss, accuracies and curvatures while training.
pub fn section(stored: &[StoredRun]) -> Section {
    let drawn = stored.iter().filter_map(|run| {
        let mut exhibit = exhibit(run)?;
        exhibit.figure.identifier = slug(&format!("training-{}", run.run));
        Some(Content::Exhibit(Box::new(exhibit)))
    });
    let mut contents: Vec<Content> = drawn.take(DRAWN).collect();
    if contents.is_empty() {
        let command = "minimascope run … observe.sharpness_every=1000 observe.accuracy_every=1000";
        contents.push(Content::missing("No training curve is drawn: no run recorded one", command));
    }
    Section::new("Training curves", contents)
}

/// The curves of one run; `None` if it recorded nothing.
pub(in crate::page) fn exhibit(run: &StoredRun) -> Option<Exhibit> {
    let curves = views::training_curves(run)?;
    let caption = Caption::new(
        &format!(
            "Gradient descent is unstable where the sharpness is over 2/*η* = {}: it can rise to \
             that threshold and stay there. Under SGD it can stay below.",
            reading(curves.sharpness_limit)
        ),
        &match run.result.as_ref().and_then(|result| result.sharpness) {
            Some(a) => format!(
                "The sharpness ends at {} (the residual of its eigenpair).",
                plus_minus(a.value, a.residual)
            ),
            None => "The curvature was not measured.".to_owned(),
        },
        "One run, one seed. The loss is the exponential average of batch losses; the last point of \
         every other curve is the final measurement. Single measurements have no error bars.",
    );
    Some(Exhibit { figure: curves.figure(), caption })
}
