//! `run`: train a network, then measure the minimum it reached.

use minimascope_experiment::machine::Machine;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::run::{self, Existing, Options};
use minimascope_record::outcome::Outcome;

use crate::arguments::Run;
use crate::commands::config;
use crate::exit::{Done, Failure};
use crate::{interrupt, output, progress, summary};

pub(crate) fn run(arguments: Run) -> Result<Done, Failure> {
    let continued = summary::command_to_continue(&arguments);
    let configured = config::read(arguments.configuration)?;
    let plan = Plan::check(&configured)?;
    let options = Options {
        out: arguments.out,
        existing: match (arguments.resume, arguments.force) {
            (true, _) => Existing::Resume,
            (_, true) => Existing::Restart,
            (false, false) => Existing::Report,
        },
        machine: arguments.machine.into(),
    };
    let mut progress = progress::on_stderr();
    let summary = run::run(&plan, &options, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    if arguments.json {
        output::json(&summary)?;
    } else {
        output::text(&summary::text(&summary))?;
    }
    if summary.outcome == Some(Outcome::Interrupted) {
        anstream::eprintln!("continue with: {continued}");
        return Ok(Done::Interrupted);
    }
    Ok(summary::ended(&summary))
}

/// Bytes of activations kept, unless the user says otherwise.
const ACTIVATIONS: usize = 1 << 30;

impl From<crate::arguments::Machine> for Machine {
    fn from(machine: crate::arguments::Machine) -> Self {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: machine.threads.map_or_else(available, usize::from),
            memory_bytes: machine.memory.unwrap_or(ACTIVATIONS),
        }
    }
}

/// The machine for a question about all directions of curvature at once, where they fit.
pub(super) fn for_every_direction(machine: crate::arguments::Machine) -> Machine {
    let half = || memory_of_the_machine().map_or(ACTIVATIONS, |bytes| bytes / 2);
    crate::arguments::Machine { memory: machine.memory.or_else(|| Some(half())), ..machine }.into()
}

/// Where the system says it: Linux.
fn memory_of_the_machine() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? << 10)
}
