//! The runs of a sweep for people.

use std::fmt::Write;
use std::time::Duration;

use indicatif::HumanDuration;
use minimascope_record::measured::Measured;
use minimascope_record::sweep::{RunState, SweepReport, SweepRow};

use crate::table::{TextTable, grouped, none, significant};

/// Before: what would run, and what it may take.
pub(super) fn planned(report: &SweepReport, threads: usize) -> String {
    let mut text = table(report, &["state", "steps", "time", "estimated by"], |row| {
        let Some(estimate) = row.estimate else {
            return [row.state.to_string(), none(), none(), none()];
        };
        let most = if estimate.basis.is_upper_limit() { "≤ " } else { "" };
        [
            row.state.to_string(),
            format!("{most}{}", grouped(estimate.steps)),
            format!("{most}{}", duration(estimate.seconds)),
            estimate.basis.to_string(),
        ]
    });
    text.push_str(&counts(report));
    if let Some(seconds) = report.remaining_seconds.filter(|seconds| *seconds > 0.0) {
        let limits = report
            .runs
            .iter()
            .filter(|row| row.estimate.is_some_and(|estimate| estimate.basis.is_upper_limit()));
        let most = match limits.count() {
            0 => "about".to_owned(),
            count => format!("at most, with {count} at their limit of steps,"),
        };
        let threads =
            if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads") };
        writeln!(text, "{most} {} on {threads}", duration(seconds)).expect("a string takes all");
    }
    text
}

/// Between: where each run stands.
pub(super) fn status(report: &SweepReport) -> String {
    let mut text = table(report, &["state", ""], |row| {
        let ended = row.result.as_ref().and_then(|result| {
            result.outcome.map(|outcome| format!("{outcome}, {} steps", grouped(result.steps)))
        });
        [row.state.to_string(), row.detail.clone().or(ended).unwrap_or_default()]
    });
    text.push_str(&counts(report));
    text
}

/// After: what each run reached.
pub(super) fn results(report: &SweepReport) -> String {
    let headings = ["outcome", "steps", "sharpness", "non-uniformity", "train %", "test %"];
    let mut text = table(report, &headings, |row| {
        let Some(result) = &row.result else {
            return [row.state.to_string(), none(), none(), none(), none(), none()];
        };
        let measured = |value: &Option<Measured>| {
            value.map_or_else(none, |value| {
                let missed = if value.converged { "" } else { "!" };
                format!("{}{missed}", significant(value.value))
            })
        };
        let percent =
            |share: Option<f64>| share.map_or_else(none, |share| format!("{:.2}", 100.0 * share));
        [
            result.outcome.map_or_else(none, |outcome| outcome.to_string()),
            grouped(result.steps),
            measured(&result.sharpness),
            measured(&result.non_uniformity),
            percent(result.train_accuracy),
            percent(result.test_accuracy),
        ]
    });
    text.push_str(&counts(report));
    text
}

/// A row a run: its id, the values that tell it apart, and what is asked of it.
fn table<const N: usize>(
    report: &SweepReport,
    headings: &[&str; N],
    cells: impl Fn(&SweepRow) -> [String; N],
) -> String {
    let keys = report.runs.iter().flat_map(|row| &row.values).map(|(key, _)| key.as_str());
    let keys: Vec<&str> =
        keys.take(report.runs.first().map_or(0, |row| row.values.len())).collect();
    let short = |key: &&str| key.strip_prefix("train.").unwrap_or(key).to_owned();
    let heading = std::iter::once("run".to_owned())
        .chain(keys.iter().map(short))
        .chain(headings.iter().map(|heading| (*heading).to_owned()));
    let mut table = TextTable::new(heading);
    for row in &report.runs {
        let values = row.values.iter().map(|(_, value)| value.clone());
        table.row(std::iter::once(row.run.clone()).chain(values).chain(cells(row)));
    }
    format!("{table}\n")
}

fn counts(report: &SweepReport) -> String {
    let states = [
        RunState::Finished,
        RunState::Failed,
        RunState::Running,
        RunState::Queued,
        RunState::Interrupted,
        RunState::Missing,
    ];
    let counts: Vec<String> = states
        .into_iter()
        .map(|state| (state, report.runs.iter().filter(|row| row.state == state).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let repeated = match report.repeated {
        0 => String::new(),
        1 => "; one combination names a run again".to_owned(),
        count => format!("; {count} combinations name a run again"),
    };
    format!("{} runs: {}{repeated}\n", report.runs.len(), counts.join(", "))
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return "1 second".to_owned();
    }
    HumanDuration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).to_string()
}
