//! The page of one run: configuration, curves, spectrum, verdict.

use minimascope_plot::number::{decimal, reading};
use minimascope_plot::{Image, Text};
use minimascope_record::measured::Measured;
use minimascope_record::stability::{Judged, StabilityReport};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::{Bracket, CriterionName, by, sharpness_limit};

use super::document::{Content, Document, Section};
use super::exhibit::{Caption, Exhibit};
use super::sections::{density, escape, plane, training};
use super::table::PageTable;
use super::wording::{NONE, percent};
use crate::figures::attribution::{Attributed, AttributedExample, AttributionFigure};
use crate::networks::MeasuredRun;
use crate::views;

pub(super) fn page(
    run: &StoredRun,
    picture: impl Fn(usize) -> (String, Option<Image>),
) -> Document {
    let config = &run.config;
    let model = run.result.as_ref().map_or("A network", |result| result.model.as_str());
    Document {
        title: format!(
            "{model}, η = {}, B = {}, seed {}",
            config.train.learning_rate, config.train.batch_size, config.train.seed
        ),
        kicker: format!("Run {}", run.run),
        findings: findings(run),
        conventions: Text::markup(&format!(
            "Loss of an example: {}. Sharpness *a* = λ_{{max}}(*H*), *H* the Hessian of the mean \
             loss; non-uniformity *s* = √λ_{{max}}(Σ), Σ = mean *H*_{{i}}^{{2}} − *H*^{{2}}. Every \
             eigenvalue stands with its true residual ‖*Av* − λ*v*‖.",
            config.loss.description()
        )),
        sections: vec![
            Section::new("Result", result(run)),
            Section::new("Curves", curves(run)),
            Section::new("Spectrum", spectrum(run)),
            Section::new("Stability", stability(run, picture)),
            Section::new("Escape", escapes(run)),
            Section::new("Configuration", configuration(run)),
        ],
    }
}

fn findings(run: &StoredRun) -> Vec<Text> {
    let Some(result) = &run.result else {
        return vec![Text::plain("This run is not finished.")];
    };
    let outcome = result.outcome.map_or("measured".to_owned(), |outcome| outcome.to_string());
    let mut sentences = vec![format!(
        "Training ended after {} iterations: {outcome}.",
        decimal(result.steps as f64, 0)
    )];
    if let Some(reached) = MeasuredRun::at_last_point(run) {
        let s = reached.non_uniformity().map_or("–".to_owned(), reading);
        sentences.push(format!(
            "Its last point has sharpness *a* = {}, {} of 2/*η* = {}, and non-uniformity *s* = {s}.",
            reading(reached.sharpness()),
            reading(reached.over_sharpness_threshold()),
            reading(sharpness_limit(result.learning_rate))
        ));
    }
    if let Some(judged) = run.own_judgement() {
        sentences.push(format!(
            "Linear stability at the run’s own (*η*, *B*): {}; *η* is {} of the exact mean-square \
             threshold.",
            judged.verdict,
            reading(judged.margin)
        ));
    }
    sentences.iter().map(|sentence| Text::markup(sentence)).collect()
}

fn result(run: &StoredRun) -> Vec<Content> {
    let Some(result) = &run.result else {
        let command = format!("minimascope run runs/{}/config.toml --resume", run.run);
        return vec![Content::missing("There is no result yet", &command)];
    };
    let mut table = PageTable::new("What the run reached.", ["quantity", "value", "about it"], "");
    let mut row = |name: &str, value: String, about: String| {
        let cells = [Text::markup(name), Text::plain(value), Text::plain(about)];
        table.rows.push(cells.to_vec());
    };
    let eigenvalue = |value: Option<Measured>| {
        value.map_or((NONE.to_owned(), String::new()), |value| {
            let converged = if value.converged { "" } else { ", not converged" };
            let about = format!(
                "relative residual {:.0e} in {} products{converged}",
                value.relative_residual, value.products
            );
            (reading(value.value), about)
        })
    };
    let (a, about_a) = eigenvalue(result.sharpness);
    let (s, about_s) = eigenvalue(result.non_uniformity);
    let limit = |limit: Option<f64>| limit.map_or("no limit".to_owned(), reading);
    row("network", result.model.clone(), format!("{} parameters", result.parameters));
    row("data", result.data.clone(), format!("{} training examples", result.train_examples));
    row("sharpness *a*", a, about_a);
    row("2/*η*", limit(result.sharpness_limit), "of gradient descent".into());
    row("non-uniformity *s*", s, about_s);
    row(
        "*s*_{max}",
        limit(result.non_uniformity_limit),
        "of the rectangle; proves nothing by itself".into(),
    );
    let loss = result.train_loss.map_or(NONE.to_owned(), reading);
    row("training loss", loss, result.loss.description().into());
    let norm = result.gradient_norm.map_or(NONE.to_owned(), reading);
    row("gradient norm", norm, String::new());
    let accuracy = |value: Option<f64>| value.map_or(NONE.to_owned(), percent);
    row("training accuracy (%)", accuracy(result.train_accuracy), String::new());
    row("test accuracy (%)", accuracy(result.test_accuracy), String::new());
    vec![Content::Table(table)]
}

fn curves(run: &StoredRun) -> Vec<Content> {
    let Some(exhibit) = training::exhibit(run) else {
        let command = "minimascope run … observe.sharpness_every=1000 observe.accuracy_every=1000";
        return vec![Content::missing("No curve is drawn: nothing was recorded", command)];
    };
    vec![Content::Exhibit(Box::new(exhibit))]
}

fn spectrum(run: &StoredRun) -> Vec<Content> {
    let mut blocks = Vec::new();
    if MeasuredRun::at_last_point(run).as_ref().is_some_and(density::has_density) {
        blocks.extend(density::exhibit(&[run]));
    }
    let top = run.spectrum.as_ref().map_or(&[][..], |spectrum| &spectrum.top);
    if !top.is_empty() {
        let mut table =
            PageTable::new("Largest eigenvalues of *H*.", ["", "λ", "relative residual"], "");
        for (index, pair) in top.iter().enumerate() {
            let residual = format!("{:.0e}", pair.relative_residual);
            table.row([(index + 1).to_string(), reading(pair.value), residual]);
        }
        blocks.push(Content::Table(table));
    }
    if blocks.is_empty() {
        let command = format!("minimascope measure {} --density --top 10", run.run);
        blocks.push(Content::missing("The spectrum is not drawn: it was not measured", &command));
    }
    blocks
}

fn stability(run: &StoredRun, picture: impl Fn(usize) -> (String, Option<Image>)) -> Vec<Content> {
    let mut blocks = Vec::new();
    if !run.judged.is_empty() {
        blocks.push(Content::Table(judgements(&run.judged)));
        let mut notes: Vec<&String> = Vec::new();
        for note in run.judged.iter().flat_map(|judged| &judged.notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        blocks.extend(notes.into_iter().map(|note| Content::Paragraph(Text::plain(note.as_str()))));
    }
    // The best known answer with each figure.
    blocks.extend(run.stability.iter().find_map(plane::boundary));
    // A whole answer before one of an earlier version, which leaves nothing out.
    let of_today = |report: &&StabilityReport| {
        report.attribution.as_ref().is_some_and(|found| !found.critical_of_rest.is_empty())
    };
    let any = |report: &&StabilityReport| report.attribution.is_some();
    let attributed_to = run.stability.iter().find(of_today).or(run.stability.iter().find(any));
    if let Some(report) = attributed_to {
        blocks.extend(views::attribution(report, picture).iter().flat_map(attributed));
    }
    if blocks.is_empty() {
        let command = format!("minimascope stability {} --boundary --attribution", run.run);
        blocks.push(Content::missing("No verdict is known", &command));
    }
    blocks
}

/// The figure, and the same in a table.
fn attributed(shown: &AttributionFigure) -> Vec<Content> {
    let (theory, runs, caption, value) = match shown.of {
        Attributed::CriticalLearningRate { .. } => (
            "At *η*^{∗} a second moment *X* of the distance to the minimum begins to grow, and the noise \
             that keeps it is a sum over examples, mean |*A*_{i}*XA*_{i}^{T}|^{2}: a few can carry it, and \
             with it SGD’s departure. When one goes, another may take over: the shares are \
             computed anew each time.",
            "One minimum, one seed. *η*^{∗} is an estimate from above in the leading directions that the \
             figure names.",
            "Examples left out one after the other, each time the one of the largest share in \
             *η*^{∗}.",
            "*η*^{∗}",
        ),
        Attributed::NonUniformity => (
            "*s*^{2} = λ_{max}(Σ) is a sum over examples along Σ’s top direction. That direction need \
             not be the one in which SGD leaves, so that the examples need not be those of *η*^{∗}.",
            "One minimum, one seed; the shares are exact up to the eigenpair’s residual.",
            "Examples left out one after the other, each time the one of the largest share of \
             *s*^{2}.",
            "*s*",
        ),
    };
    let measured = shown.finding(["*η*^{∗}", "*s*"]);
    let figure = shown.figure();
    let caption_of_figure = Caption::new(theory, &measured, runs);
    let mut blocks =
        vec![Content::Exhibit(Box::new(Exhibit { figure, caption: caption_of_figure }))];
    if !shown.rest.is_empty() {
        let heading = ["left out", value, "then the largest share (%)", "example", "label"];
        let mut table = PageTable::new(caption, heading, "");
        for rest in &shown.rest {
            let leader = |of: &dyn Fn(&AttributedExample) -> String| {
                rest.leader.as_ref().map_or(NONE.to_owned(), of)
            };
            table.row([
                rest.left_out.to_string(),
                rest.value.map_or("no limit".to_owned(), reading),
                leader(&|at| percent(at.share)),
                leader(&|at| at.index.to_string()),
                leader(&|at| at.label.clone()),
            ]);
        }
        blocks.push(Content::Table(table));
    }
    blocks
}

fn judgements(all: &[Judged]) -> PageTable {
    let mut table = PageTable::new(
        "Critical learning rates at this minimum, by every criterion.",
        ["*η*", "*B*", "verdict", "*η*/*η*^{∗}"],
        "SGD stays in mean square below the lower end of the exact threshold, leaves above the \
         upper one.",
    );
    let mut columns: Vec<(&CriterionName, &str)> = Vec::new();
    for threshold in all.iter().flat_map(|judged| &judged.thresholds) {
        if columns.iter().all(|(name, _)| **name != threshold.criterion) {
            columns.push((&threshold.criterion, &threshold.title));
        }
    }
    table.heading.extend(columns.iter().map(|(_, title)| Text::plain(*title)));
    for at in all {
        let mut row = vec![
            at.learning_rate.to_string(),
            at.batch_size.to_string(),
            at.verdict.to_string(),
            reading(at.margin),
        ];
        row.extend(columns.iter().map(|(name, _)| match by(&at.thresholds, name) {
            None => NONE.to_owned(),
            Some(threshold) => match threshold.bracket {
                None => reading(threshold.learning_rate),
                Some(Bracket { lower, upper }) => format!(
                    "{} in [{}, {}]",
                    reading(threshold.learning_rate),
                    reading(lower),
                    reading(upper)
                ),
            },
        }));
        table.rows.push(row.into_iter().map(Text::plain).collect());
    }
    table
}

fn escapes(run: &StoredRun) -> Vec<Content> {
    if run.escapes.is_empty() {
        let what = "Nothing was launched from this minimum";
        let command = format!("minimascope escape {} --learning-rate 0.1 --batch-size 4", run.run);
        return vec![Content::missing(what, &command)];
    }
    run.escapes.iter().filter_map(|record| escape::exhibit(run, record)).collect()
}

fn configuration(run: &StoredRun) -> Vec<Content> {
    let mut blocks = vec![Content::Code(run.text.clone())];
    if let Some(from) = &run.provenance {
        let commit = from.commit.as_deref().unwrap_or("unknown");
        blocks.push(Content::Paragraph(Text::plain(format!(
            "Computed by minimascope {} (commit {commit}, numerics {}) on {}, from {}.",
            from.version,
            from.numerics_version,
            from.processor.join(", "),
            from.data_origin
        ))));
    }
    blocks
}
