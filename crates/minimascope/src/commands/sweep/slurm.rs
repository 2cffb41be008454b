//! `sweep --engine slurm`, `sweep launch`, `sweep cancel`.

use clap::Args;
use minimascope_experiment::Error;
use minimascope_experiment::error::SweepError;
use minimascope_experiment::sweep::plan::SweepPlan;
use minimascope_experiment::sweep::shard::Shard;
use minimascope_experiment::sweep::slurm::{self, PreparedLaunch};
use minimascope_experiment::sweep::status::status;
use minimascope_experiment::sweep::store::Store;
use minimascope_record::sweep::{RunState, SlurmSettings, SweepReport};

use crate::arguments::{PlanPlace, parse_number};
use crate::exit::{Done, Failure};
use crate::{executable, output};

/// What goes into the script, over `[slurm]` of the sweep file.
#[derive(Clone, Debug, Args)]
pub(super) struct SlurmOptions {
    /// A line for the script after `#SBATCH `, as it is: --sbatch=--partition=long.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    sbatch: Vec<String>,
    /// At most so many tasks at a time.
    #[arg(long, value_name = "TASKS")]
    throttle: Option<u32>,
    /// Minutes of work in one task, by the estimate [default: 10].
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    task_minutes: Option<f64>,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = parse_number(text)?;
    if minutes > 0.0 && minutes.is_finite() {
        Ok(minutes)
    } else {
        Err("it must be over 0".to_owned())
    }
}

/// What a submission is asked to do.
pub(super) struct Submission<'a> {
    pub(super) place: &'a PlanPlace,
    pub(super) options: &'a SlurmOptions,
    pub(super) dry_run: bool,
    pub(super) retry_failed: bool,
    /// Whether runs that are in the queue are left to it.
    pub(super) only_missing: bool,
}

impl Submission<'_> {
    pub(super) fn make(&self, plan: &SweepPlan, store: &Store) -> Result<Done, Failure> {
        let (report, unread) = with_queue(plan, store)?;
        if let Some(error) = unread {
            if !self.dry_run {
                return Err(experiment(SweepError::UnknownQueue(error.to_string())));
            }
            anstream::eprintln!("{error}; this is the store alone");
        }
        let queued = report.runs.iter().filter(|row| row.state == RunState::Queued).count();
        if queued > 0 && !self.only_missing {
            return Err(experiment(SweepError::AlreadyQueued(queued)));
        }
        let program = executable::path()
            .map_err(|source| Failure::File { path: "minimascope".into(), source })?;
        let (settings, retry) = (self.settings(plan), self.retry_failed);
        let Some(launch) = PreparedLaunch::pack(plan, store, &report, settings, program, retry)?
        else {
            anstream::eprintln!("nothing to submit: every run is finished, failed or in the queue");
            return Ok(Done::Well);
        };
        let (runs, tasks) = launch.size();
        if self.dry_run {
            output::text(&launch.script()?)?;
            anstream::eprintln!("{runs} runs in {tasks} tasks; nothing was submitted");
            return Ok(Done::Well);
        }
        let record = launch.submit()?;
        self.place.format.print(&record, |record| {
            let collect = record.collect_job.as_deref().unwrap_or("–");
            format!(
                "job {}: {runs} runs in {tasks} tasks; job {collect} collects after it\n{}\n",
                record.job, record.folder
            )
        })?;
        Ok(Done::Well)
    }

    fn settings(&self, plan: &SweepPlan) -> SlurmSettings {
        let mut settings = plan.slurm().clone();
        settings.directives.extend(self.options.sbatch.iter().cloned());
        settings.throttle = self.options.throttle.unwrap_or(settings.throttle);
        settings.task_minutes = self.options.task_minutes.unwrap_or(settings.task_minutes);
        settings
    }
}

/// Where the runs stand, with what Slurm says where it was given some of them and answers.
pub(super) fn coloured(plan: &SweepPlan, store: &Store) -> Result<SweepReport, Failure> {
    let (report, unread) = with_queue(plan, store)?;
    if let Some(error) = unread {
        anstream::eprintln!("{error}; this is the store alone");
    }
    Ok(report)
}

/// Where the runs stand, and why the queue could not be read where Slurm was given some of them.
fn with_queue(plan: &SweepPlan, store: &Store) -> Result<(SweepReport, Option<Error>), Failure> {
    let mut report = status(plan, store, Shard::WHOLE)?;
    let launches = slurm::launches(store)?;
    if launches.is_empty() {
        return Ok((report, None));
    }
    let unread = match slurm::ask() {
        Ok(queue) => {
            slurm::overlay(&mut report, &launches, &queue);
            None
        }
        Err(error) => Some(error),
    };
    Ok((report, unread))
}

/// Takes every job of the store out of the queue.
pub(super) fn cancel(store: &Store, json: bool) -> Result<Done, Failure> {
    let launches = slurm::launches(store)?;
    let jobs = slurm::ask()?.jobs_of(&launches);
    slurm::cancel(&jobs)?;
    if json {
        output::json(&jobs)?;
    } else {
        output::text(&format!("cancelled: {}\n", jobs.join(", ")))?;
    }
    Ok(Done::Well)
}

fn experiment(error: SweepError) -> Failure {
    Failure::Experiment(error.into())
}
