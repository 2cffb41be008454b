//! Where the runs of a plan stand.

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::sweep::{RunState, SweepReport, SweepRow};

use crate::Error;
use crate::sweep::estimate::History;
use crate::sweep::plan::SweepPlan;
use crate::sweep::shard::Shard;
use crate::sweep::store::{IsBusy, Store};

/// The plan compared with the store; no process is asked.
///
/// # Errors
/// A store that cannot be read.
pub fn status(plan: &SweepPlan, store: &Store, shard: Shard) -> Result<SweepReport, Error> {
    let titles = plan.titles();
    let mut runs = Vec::new();
    for (index, run) in plan.runs().iter().enumerate().filter(|(index, _)| shard.holds(*index)) {
        let id = run.id().as_str();
        let (result, failure) = (store.result(id)?, store.failure(id)?);
        let state = match (&result, store.begun(id)?, &failure) {
            (Some(_), ..) => RunState::Finished,
            (None, Some(IsBusy(true)), _) => RunState::Running,
            (None, _, Some(_)) => RunState::Failed,
            (None, Some(IsBusy(false)), None) => RunState::Interrupted,
            (None, None, None) => RunState::Missing,
        };
        let detail = failure.filter(|_| state == RunState::Failed).map(|failure| failure.error);
        let (run, values) = (id.to_owned(), titles.values(index));
        runs.push(SweepRow { run, values, state, detail, estimate: None, result });
    }
    Ok(SweepReport {
        schema_version: SCHEMA_VERSION,
        plan: plan.name().to_owned(),
        store: store.root().display().to_string(),
        repeated: plan.repeated(),
        runs,
        remaining_seconds: None,
    })
}

/// Adds to each run that is not finished what it may take, and what all take on so many threads.
///
/// # Errors
/// A store that cannot be read.
pub fn estimate(
    report: &mut SweepReport,
    plan: &SweepPlan,
    store: &Store,
    threads: usize,
) -> Result<(), Error> {
    let history = History::read(store)?;
    let (mut sum, mut longest) = (0.0, 0.0_f64);
    for row in &mut report.runs {
        if row.state == RunState::Finished {
            continue;
        }
        let run = plan.runs().iter().find(|run| run.id().as_str() == row.run);
        let estimate = run.map(|run| history.estimate(run));
        row.estimate = estimate;
        let seconds = estimate.map_or(0.0, |estimate| estimate.seconds);
        sum += seconds;
        longest = longest.max(seconds);
    }
    // No run is on two threads while there are as many runs as threads.
    let open = report.runs.iter().filter(|row| row.estimate.is_some()).count();
    let at_least = if open >= threads { longest } else { 0.0 };
    report.remaining_seconds = Some(at_least.max(sum / threads.max(1) as f64));
    Ok(())
}
