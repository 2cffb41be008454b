//! `run`: train a network, then measure the minimum it reached.

use std::path::PathBuf;

use clap::Args;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::run::{self, Existing, Options};
use minimascope_experiment::sweep::slurm::script::quoted;
use minimascope_record::outcome::Outcome;

use crate::arguments::{Configuration, MachineArguments};
use crate::exit::{Done, Failure};
use crate::output::ResultFormat;
use crate::{interrupt, progress, summary};

/// Train a network, then measure its sharpness and non-uniformity.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    configuration: Configuration,
    /// The folder that holds run folders.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Continue the run if it was interrupted.
    #[arg(long, conflicts_with = "force")]
    resume: bool,
    /// Run again, even if it is finished.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    format: ResultFormat,
    #[command(flatten)]
    machine: MachineArguments,
}

pub(super) fn run(arguments: &RunArguments) -> Result<Done, Failure> {
    let machine = arguments.machine.start();
    let continued = command_to_continue(arguments);
    let configured = arguments.configuration.read()?;
    let plan = Plan::check(&configured)?;
    progress::say_notes(plan.notes());
    let options = Options {
        out: arguments.out.clone(),
        existing: match (arguments.resume, arguments.force) {
            (true, _) => Existing::Resume,
            (_, true) => Existing::Restart,
            (false, false) => Existing::Report,
        },
        machine,
    };
    let mut progress = progress::on_stderr();
    let summary = run::run(&plan, &options, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    arguments.format.print(&summary, summary::text)?;
    if summary.outcome == Some(Outcome::Interrupted) {
        anstream::eprintln!("continue with: {continued}");
        return Ok(Done::Interrupted);
    }
    Ok(summary::ended(&summary))
}

/// The command that continues an interrupted run.
fn command_to_continue(run: &RunArguments) -> String {
    let configuration = &run.configuration;
    let mut words = vec!["minimascope".to_owned(), "run".to_owned(), configuration.source.clone()];
    words.extend(configuration.assignments.iter().map(ToString::to_string));
    if let Some(folder) = &configuration.data_dir {
        words.extend(["--data-dir".to_owned(), folder.display().to_string()]);
    }
    words.extend(["--out".to_owned(), run.out.display().to_string(), "--resume".to_owned()]);
    if run.format.json {
        words.push("--json".to_owned());
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}
