//! `escape --grid`: observed against predicted.

use minimascope_experiment::escape::{Grid, grid};
use minimascope_experiment::machine::Machine;
use minimascope_experiment::stability::at_minimum;
use minimascope_experiment::target::Target;
use minimascope_record::escape::{Cell, EscapeGrid, Linearised};
use minimascope_record::threshold::deciding;
use minimascope_report::views;

use super::arguments::{EscapeArguments, STEPS};
use crate::exit::{Done, Failure};
use crate::pictures::draw;
use crate::table::{TextTable, grouped, none, significant};
use crate::{interrupt, progress};

/// Launches of a cell: fewer say nothing of a cell near its threshold.
const SEEDS: u64 = 3;

pub(super) fn run(arguments: &EscapeArguments, machine: &Machine) -> Result<Done, Failure> {
    let (place, optimizer) = (&arguments.place, &arguments.optimizer);
    let target = Target::find(&arguments.target, &place.out, place.config.as_deref())?;
    progress::say_notes(target.plan().notes());
    let n = target.plan().train().len();
    let rates = arguments.learning_rates.iter().chain(&optimizer.learning_rate);
    let sizes = arguments.batch_sizes.iter().chain(&optimizer.batch_size);
    let what = Grid {
        learning_rates: rates.copied().collect(),
        batch_sizes: sizes.map(|size| size.of(n)).collect(),
        sampling: optimizer.sampling.map(|scheme| scheme.0),
        seeds: arguments.seeds.unwrap_or(SEEDS),
        max_steps: arguments.steps.unwrap_or(STEPS),
        quick: arguments.quick,
    };
    what.check(n)?;
    let mut progress = progress::on_stderr();
    let flag = interrupt::flag();
    let folder = arguments.folder(&target, "grid");
    let to = arguments.keep_in(&folder);
    let mut record = at_minimum(&target, machine, progress.as_mut(), flag, |minimum, progress| {
        grid(minimum, &what, &to, progress, flag)
    })?;
    drop(progress);
    if !record.complete {
        return Ok(Done::Interrupted);
    }
    record.folder = Some(folder.path().display().to_string());
    place.format.print(&record, text)?;
    draw(&views::grid(&record).figure(), folder.path())?;
    Ok(Done::Well)
}

fn text(record: &EscapeGrid) -> String {
    let mut text = String::new();
    let mut table = TextTable::new(["B", "η*", "from", "to"]);
    for row in &record.boundary {
        let Some(exact) = deciding(&row.thresholds, record.sampling) else { continue };
        let ends = exact.ends();
        table.row([
            row.batch_size.to_string(),
            significant(exact.learning_rate),
            significant(ends.lower),
            significant(ends.upper),
        ]);
    }
    text.push_str(&format!("{table}\n"));
    let mut table = TextTable::new([
        "B",
        "η",
        "η/η*",
        "predicted",
        "seen",
        "left",
        "first at",
        "loss ×",
        "typically × a step",
        "",
    ]);
    for cell in &record.cells {
        table.row([
            cell.batch_size.to_string(),
            cell.learning_rate.to_string(),
            significant(cell.margin),
            cell.predicted.to_string(),
            if cell.has_left() { "leaves" } else { "stays" }.to_owned(),
            format!("{} of {}", cell.left(), cell.departures.len()),
            cell.left_at().map_or(none(), grouped),
            cell.largest_loss_ratio.map_or("∞".to_owned(), significant),
            cell.predicted_growth.typical.map_or(none(), significant),
            cell.explanation.map_or(String::new(), |why| why.to_string()),
        ]);
    }
    text.push_str(&table.to_string());
    let counts = &record.agreement;
    let mut table = TextTable::new(["", "seen to stay", "seen to leave"]);
    let row = |name: &str, stays: usize, leaves: usize| {
        [name.to_owned(), stays.to_string(), leaves.to_string()]
    };
    table.row(row(
        "predicted to stay",
        counts.stays_as_predicted,
        counts.leaves_against_prediction,
    ));
    table.row(row(
        "predicted to leave",
        counts.stays_against_prediction,
        counts.leaves_as_predicted,
    ));
    text.push_str(&format!(
        "\n{table}not decided: {}, of which {} as the estimate leans\n{}\n",
        counts.not_decided, counts.not_decided_as_estimated, record.criterion
    ));
    text.push_str(&explained(record));
    text + &super::ending(&record.notes, record.folder.as_deref())
}

/// The measurement behind every explanation.
fn explained(record: &EscapeGrid) -> String {
    let cells = || record.cells.iter().filter_map(|cell| Some((cell, cell.linearised.as_ref()?)));
    if cells().next().is_none() {
        return String::new();
    }
    let mut table = TextTable::new([
        "B",
        "η",
        "η/η*",
        "steps",
        "left",
        "same batches, linearised",
        "linearised, as drawn",
        "other scheme",
        "steps",
        "typically × a step",
        "other scheme",
    ]);
    for (cell, linearised) in cells() {
        let launches = |index: usize| {
            linearised.by_sampling.get(index).map_or(none(), |of| {
                let left = of.left_within(cell.max_steps);
                let later = of.left_within(u64::MAX) - left;
                let later = if later > 0 { format!(" + {later} later") } else { String::new() };
                format!("{left} of {}{later}", of.departures.len())
            })
        };
        let typically = |index: usize| {
            let typical = linearised.by_sampling.get(index).and_then(|of| of.typical);
            typical.map_or(none(), significant)
        };
        table.row([
            cell.batch_size.to_string(),
            cell.learning_rate.to_string(),
            significant(cell.margin),
            grouped(cell.max_steps),
            format!("{} of {}", cell.left(), cell.departures.len()),
            twins(cell, linearised),
            launches(0),
            launches(1),
            grouped(linearised.max_steps),
            typically(0),
            typically(1),
        ]);
    }
    format!("\nlaunches of the linearised dynamics:\n{table}")
}

/// How many launches do what their twins do, the linearised launches on the same batches.
fn twins(cell: &Cell, linearised: &Linearised) -> String {
    let Some(used) = linearised.by_sampling.first() else { return none() };
    let alike =
        cell.departures.iter().zip(&used.departures).filter(|(launch, twin)| {
            launch.is_some() == twin.is_some_and(|at| at <= cell.max_steps)
        });
    format!("{} of {} alike", alike.count(), cell.departures.len())
}
