//! The scripts that `sbatch` takes.

use std::path::Path;

use minimascope_record::sweep::SlurmSettings;

/// Where the files of one launch are, and who reads them.
#[derive(Clone, Copy, Debug)]
pub struct ScriptPaths<'a> {
    /// This program.
    pub program: &'a Path,
    /// The folder that holds run folders.
    pub store: &'a Path,
    /// The folder of the launch, with `plan.toml`.
    pub launch: &'a Path,
}

/// The script of an array of `tasks`, each a shard of `plan.toml`.
pub fn array(
    name: &str,
    place: &ScriptPaths<'_>,
    tasks: usize,
    settings: &SlurmSettings,
    retry: bool,
) -> String {
    let throttle = match settings.throttle {
        0 => String::new(),
        most => format!("%{most}"),
    };
    let SlurmSettings { cpus_per_task, time_limit_minutes, .. } = settings;
    let directives = directives(settings);
    let log = quoted(&place.launch.join("task-%a.log").to_string_lossy());
    let program = quoted(&place.program.to_string_lossy());
    let plan = quoted(&place.launch.join("plan.toml").to_string_lossy());
    let store = quoted(&place.store.to_string_lossy());
    let retry = if retry { " --retry-failed" } else { "" };
    format!(
        r#"#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=1-{tasks}{throttle}
#SBATCH --cpus-per-task={cpus_per_task}
#SBATCH --time={time_limit_minutes}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#SBATCH --output={log}
{directives}
# Two minutes before the limit of time Slurm sends USR1: the sweep saves itself and ends with 130,
# and the task goes back into the queue. What is finished is skipped then.
asked=no
trap 'asked=yes; kill -TERM "$sweep"' USR1

{program} sweep {plan} --out {store} \
    --shard "$SLURM_ARRAY_TASK_ID/{tasks}" --threads {cpus_per_task}{retry} &
sweep=$!
wait "$sweep"
status=$?
if [ "$asked" = yes ]; then
    # The signal ended the first wait.
    wait "$sweep"
    status=$?
fi
if [ "$asked" = yes ] && [ "$status" -eq 130 ]; then
    timeout 60 scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$status"
"#
    )
}

/// The script that collects the store's tables and writes its page once the array has ended,
/// however it did.
pub fn collect(name: &str, place: &ScriptPaths<'_>, settings: &SlurmSettings) -> String {
    let directives = directives(settings);
    let log = quoted(&place.launch.join("collect.log").to_string_lossy());
    let program = quoted(&place.program.to_string_lossy());
    let store = quoted(&place.store.to_string_lossy());
    let page = quoted(&place.store.join("report.html").to_string_lossy());
    format!(
        r#"#!/bin/bash
#SBATCH --job-name={name}-collect
#SBATCH --output={log}
{directives}
{program} sweep collect --out {store} && {program} report {store} --out {page}
"#
    )
}

fn directives(settings: &SlurmSettings) -> String {
    settings.directives.iter().map(|line| format!("#SBATCH {line}\n")).collect()
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("train.batch_size=10"), "train.batch_size=10");
        assert_eq!(quoted("a=\"all\""), "'a=\"all\"'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn extra_lines_go_through_as_they_are() {
        let settings = SlurmSettings {
            directives: vec!["--partition=long".into(), "--mail-user=\"a b\"".into()],
            throttle: 4,
            ..SlurmSettings::default()
        };
        let place = ScriptPaths {
            program: Path::new("/opt/m s"),
            store: Path::new("/data/runs"),
            launch: Path::new("/data/runs/launches/1"),
        };
        let script = array("paper", &place, 12, &settings, false);
        for line in [
            "#SBATCH --array=1-12%4",
            "#SBATCH --partition=long",
            "#SBATCH --mail-user=\"a b\"",
            "#SBATCH --requeue",
            "#SBATCH --open-mode=append",
            "#SBATCH --signal=B:USR1@120",
            "'/opt/m s' sweep /data/runs/launches/1/plan.toml --out /data/runs \\",
        ] {
            assert!(script.lines().any(|found| found == line), "{line}:\n{script}");
        }
        assert!(collect("paper", &place, &settings).contains("\n#SBATCH --partition=long\n"));
    }
}
