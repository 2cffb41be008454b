//! What waits and what runs, as far as `squeue` answers.

use std::collections::HashMap;

use minimascope_record::sweep::{RunState, SlurmLaunch, SweepReport};

use crate::Error;
use crate::error::SweepError;
use crate::sweep::slurm::client;

/// The user's jobs: by the job, or the job and its task, the state and the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    entries: HashMap<String, (String, String)>,
}

/// Asks for the jobs of this user. The format's letters mean the same in every version, unlike the
/// fields of `--json`.
///
/// # Errors
/// What `squeue` says, or its silence.
pub fn ask() -> Result<Queue, Error> {
    client::ask("squeue", &["--me", "-h", "-r", "-o", "%i %T %r"])
        .and_then(|text| Queue::read(&text))
}

impl Queue {
    /// From what `squeue -h -r -o "%i %T %r"` says.
    ///
    /// # Errors
    /// [`SweepError::Unexpected`] for a line that is not a job with its state: what it says of could be
    /// submitted twice.
    pub fn read(text: &str) -> Result<Self, Error> {
        let mut entries = HashMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.trim().splitn(3, ' ');
            let (job, state) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let is_job = job.starts_with(|first: char| first.is_ascii_digit());
            let is_state = !state.is_empty()
                && state.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b'_');
            if !is_job || !is_state {
                return Err(SweepError::unexpected("squeue", line, "a job with its state").into());
            }
            let reason = words.next().unwrap_or_default();
            entries.insert(job.to_owned(), (state.to_owned(), reason.to_owned()));
        }
        Ok(Self { entries })
    }

    /// The jobs of launches that still wait or run, with the jobs that collect after them.
    pub fn jobs_of(&self, launches: &[SlurmLaunch]) -> Vec<String> {
        let is_here = |job: &String| {
            let task = format!("{job}_");
            self.entries.keys().any(|entry| entry == job || entry.starts_with(&task))
        };
        let jobs = launches
            .iter()
            .flat_map(|launch| std::iter::once(&launch.job).chain(&launch.collect_job));
        jobs.filter(|job| is_here(job)).cloned().collect()
    }
}

/// Says of each run that is not finished which task holds it.
pub fn overlay(report: &mut SweepReport, launches: &[SlurmLaunch], queue: &Queue) {
    let mut held = HashMap::new();
    for launch in launches {
        for (task, runs) in (1..).zip(&launch.tasks) {
            let name = format!("{}_{task}", launch.job);
            if let Some((state, reason)) = queue.entries.get(&name) {
                for run in runs {
                    held.insert(run.as_str(), (name.clone(), state.as_str(), reason.as_str()));
                }
            }
        }
    }
    for row in &mut report.runs {
        let Some((task, state, reason)) = held.get(row.run.as_str()) else { continue };
        let runs = matches!(*state, "RUNNING" | "COMPLETING");
        row.state = match row.state {
            RunState::Finished | RunState::Running => continue,
            // Begun, and its task is at work.
            RunState::Interrupted if runs => RunState::Running,
            RunState::Interrupted | RunState::Missing | RunState::Queued => RunState::Queued,
            RunState::Failed => continue,
        };
        row.detail = Some(match *reason {
            "None" | "" => format!("task {task} {}", state.to_lowercase()),
            reason => format!("task {task} {}: {reason}", state.to_lowercase()),
        });
    }
}

#[cfg(test)]
mod tests {
    use minimascope_record::SCHEMA_VERSION;
    use minimascope_record::sweep::SweepRow;

    use super::*;

    #[test]
    fn a_line_that_is_no_job_is_refused() {
        assert_eq!(Queue::read("\n").unwrap(), Queue::default());
        for text in ["12_1 RUNNING None\n12_2\n", "error: no answer\n", "12_1 running None", "x"] {
            let refused = Queue::read(text).unwrap_err().to_string();
            assert!(refused.ends_with("and not a job with its state"), "{text}: {refused}");
        }
    }

    #[test]
    fn tasks_colour_their_runs() {
        let queue =
            Queue::read("12_1 RUNNING None\n12_3 PENDING Resources\n13 PENDING Dependency\n")
                .unwrap();
        let launch = SlurmLaunch {
            schema_version: SCHEMA_VERSION,
            plan: "p".into(),
            folder: "f".into(),
            submitted: 0,
            job: "12".into(),
            collect_job: Some("13".into()),
            tasks: vec![vec!["a".into(), "d".into()], vec!["b".into()], vec!["c".into()]],
        };
        assert_eq!(queue.jobs_of(std::slice::from_ref(&launch)), ["12", "13"]);
        let other = SlurmLaunch { job: "1".into(), collect_job: None, ..launch.clone() };
        assert!(queue.jobs_of(&[other]).is_empty());
        let row = |run: &str, state| SweepRow {
            run: run.into(),
            values: Vec::new(),
            state,
            detail: None,
            estimate: None,
            result: None,
        };
        let mut report = SweepReport {
            schema_version: SCHEMA_VERSION,
            plan: "p".into(),
            store: "s".into(),
            repeated: 0,
            runs: vec![
                row("a", RunState::Interrupted),
                row("b", RunState::Interrupted),
                row("c", RunState::Missing),
                row("d", RunState::Missing),
            ],
            remaining_seconds: None,
        };
        overlay(&mut report, &[launch], &queue);
        let states: Vec<_> = report.runs.iter().map(|row| row.state).collect();
        use RunState::{Interrupted, Queued, Running};
        assert_eq!(states, [Running, Interrupted, Queued, Queued]);
        assert_eq!(report.runs[2].detail.as_deref(), Some("task 12_3 pending: Resources"));
        assert_eq!(report.runs[3].detail.as_deref(), Some("task 12_1 running"));
    }
}
