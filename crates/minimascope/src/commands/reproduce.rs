//! `reproduce`: the study's minima and ours, side by side.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use minimascope_experiment::run::{Existing, Options};
use minimascope_experiment::sweep::pool::SweepOptions;
use minimascope_experiment::sweep::shard::Shard;
use minimascope_record::escape::Escape;
use minimascope_record::measured::Measured;
use minimascope_record::outcome::Outcome;
use minimascope_record::threshold::sharpness_limit;
use minimascope_study::Completion;
use minimascope_study::published::{Reference, Spread};
use minimascope_study::questions::MinimumQuestions;
use minimascope_study::reproduce::diagram::diagram;
use minimascope_study::reproduce::reproduce;
use minimascope_study::reproduction::{Reproduction, ReproductionRow};

use crate::arguments::{MachineArguments, PlanPlace};
use crate::commands::{report, sweep};
use crate::criteria::ThresholdColumns;
use crate::exit::{Done, Failure};
use crate::output::ResultFormat;
use crate::pictures::draw;
use crate::summary::name_of;
use crate::table::{TextTable, grouped, none, plus_minus, significant};
use crate::{interrupt, progress};

/// The preset of every cell.
const PAPER: &str = "paper";

/// Train the study's networks and print their minima beside the study's.
#[derive(Debug, Args)]
pub(crate) struct ReproduceArguments {
    /// The core in minutes, or every cell with five seeds: `sweep paper`, which hands it to Slurm too.
    #[arg(long, value_name = "PRESET", value_enum, default_value_t = Preset::Quick)]
    preset: Preset,
    /// The folder that holds run folders.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Run again what is finished of the quick preset.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    format: ResultFormat,
    #[command(flatten)]
    machine: MachineArguments,
}

/// How much of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    Quick,
    Paper,
}

pub(super) fn run(arguments: &ReproduceArguments) -> Result<Done, Failure> {
    match arguments.preset {
        Preset::Quick => quick(arguments),
        Preset::Paper => paper(arguments),
    }
}

/// Every run of the study: the plan `paper` of `sweep`, and the questions about its minima.
fn paper(arguments: &ReproduceArguments) -> Result<Done, Failure> {
    if arguments.force {
        return Err(Failure::Usage {
            what: "--force is for the quick preset".to_owned(),
            hint: "remove the run folders that are to run again".to_owned(),
        });
    }
    let place = PlanPlace {
        source: Some(PAPER.to_owned()),
        assignments: Vec::new(),
        data_dir: None,
        out: arguments.out.clone(),
        format: arguments.format,
    };
    let folder = place.out.clone();
    let machine = arguments.machine.start();
    let options = SweepOptions { machine, shard: Shard::WHOLE, retry_failed: false };
    let done = sweep::work(&place, &options)?;
    if done == Done::Interrupted {
        return Ok(done);
    }
    let (plan, store) = sweep::open(&place)?;
    let mut progress = progress::on_stderr();
    let begun = |run: &str, what: &str| anstream::eprintln!("{run}: {what}");
    let questions = MinimumQuestions::of_preset(PAPER).expect("the preset has questions");
    let ended =
        questions.answer(&plan, &store, &machine, progress.as_mut(), begun, interrupt::flag())?;
    drop(progress);
    report::write_folder_page(&folder, &folder.join("report.html"))?;
    if ended == Completion::Interrupted {
        anstream::eprintln!("the same command continues; what was answered is saved");
        return Ok(Done::Interrupted);
    }
    Ok(done)
}

fn quick(arguments: &ReproduceArguments) -> Result<Done, Failure> {
    let options = Options {
        out: arguments.out.clone(),
        existing: if arguments.force { Existing::Restart } else { Existing::Resume },
        machine: arguments.machine.start(),
    };
    let folder = options.out.clone();
    let mut progress = progress::on_stderr();
    let (study, ended) = reproduce(&options, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    if arguments.format.json || !study.rows.is_empty() {
        arguments.format.print(&study, text)?;
    }
    if let Some(diagram) = diagram(&study) {
        draw(&diagram.figure(), &folder)?;
        report::write_folder_page(&folder, &folder.join("report.html"))?;
    }
    if ended == Completion::Interrupted {
        anstream::eprintln!("the same command continues; what is finished stays");
        return Ok(Done::Interrupted);
    }
    Ok(if study.rows.iter().all(is_good) { Done::Well } else { Done::WithFailures })
}

/// Whether a row says what it is there to say.
fn is_good(row: &ReproductionRow) -> bool {
    let converged = |value: &Option<Measured>| value.is_some_and(|value| value.converged);
    row.result.outcome == Some(Outcome::Converged)
        && converged(&row.result.sharpness)
        && converged(&row.result.non_uniformity)
}

fn text(study: &Reproduction) -> String {
    let mut table = TextTable::new([
        "run",
        "η",
        "B",
        "steps",
        "sharpness a",
        "2/η",
        "non-uniformity s",
        "s_max",
        "train %",
        "test %",
        "relative residuals",
    ]);
    for (index, row) in study.rows.iter().enumerate() {
        if index > 0 {
            table.gap();
        }
        table.row(ours(row));
        for reference in &row.references {
            table.row(theirs(reference));
        }
    }
    let mut text = table.to_string();
    if let Some(row) = study.rows.first() {
        text.push_str(&format!(
            "\nCurvatures are of the mean {} over the training set. ± is the deviation over runs; \
             one seed here.\n",
            name_of(&row.result.loss)
        ));
    }
    text.push_str(&theory(study));
    for (row, note) in study.rows.iter().flat_map(|row| {
        row.references.iter().filter_map(move |reference| Some((row, reference.note.as_ref()?)))
    }) {
        text.push_str(&format!("{}: {note}.\n", row.title));
    }
    text
}

/// Every minimum with its own batch size and with B = 4, and what a launch did.
fn theory(study: &Reproduction) -> String {
    let theories = || study.rows.iter().filter_map(|row| Some((row, row.theory.as_ref()?)));
    let judged = theories().flat_map(|(_, theory)| &theory.stability);
    let columns = ThresholdColumns::of(judged.map(|at| &at.thresholds[..]));
    let titles = ["minimum", "η", "B", "verdict", "η/η*"].map(str::to_owned);
    let mut table = TextTable::new(titles.into_iter().chain(columns.titles()));
    let (mut text, mut launches) = (String::new(), String::new());
    for (row, theory) in theories() {
        for at in &theory.stability {
            let own = [
                row.title.clone(),
                at.learning_rate.to_string(),
                at.batch_size.to_string(),
                at.verdict.to_string(),
                significant(at.margin),
            ];
            table.row(own.into_iter().chain(columns.cells(&at.thresholds)));
        }
        if let Some(escape) = &theory.escape {
            launches.push_str(&launched(&row.title, escape));
        }
    }
    if study.rows.iter().any(|row| row.theory.is_some()) {
        text.push_str(&format!(
            "\nCritical learning rates, of independent batches:\n{table}\n{launches}\n"
        ));
    }
    text
}

fn launched(title: &str, escape: &Escape) -> String {
    let mut text = String::new();
    for launch in &escape.launches {
        text.push_str(&format!(
            "{title}, launched with η = {}, B = {}: {}",
            escape.learning_rate, escape.batch_size, launch.fate
        ));
        if let Some(step) = launch.left_at {
            text.push_str(&format!(", gone at step {step}"));
        }
        if let Some(fit) = launch.fitted_growth {
            let predicted = escape.predicted_growth;
            text.push_str(&format!(
                ", loss ×{} a step (linearised: ×{} typically, ×{} in the mean)",
                plus_minus(fit.factor, fit.standard_error),
                predicted.typical.map_or(none(), significant),
                significant(predicted.mean_square)
            ));
        }
        if let Some(end) = launch.end {
            let value = |value: Option<Measured>| value.map_or(none(), |v| significant(v.value));
            text.push_str(&format!(
                "; after {} steps a = {} (2/η = {}), s = {}, test {} %, {} % before",
                grouped(launch.steps),
                value(end.sharpness),
                significant(sharpness_limit(escape.learning_rate)),
                value(end.non_uniformity),
                percent(end.test_accuracy),
                percent(escape.origin.test_accuracy)
            ));
        }
        text.push('\n');
    }
    text
}

fn ours(row: &ReproductionRow) -> [String; 11] {
    let run = &row.result;
    let value = |value: Option<Measured>| value.map_or(none(), |value| significant(value.value));
    let residual = |value: Option<Measured>| {
        value.map_or(none(), |value| {
            let missed = if value.converged { "" } else { "!" };
            format!("{:.0e}{missed}", value.relative_residual)
        })
    };
    let steps = match run.outcome {
        Some(Outcome::Converged) | None => grouped(run.steps),
        Some(outcome) => format!("{} ({outcome})", grouped(run.steps)),
    };
    [
        row.title.clone(),
        run.learning_rate.to_string(),
        run.batch_size.to_string(),
        steps,
        value(run.sharpness),
        run.sharpness_limit.map_or(none(), significant),
        value(run.non_uniformity),
        run.non_uniformity_limit.map_or("∞".to_owned(), significant),
        percent(run.train_accuracy),
        percent(run.test_accuracy),
        format!("{}, {}", residual(run.sharpness), residual(run.non_uniformity)),
    ]
}

fn theirs(reference: &Reference) -> [String; 11] {
    let spread = |value: Option<Spread>| value.map_or(String::new(), with_deviation);
    let accuracy =
        |value: Option<Spread>| value.map_or(String::new(), |value| percent(Some(value.mean)));
    [
        format!("  {}", reference.source),
        String::new(),
        String::new(),
        String::new(),
        spread(reference.sharpness),
        String::new(),
        spread(reference.non_uniformity),
        String::new(),
        accuracy(reference.train_accuracy),
        accuracy(reference.test_accuracy),
        String::new(),
    ]
}

/// As many digits as were published.
fn with_deviation(spread: Spread) -> String {
    match spread.deviation {
        Some(deviation) => format!("{} ± {deviation}", spread.mean),
        None => spread.mean.to_string(),
    }
}

fn percent(fraction: Option<f64>) -> String {
    fraction.map_or(none(), |fraction| format!("{:.2}", 100.0 * fraction))
}
