//! Sweeps: what a file may say about Slurm, and the objects that `sweep` prints and keeps.

use std::num::NonZeroUsize;

use derive_more::Display;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::RunConfig;
use crate::run::RunSummary;

/// How a sweep is handed to Slurm: `[slurm]` in a sweep file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlurmSettings {
    /// Lines for the script as they are, after `#SBATCH `: `--partition=long`, `--account=x`.
    pub directives: Vec<String>,
    /// At most so many tasks at a time; 0 leaves it to Slurm.
    pub throttle: u32,
    /// Minutes of work packed into one task, by the estimate.
    pub task_minutes: f64,
    /// At most so many tasks in one array.
    pub max_tasks: usize,
    /// Threads of one task.
    pub cpus_per_task: NonZeroUsize,
    /// The limit of a task, in minutes; one that reaches it is saved and goes on in a new start.
    pub time_limit_minutes: u32,
}

impl Default for SlurmSettings {
    fn default() -> Self {
        Self {
            directives: Vec::new(),
            throttle: 0,
            task_minutes: 10.0,
            max_tasks: 1_000,
            cpus_per_task: NonZeroUsize::MIN,
            time_limit_minutes: 60,
        }
    }
}

/// `sweep --json`, `sweep --dry-run --json` and `sweep status --json`: where each run of a plan
/// stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepReport {
    /// The version of this schema.
    pub schema_version: u32,
    /// The plan's name: a sweep's, or its file's.
    pub plan: String,
    /// The folder that holds run folders.
    pub store: String,
    /// Combinations that named a run which another had named before.
    pub repeated: usize,
    /// Every run once, in the order of the plan; of a shard, its own.
    pub runs: Vec<SweepRow>,
    /// Of the runs that are not finished, together, on the threads that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_seconds: Option<f64>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepRow {
    /// Its id.
    pub run: String,
    /// The values in which the plan's runs differ, by key.
    pub values: Vec<(String, String)>,
    /// Where it stands.
    pub state: RunState,
    /// The error of a failed run, or why Slurm lets it wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it may take, from `--dry-run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<RunEstimate>,
    /// What a finished run reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunSummary>,
}

/// Where a run of a sweep stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[display(rename_all = "lowercase")]
pub enum RunState {
    /// Its result is in the store; diverged and dead are results.
    Finished,
    /// An error ended it; `--retry-failed` tries again.
    Failed,
    /// A process of this machine, or a task of Slurm, works on it.
    Running,
    /// A task of Slurm that waits holds it.
    Queued,
    /// It was begun and nobody seems to work on it; what it reached is kept.
    Interrupted,
    /// Nothing of it is there.
    Missing,
}

/// What a run may take on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEstimate {
    /// Steps.
    pub steps: u64,
    /// Seconds of training and measuring.
    pub seconds: f64,
    /// What both come from.
    pub basis: EstimateBasis,
}

/// What an estimate of time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
pub enum EstimateBasis {
    /// The median of finished runs that differ from it in the seed alone.
    #[display("other seeds")]
    OtherSeeds,
    /// The steps from the training time η·t that runs of the same network, data and stop rule took
    /// to converge, by their median: gradient flow takes the same time at every η.
    #[display("training time")]
    TrainingTime,
    /// The limit of steps: a run that converges takes less.
    #[display("step limit")]
    StepLimit,
    /// The limit of steps, and nothing of this network was ever timed: the multiply–adds of a step
    /// at a nominal rate.
    #[display("operations")]
    Operations,
}

impl EstimateBasis {
    /// Whether the run may end well before.
    pub fn is_upper_limit(self) -> bool {
        matches!(self, Self::StepLimit | Self::Operations)
    }
}

/// `failed/<id>.json` in a store: a run that an error ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFailure {
    /// The version of this schema.
    pub schema_version: u32,
    /// The run's id.
    pub run: String,
    /// What went wrong.
    pub error: String,
    /// What to do about it, where more can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When, in seconds since 1970 UTC.
    pub failed: u64,
    /// The run, complete.
    pub configuration: RunConfig,
}

/// `launches/<number>/launch.json` in a store, and `sweep --engine slurm --json`: what was handed
/// to Slurm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlurmLaunch {
    /// The version of this schema.
    pub schema_version: u32,
    /// The plan's name.
    pub plan: String,
    /// The folder with its script, plan and logs.
    pub folder: String,
    /// When, in seconds since 1970 UTC.
    pub submitted: u64,
    /// The number of the array's job.
    pub job: String,
    /// The number of the job that collects after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect_job: Option<String>,
    /// The ids of the runs of each task, counted from 1.
    pub tasks: Vec<Vec<String>>,
}

/// `sweep collect --json`: the tables that were written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepTables {
    /// The version of this schema.
    pub schema_version: u32,
    /// The folder with `runs.parquet`, `traces/`, their CSV and `dictionary.csv`.
    pub folder: String,
    /// Rows of finished runs.
    pub runs: usize,
    /// Rows of runs that an error ended.
    pub failed: usize,
    /// Rows of all traces.
    pub trace_rows: usize,
}
