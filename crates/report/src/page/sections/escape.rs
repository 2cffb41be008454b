//! Launches from minima.

use minimascope_plot::number::{plus_minus, reading};
use minimascope_record::escape::{Escape, Launch};
use minimascope_record::measured::Measured;
use minimascope_record::stability::Verdict;
use minimascope_record::stored_run::StoredRun;
use minimascope_record::threshold::sharpness_limit;

use crate::page::wording::{NONE, percent, plural, sentence};
use crate::page::{Caption, Content, Exhibit, PageTable, Section, slug};
use crate::views;

/// The number of launches with a figure. The table has all, and the page of a run has all of its own.
const DRAWN: usize = 12;

/// A figure for each of the first launches, and a table of all.
pub fn section(stored: &[StoredRun]) -> Section {
    let escapes = |run| {
        let run: &StoredRun = run;
        run.escapes.iter().map(move |record| (run, record))
    };
    let all: Vec<(&StoredRun, &Escape)> = stored.iter().flat_map(escapes).collect();
    let mut blocks: Vec<Content> =
        all.iter().filter_map(|(run, record)| exhibit(run, record)).take(DRAWN).collect();
    if all.is_empty() {
        let what = "No escape is drawn: nothing was launched from a minimum";
        let command = "minimascope escape RUN --learning-rate 0.1 --batch-size 4";
        blocks.push(Content::missing(what, command));
    } else {
        if all.len() > blocks.len() {
            blocks.push(Content::paragraph(&format!(
                "{} more are in the table; the page of a run draws each of its own.",
                all.len() - blocks.len()
            )));
        }
        blocks.push(Content::Table(table(&all)));
    }
    Section::new("Escape", blocks)
}

/// The launches with one (η, B). `None` if no launch has taken a step yet.
pub(in crate::page) fn exhibit(run: &StoredRun, record: &Escape) -> Option<Content> {
    if record.launches.iter().all(|launch| launch.course.is_empty()) {
        return None;
    }
    let wrong_labels = wrong_labels(run);
    let (origin, minimum) = (&record.origin, &record.point);
    let growth = &record.predicted_growth;
    let verdict = match record.verdict {
        Verdict::Stays => "it stays",
        Verdict::Leaves => "it leaves",
        Verdict::NotDecided => "the bracket does not decide",
    };
    let typical = match (growth.typical, growth.typical_standard_error) {
        (Some(typical), Some(error)) => {
            format!(", ×{} along a typical path", plus_minus(typical, error))
        }
        _ => String::new(),
    };
    let theory = format!(
        "At this minimum *η*/*η*^{{∗}} = {} for *B* = {}: {verdict}. The linearised loss grows ×{} a \
         step in mean square{typical}. Wherever it settles, *a* is at most 2/*η* = {}.",
        reading(record.margin),
        record.batch_size,
        reading(growth.mean_square),
        reading(sharpness_limit(record.learning_rate))
    );
    let start = format!(
        "The start{} has *a* = {}, *s* = {}, test accuracy {} %.",
        if wrong_labels > 0 {
            format!(", with {wrong_labels} wrong labels,")
        } else {
            String::new()
        },
        reading(minimum.sharpness.value),
        reading(minimum.non_uniformity.value),
        origin.test_accuracy.map_or(NONE.to_owned(), percent)
    );
    let seen = record.launches.iter().map(launched).collect::<Vec<_>>().join(" ");
    let caption = Caption::new(
        &theory,
        &format!("{start} {seen}"),
        &format!(
            "{} of one minimum, at most {} iterations. {}. The error of a growth is that of the \
             fit.",
            plural(record.launches.len(), "seed"),
            record.max_steps,
            sentence(&record.criterion)
        ),
    );
    let mut figure = views::escape_with(record, wrong_labels).figure();
    figure.identifier =
        slug(&format!("escape-{}-{}-{}", origin.run, record.learning_rate, record.batch_size));
    Some(Content::Exhibit(Box::new(Exhibit { figure, caption })))
}

fn wrong_labels(run: &StoredRun) -> usize {
    run.result.as_ref().map_or(0, |result| result.corrupted_examples.len())
}

fn launched(launch: &Launch) -> String {
    let left = launch.left_at.map_or(String::new(), |step| format!(": gone at iteration {step}"));
    let growth = launch.fitted_growth.map_or(String::new(), |fit| {
        let factor = fit
            .standard_error
            .map_or_else(|| reading(fit.factor), |error| plus_minus(fit.factor, error));
        format!(", its loss growing ×{factor} a step")
    });
    let lowest = launch.lowest_train_accuracy.filter(|_| launch.fate.has_left());
    let lowest = lowest.map_or(String::new(), |lowest| {
        format!(", with training accuracy down to {} %", percent(lowest))
    });
    let end = launch.end.map_or(String::new(), |end| {
        let value =
            |value: Option<Measured>| value.map_or("–".to_owned(), |at| reading(at.value));
        format!(
            "; after {} iterations *a* = {}, *s* = {}, test {} %",
            end.step,
            value(end.sharpness),
            value(end.non_uniformity),
            end.test_accuracy.map_or(NONE.to_owned(), percent)
        )
    });
    format!("Seed {} {}{left}{growth}{lowest}{end}.", launch.seed, launch.fate)
}

/// One row for each launch.
fn table(all: &[(&StoredRun, &Escape)]) -> PageTable {
    let mut table = PageTable::new(
        "Launches from minima: what theory says and what was seen.",
        [
            "from",
            "*a* there",
            "*η*",
            "*B*",
            "*η*/*η*^{∗}",
            "predicted",
            "seen",
            "left at",
            "growth a step",
            "predicted growth",
            "*a* at the end",
            "test % before",
            "after",
        ],
        "Growth: factor of the training loss a step, fitted with its standard error beside that of \
         a typical path of the linearised dynamics (in the mean square where that was not simulated).",
    );
    for (run, record) in all {
        let (origin, minimum) = (&record.origin, &record.point);
        for launch in &record.launches {
            let end = launch.end;
            let predicted = &record.predicted_growth;
            table.row([
                match wrong_labels(run) {
                    0 => views::reached(origin, minimum),
                    wrong => format!("{}, {wrong} wrong labels", views::reached(origin, minimum)),
                },
                reading(minimum.sharpness.value),
                record.learning_rate.to_string(),
                record.batch_size.to_string(),
                reading(record.margin),
                record.verdict.to_string(),
                format!("seed {} {}", launch.seed, launch.fate),
                launch.left_at.map_or(NONE.to_owned(), |step| step.to_string()),
                launch.fitted_growth.map_or(NONE.to_owned(), |fit| match fit.standard_error {
                    Some(error) => plus_minus(fit.factor, error),
                    None => reading(fit.factor),
                }),
                reading(predicted.typical.unwrap_or(predicted.mean_square)),
                end.and_then(|end| end.sharpness).map_or(NONE.to_owned(), |at| reading(at.value)),
                origin.test_accuracy.map_or(NONE.to_owned(), percent),
                end.and_then(|end| end.test_accuracy).map_or(NONE.to_owned(), percent),
            ]);
        }
    }
    table
}
