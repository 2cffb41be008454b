//! `sweep`: many runs, each once.

mod progress;
mod slurm;
mod tables;

use minimascope_experiment::sweep::collect::{CollectOptions, collect};
use minimascope_experiment::sweep::plan::SweepPlan;
use minimascope_experiment::sweep::pool::{SweepEnded, SweepOptions, sweep};
use minimascope_experiment::sweep::shard::Shard;
use minimascope_experiment::sweep::status::{estimate, status};
use minimascope_experiment::sweep::store::Store;
use minimascope_record::sweep::{RunState, SweepReport};

use crate::arguments::{Engine, PlanPlace, Sweep, SweepCommand};
use crate::exit::{Done, Failure};
use crate::table::grouped;
use crate::{interrupt, output};

pub(crate) fn run(arguments: &Sweep) -> Result<Done, Failure> {
    match &arguments.command {
        Some(SweepCommand::Status(place)) => {
            let (plan, store) = open(place)?;
            let report = slurm::coloured(&plan, &store)?;
            print(place, &report, &tables::status(&report))?;
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
                    Some(plan.runs().iter().map(|run| run.id().to_string()).collect())
                }
                None => None,
            };
            let to = to.clone().unwrap_or_else(|| out.join("tables"));
            let options = CollectOptions { runs, to, points: points.map(usize::from) };
            let tables = collect(&store, &options)?;
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
    Ok((plan, Store::at(place.out.clone())))
}

fn print(place: &PlanPlace, report: &SweepReport, text: &str) -> Result<(), Failure> {
    if place.json {
        output::json(report)?;
    } else {
        output::text(text)?;
    }
    Ok(())
}

/// On this machine.
fn here(arguments: &Sweep) -> Result<Done, Failure> {
    let place = &arguments.place;
    let options = SweepOptions {
        machine: arguments.machine.into(),
        shard: arguments.shard.unwrap_or(Shard::WHOLE),
        retry_failed: arguments.retry_failed,
    };
    if arguments.dry_run {
        let (plan, store) = open(place)?;
        let mut report = status(&plan, &store, options.shard)?;
        estimate(&mut report, &plan, &store, options.machine.threads)?;
        print(place, &report, &tables::planned(&report, options.machine.threads))?;
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
    print(place, &report, &tables::results(&report))?;
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
