//! `sweep`: many runs, each once.

mod progress;
mod slurm;
mod tables;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use minimascope_experiment::plan::Plan;
use minimascope_experiment::sweep::axes::SweptAssignment;
use minimascope_experiment::sweep::collect::{CollectOptions, collect};
use minimascope_experiment::sweep::plan::SweepPlan;
use minimascope_experiment::sweep::pool::{SweepEnded, SweepOptions, sweep};
use minimascope_experiment::sweep::shard::Shard;
use minimascope_experiment::sweep::status::{estimate, status};
use minimascope_experiment::sweep::store::Store;
use minimascope_record::sweep::RunState;

use crate::arguments::{MachineArguments, PlanPlace};
use crate::exit::{Done, Failure};
use crate::progress::say_notes;
use crate::table::grouped;
use crate::{interrupt, output};

/// Run many runs, each once: learning rates × batch sizes × seeds.
///
/// What is in the store is skipped; the same command continues after any interruption.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SweepArguments {
    #[command(subcommand)]
    command: Option<SweepCommand>,
    #[command(flatten)]
    place: PlanPlace,
    /// Print the runs and what they may take, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only part K of N, a function of the plan alone.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Try again what an error ended.
    #[arg(long)]
    retry_failed: bool,
    /// What works on it: the threads of this machine, or an array of Slurm jobs.
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t = Engine::Local)]
    engine: Engine,
    #[command(flatten)]
    slurm: slurm::SlurmOptions,
    #[command(flatten)]
    machine: MachineArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    Local,
    Slurm,
}

#[derive(Debug, Subcommand)]
enum SweepCommand {
    /// Where each run of a plan stands: the plan against the store, and squeue where it answers.
    Status(PlanPlace),
    /// Hand to Slurm what is neither finished nor in the queue.
    Launch {
        #[command(flatten)]
        place: PlanPlace,
        /// Although other runs of the plan are in the queue.
        #[arg(long)]
        missing: bool,
        /// What an error ended, too.
        #[arg(long)]
        retry_failed: bool,
        /// Print the script and submit nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        slurm: slurm::SlurmOptions,
    },
    /// Write the store as tables: Parquet and CSV, a row a run, and the traces.
    Collect {
        /// The plan whose runs are collected; without one, all of the store's.
        #[arg(value_name = "PLAN|PRESET|FILE.toml")]
        source: Option<String>,
        /// Values over those of the plan.
        #[arg(value_name = "KEY=VALUE,…")]
        assignments: Vec<SweptAssignment>,
        /// The folder that holds run folders.
        #[arg(long, value_name = "DIR", default_value = "runs")]
        out: PathBuf,
        /// The folder for the tables [default: tables in the store].
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// At most about so many lines of each trace, evenly chosen [default: all].
        #[arg(long, value_name = "COUNT")]
        points: Option<NonZeroUsize>,
        /// Print what was written as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Take every job of a store out of Slurm's queue; what runs is saved.
    Cancel {
        /// The folder that holds run folders.
        #[arg(long, value_name = "DIR", default_value = "runs")]
        out: PathBuf,
        /// Print the numbers of the jobs as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: &SweepArguments) -> Result<Done, Failure> {
    match &arguments.command {
        Some(SweepCommand::Status(place)) => {
            let (plan, store) = open(place)?;
            let report = slurm::coloured(&plan, &store)?;
            place.format.print(&report, tables::status)?;
            Ok(Done::Well)
        }
        Some(SweepCommand::Launch { place, missing, retry_failed, dry_run, slurm }) => {
            let (plan, store) = open(place)?;
            slurm::Submission {
                place,
                options: slurm,
                dry_run: *dry_run,
                retry_failed: *retry_failed,
                only_missing: *missing,
            }
            .make(&plan, &store)
        }
        Some(SweepCommand::Cancel { out, json }) => slurm::cancel(&Store::at(out.clone()), *json),
        Some(SweepCommand::Collect { source, assignments, out, to, points, json }) => {
            let store = Store::at(out.clone());
            let runs = match source {
                Some(name) => {
                    let plan = SweepPlan::open(name, assignments, None)?;
                    let ids = plan.runs().iter().map(|run| run.id().to_string());
                    Some(ids.collect::<Vec<_>>())
                }
                None => None,
            };
            let planned = runs.as_ref().map_or(0, Vec::len);
            let to = to.clone().unwrap_or_else(|| out.join("tables"));
            let options = CollectOptions { runs, to, points: points.map(usize::from) };
            let tables = collect(&store, &options)?;
            let absent = planned.saturating_sub(tables.runs + tables.failed);
            if absent > 0 {
                anstream::eprintln!(
                    "note: {absent} of the plan's {planned} runs are neither finished nor failed"
                );
            }
            if *json {
                output::json(&tables)?;
            } else {
                output::text(&format!(
                    "{} finished and {} failed runs, {} lines of traces\n{}\n",
                    tables.runs,
                    tables.failed,
                    grouped(tables.trace_rows as u64),
                    tables.folder
                ))?;
            }
            Ok(Done::Well)
        }
        None if arguments.engine == Engine::Slurm => {
            if arguments.shard.is_some() {
                return Err(Failure::Usage {
                    what: "--shard is for --engine local".to_owned(),
                    hint: "an array of Slurm jobs makes shards of its own".to_owned(),
                });
            }
            let (plan, store) = open(&arguments.place)?;
            slurm::Submission {
                place: &arguments.place,
                options: &arguments.slurm,
                dry_run: arguments.dry_run,
                retry_failed: arguments.retry_failed,
                only_missing: false,
            }
            .make(&plan, &store)
        }
        None => here(arguments),
    }
}

pub(super) fn open(place: &PlanPlace) -> Result<(SweepPlan, Store), Failure> {
    let name = place.source.as_deref().unwrap_or_default();
    let plan = SweepPlan::open(name, &place.assignments, place.data_dir.as_deref())?;
    let notes: BTreeSet<&String> = plan.runs().iter().flat_map(Plan::notes).collect();
    say_notes(notes);
    Ok((plan, Store::at(place.out.clone())))
}

/// On this machine.
fn here(arguments: &SweepArguments) -> Result<Done, Failure> {
    let place = &arguments.place;
    let options = SweepOptions {
        machine: arguments.machine.start(),
        shard: arguments.shard.unwrap_or(Shard::WHOLE),
        retry_failed: arguments.retry_failed,
    };
    if arguments.dry_run {
        let (plan, store) = open(place)?;
        let mut report = status(&plan, &store, options.shard)?;
        estimate(&mut report, &plan, &store, options.machine.threads)?;
        place.format.print(&report, |report| tables::planned(report, options.machine.threads))?;
        return Ok(Done::Well);
    }
    work(place, &options)
}

/// Runs what is open of a plan, and prints what all of it reached.
pub(super) fn work(place: &PlanPlace, options: &SweepOptions) -> Result<Done, Failure> {
    let (plan, store) = open(place)?;
    let mut progress = progress::on_stderr();
    let ended = sweep(&plan, &store, options, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    let report = status(&plan, &store, options.shard)?;
    place.format.print(&report, tables::results)?;
    let failed = report.runs.iter().filter(|row| row.state == RunState::Failed).count();
    if failed > 0 {
        let folder = store.root().join("failed");
        anstream::eprintln!(
            "{failed} failed; their records are in {}, and --retry-failed tries again",
            folder.display()
        );
    }
    let open = report.runs.iter().filter(|row| row.state == RunState::Running).count();
    if open > 0 && ended == SweepEnded::Complete {
        anstream::eprintln!("{open} are still being run by another process");
    }
    if ended == SweepEnded::Interrupted {
        anstream::eprintln!("the same command continues; what was reached is saved");
        return Ok(Done::Interrupted);
    }
    Ok(if failed > 0 { Done::WithFailures } else { Done::Well })
}
