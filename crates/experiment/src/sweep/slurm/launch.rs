//! One submission: its runs packed into tasks, its files, its jobs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::config::RunConfig;
use minimascope_record::sweep::{RunState, SlurmLaunch, SlurmSettings, SweepReport};
use serde::Serialize;

use crate::Error;
use crate::error::SweepError;
use crate::folder::{RunFolder, names_in};
use crate::sweep::estimate::History;
use crate::sweep::plan::SweepPlan;
use crate::sweep::slurm::client::ask;
use crate::sweep::slurm::script::{self, ScriptPaths};
use crate::sweep::store::Store;

const LAUNCHES: &str = "launches";
const RECORD: &str = "launch.json";

/// A submission that was not made yet.
#[derive(Debug)]
pub struct PreparedLaunch {
    name: String,
    store: PathBuf,
    program: PathBuf,
    settings: SlurmSettings,
    retry_failed: bool,
    tasks: usize,
    /// In an order by which shard k of `tasks` is task k.
    runs: Vec<RunConfig>,
    ids: Vec<String>,
}

/// The plan of a launch: every run complete, nothing to look up.
#[derive(Serialize)]
struct Explicit<'a> {
    list: &'a [RunConfig],
}

impl PreparedLaunch {
    /// Packs the runs of `report` that nobody has or works on; `None` where there are none.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn pack(
        plan: &SweepPlan,
        store: &Store,
        report: &SweepReport,
        settings: SlurmSettings,
        program: PathBuf,
        retry_failed: bool,
    ) -> Result<Option<Self>, Error> {
        let history = History::read(store)?;
        let is_open = |state: RunState| match state {
            RunState::Missing | RunState::Interrupted => true,
            RunState::Failed => retry_failed,
            RunState::Finished | RunState::Running | RunState::Queued => false,
        };
        let threads = settings.cpus_per_task.get() as f64;
        let mut runs = Vec::new();
        for row in report.runs.iter().filter(|row| is_open(row.state)) {
            let run = plan.runs().iter().find(|run| run.id().as_str() == row.run);
            runs.extend(run.map(|run| (run, history.estimate(run).seconds / threads)));
        }
        if runs.is_empty() {
            return Ok(None);
        }
        runs.sort_by(|one, other| other.1.total_cmp(&one.1));
        let seconds: f64 = runs.iter().map(|(_, seconds)| seconds).sum();
        let wanted = (seconds / (60.0 * settings.task_minutes)).ceil();
        let tasks = (wanted as usize).clamp(1, runs.len().min(settings.max_tasks.max(1)));
        // There and back again over the tasks, so that none gets the longest of every round.
        for (round, runs) in runs.chunks_mut(tasks).enumerate() {
            if round % 2 == 1 && runs.len() == tasks {
                runs.reverse();
            }
        }
        Ok(Some(Self {
            name: plan.name().to_owned(),
            store: std::path::absolute(store.root()).unwrap_or_else(|_| store.root().to_owned()),
            program,
            settings,
            retry_failed,
            tasks,
            ids: runs.iter().map(|(run, _)| run.id().to_string()).collect(),
            runs: runs.iter().map(|(run, _)| run.config().clone()).collect(),
        }))
    }

    /// The script, as it is submitted if nothing else is before.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn script(&self) -> Result<String, Error> {
        Ok(self.script_in(&self.next_free()))
    }

    /// Runs and tasks.
    pub fn size(&self) -> (usize, usize) {
        (self.runs.len(), self.tasks)
    }

    /// Writes the files and submits the array, and the job that collects after it.
    ///
    /// # Errors
    /// [`Error::Write`], and what `sbatch` says.
    pub fn submit(&self) -> Result<SlurmLaunch, Error> {
        let folder = self.new_folder()?;
        let path = folder.path();
        let name = self.job_name();
        let place = self.place(path);
        let plan =
            toml::to_string(&Explicit { list: &self.runs }).expect("configurations are TOML");
        let plan =
            format!("# The runs of this launch; task k is part k of {}.\n{plan}", self.tasks);
        folder.write("plan.toml", plan.as_bytes())?;
        folder.write("tasks.sh", self.script_in(path).as_bytes())?;
        let collect = script::collect(&name, &place, &self.settings);
        folder.write("collect.sh", collect.as_bytes())?;
        let job = submit(&[], &path.join("tasks.sh")).inspect_err(|error| {
            // Without an answer Slurm may have it, and needs these files. Else nothing was handed
            // over, and a launch that is not one would only confuse.
            let may_have_it = matches!(
                error,
                Error::Sweep(SweepError::NoAnswer { .. } | SweepError::Unexpected { .. })
            );
            if !may_have_it {
                let _ = fs::remove_dir_all(path);
            }
        })?;
        let tasks = (0..self.tasks)
            .map(|task| self.ids.iter().skip(task).step_by(self.tasks).cloned().collect())
            .collect();
        let submitted = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |at| at.as_secs());
        let mut record = SlurmLaunch {
            schema_version: SCHEMA_VERSION,
            plan: self.name.clone(),
            folder: path.display().to_string(),
            submitted,
            job,
            collect_job: None,
            tasks,
        };
        // At once: a job that no record knows of could not be cancelled by name of its plan.
        folder.write_json(RECORD, &record)?;
        let after = format!("--dependency=afterany:{}", record.job);
        record.collect_job = Some(submit(&[&after], &path.join("collect.sh"))?);
        folder.write_json(RECORD, &record)?;
        Ok(record)
    }

    fn place<'a>(&'a self, launch: &'a Path) -> ScriptPaths<'a> {
        ScriptPaths { program: &self.program, store: &self.store, launch }
    }

    /// In the letters that `#SBATCH` takes without quotation marks.
    fn job_name(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let name: String = self.name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        format!("minimascope-{name}")
    }

    fn script_in(&self, launch: &Path) -> String {
        let name = self.job_name();
        script::array(&name, &self.place(launch), self.tasks, &self.settings, self.retry_failed)
    }

    fn folder(&self, number: usize) -> PathBuf {
        self.store.join(LAUNCHES).join(number.to_string())
    }

    /// The folder that a submission would take.
    fn next_free(&self) -> PathBuf {
        let mut folders = (1..).map(|number| self.folder(number));
        folders.find(|folder| !folder.exists()).expect("the numbers do not end")
    }

    /// The next number that nobody has taken.
    fn new_folder(&self) -> Result<RunFolder, Error> {
        let all = RunFolder::at(self.store.join(LAUNCHES));
        all.create()?;
        for number in 1.. {
            let path = self.folder(number);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(RunFolder::at(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Error::Write { path, source }),
            }
        }
        unreachable!("the numbers do not end")
    }
}

fn submit(options: &[&str], script: &Path) -> Result<String, Error> {
    let script = script.to_string_lossy();
    let arguments = [&["--parsable"], options, &[&*script]].concat();
    job_of(&ask("sbatch", &arguments)?)
}

/// The job of which `sbatch --parsable` speaks.
///
/// # Errors
/// [`SweepError::Unexpected`] if it speaks of none.
pub fn job_of(said: &str) -> Result<String, Error> {
    // A cluster's name may follow the number.
    let job = said.trim().split(';').next().unwrap_or_default();
    if job.is_empty() || !job.bytes().all(|digit| digit.is_ascii_digit()) {
        let (command, wanted) = ("sbatch --parsable", "the number of a job");
        return Err(SweepError::unexpected(command, said, wanted).into());
    }
    Ok(job.to_owned())
}

/// The records of a store's launches, in their order.
///
/// # Errors
/// [`Error::Read`], [`Error::Damaged`].
pub fn launches(store: &Store) -> Result<Vec<SlurmLaunch>, Error> {
    let root = store.root().join(LAUNCHES);
    let names = names_in(&root)?;
    // A number may be missing: a submission that failed leaves none.
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    let folders = numbers.iter().map(|number| RunFolder::at(root.join(number.to_string())));
    folders.filter(|folder| folder.has(RECORD)).map(|folder| folder.read_json(RECORD)).collect()
}

/// Cancels jobs, those that wait and those that run; what runs saves itself.
///
/// # Errors
/// What `scancel` says.
pub fn cancel(jobs: &[String]) -> Result<(), Error> {
    if jobs.is_empty() {
        return Err(SweepError::NothingQueued.into());
    }
    let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
    ask("scancel", &jobs).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_a_number() {
        assert_eq!(job_of("12\n").unwrap(), "12");
        assert_eq!(job_of("12;cluster\n").unwrap(), "12");
        for said in ["", "\n", ";cluster", "Submitted batch job 12", "warning\n12", "-1"] {
            let refused = job_of(said).unwrap_err().to_string();
            assert!(refused.ends_with("and not the number of a job"), "{refused}");
        }
    }

    #[test]
    fn a_launch_is_found_beyond_a_number_that_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::at(root.path().to_owned());
        assert!(launches(&store).unwrap().is_empty());
        for (number, job) in [("10", "8"), ("3", "7")] {
            let folder = RunFolder::at(root.path().join(LAUNCHES).join(number));
            folder.create().unwrap();
            let record = SlurmLaunch {
                schema_version: SCHEMA_VERSION,
                plan: "plan".to_owned(),
                folder: folder.path().display().to_string(),
                submitted: 0,
                job: job.to_owned(),
                collect_job: None,
                tasks: Vec::new(),
            };
            folder.write_json(RECORD, &record).unwrap();
        }
        // One that Slurm did not answer to has no record.
        fs::create_dir(root.path().join(LAUNCHES).join("4")).unwrap();
        let found = launches(&store).unwrap();
        let jobs: Vec<&str> = found.iter().map(|launch| launch.job.as_str()).collect();
        assert_eq!(jobs, ["7", "8"]);
    }
}
