//! The command line of sweeps.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use minimascope_experiment::sweep::axes::SweptAssignment;
use minimascope_experiment::sweep::shard::Shard;

use super::Machine;

/// A plan of runs and the store that keeps them.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlanPlace {
    /// A sweep or run preset (paper, fashion-mnist-fnn, …), or a TOML file of a sweep or a run.
    #[arg(value_name = "PLAN|PRESET|FILE.toml", required = true)]
    pub(crate) source: Option<String>,
    /// Values over those of the plan; several with commas between them are an axis:
    /// train.learning_rate=0.05,0.1,0.5.
    #[arg(value_name = "KEY=VALUE,…")]
    pub(crate) assignments: Vec<SweptAssignment>,
    /// A folder to look for data in first; as data.folder=DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The folder that holds run folders.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Sweep {
    #[command(subcommand)]
    pub(crate) command: Option<SweepCommand>,
    #[command(flatten)]
    pub(crate) place: PlanPlace,
    /// Print the runs and what they may take, and run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only part K of N, a function of the plan alone.
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<Shard>,
    /// Try again what an error ended.
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// What works on it: the threads of this machine, or an array of Slurm jobs.
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t = Engine::Local)]
    pub(crate) engine: Engine,
    #[command(flatten)]
    pub(crate) slurm: SlurmOptions,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Local,
    Slurm,
}

/// What goes into the script, over `[slurm]` of the sweep file.
#[derive(Clone, Debug, Args)]
pub(crate) struct SlurmOptions {
    /// A line for the script after `#SBATCH `, as it is: --sbatch=--partition=long.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub(crate) sbatch: Vec<String>,
    /// At most so many tasks at a time.
    #[arg(long, value_name = "TASKS")]
    pub(crate) throttle: Option<u32>,
    /// Minutes of work in one task, by the estimate [default: 10].
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    pub(crate) task_minutes: Option<f64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SweepCommand {
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
        slurm: SlurmOptions,
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

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "write a number of minutes".to_owned())?;
    if minutes > 0.0 && minutes.is_finite() {
        Ok(minutes)
    } else {
        Err("it must be over 0".to_owned())
    }
}
