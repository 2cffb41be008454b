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
    let Log { output, redirection } = Log::of(place, "task-", "%a", "\"$SLURM_ARRAY_TASK_ID\"");
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
#SBATCH --output={output}
{directives}
{redirection}# Two minutes before the limit of time Slurm sends USR1: the sweep saves itself and ends with 130,
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
    let Log { output, redirection } = Log::of(place, "collect", "", "");
    let program = quoted(&place.program.to_string_lossy());
    let store = quoted(&place.store.to_string_lossy());
    let page = quoted(&place.store.join("report.html").to_string_lossy());
    format!(
        r#"#!/bin/bash
#SBATCH --job-name={name}-collect
#SBATCH --output={output}
{directives}
{redirection}{program} sweep collect --out {store} && {program} report {store} --out {page}
"#
    )
}

fn directives(settings: &SlurmSettings) -> String {
    settings.directives.iter().map(|line| format!("#SBATCH {line}\n")).collect()
}

/// Where what a job prints goes.
struct Log {
    /// The value of `--output`.
    output: String,
    /// The line of the script that does it, where Slurm cannot.
    redirection: String,
}

impl Log {
    /// A file of the launch whose name ends in the number of the task: as Slurm writes it, and as a shell
    /// does.
    fn of(place: &ScriptPaths<'_>, name: &str, of_slurm: &str, of_shell: &str) -> Log {
        let path = place.launch.join(name);
        let path = path.to_string_lossy();
        // Slurm drops every backslash of a path, and then takes no % for a pattern. A line ends at a line
        // break even in quotation marks.
        if path.contains(|c: char| c == '\\' || c.is_control()) {
            let path = quoted(&path);
            let redirection = format!("exec >>{path}{of_shell}.log 2>&1\n");
            return Log { output: "/dev/null".to_owned(), redirection };
        }
        let pattern = path.replace('%', "%%");
        let output = quoted_for_slurm(&format!("{pattern}{of_slurm}.log"));
        Log { output, redirection: String::new() }
    }
}

/// A word as Slurm reads it back from a line `#SBATCH`. A backslash is special in every kind of its
/// quotation marks, and older versions begin a comment at a # there too.
fn quoted_for_slurm(word: &str) -> String {
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    let special = |c: char| matches!(c, '\\' | '"' | '#');
    let escaped = word.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c]));
    format!("\"{}\"", escaped.collect::<String>())
}

/// Whether a character means itself to a shell and to Slurm.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-+=./:,%@".contains(c)
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
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

    /// The words of a line after `#SBATCH`, by the rules of `sbatch`.
    fn read_by_slurm(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), None, None, false);
        for c in line.chars() {
            let mut push = |c: char| word.get_or_insert_with(String::new).push(c);
            match (escaped, quote, c) {
                (true, ..) => {
                    push(c);
                    escaped = false;
                }
                (_, _, '\\') => escaped = true,
                (_, Some(open), _) if c == open => quote = None,
                (_, Some(_), _) => push(c),
                (_, None, '"' | '\'') => quote = Some(c),
                (_, None, '#') => break,
                (_, None, ' ') => words.extend(word.take()),
                _ => push(c),
            }
        }
        words.into_iter().chain(word).collect()
    }

    /// The path that Slurm opens for a pattern, as its documentation has it: a pattern with a backslash
    /// is a path without its backslashes.
    fn opened_by_slurm(pattern: &str, task: &str) -> String {
        if pattern.contains('\\') {
            return pattern.replace('\\', "");
        }
        let (both, number) = ("\u{1}", task);
        pattern.replace("%%", both).replace("%a", number).replace(both, "%")
    }

    #[test]
    fn logs_lie_in_the_launch_whatever_its_name_is() {
        for name in [
            "runs",
            "my runs",
            "it's",
            "a#b",
            "50%up",
            "50%a",
            "%%",
            "say \"so\"",
            "b\\s",
            "b\\%a",
            "tail\\",
            "new\nline",
            "$HOME",
            "`ls`",
            "a;b&c",
            "ü ✗",
            "~",
            "-x",
            "(a)*?[b]{c}",
        ] {
            let launch = Path::new("/data").join(name).join("launches/1");
            let store = Path::new("/data").join(name);
            let program = Path::new("/bin/minimascope");
            let place = ScriptPaths { program, store: &store, launch: &launch };
            let settings = SlurmSettings::default();
            for (script, file) in [
                (array("paper", &place, 3, &settings, false), "task-2.log"),
                (collect("paper", &place, &settings), "collect.log"),
            ] {
                let expected = launch.join(file).to_string_lossy().into_owned();
                let words = script.lines().filter_map(|line| line.strip_prefix("#SBATCH "));
                let words: Vec<String> = words.flat_map(read_by_slurm).collect();
                assert!(words.iter().all(|word| word.starts_with("--")), "{words:?}");
                let pattern = words.iter().find_map(|word| word.strip_prefix("--output=")).unwrap();
                let opened = match opened_by_slurm(pattern, "2") {
                    path if path == "/dev/null" => {
                        let target = script.split("\nexec >>").nth(1).unwrap();
                        read_by_shell(target.split(" 2>&1\n").next().unwrap())
                    }
                    path => path,
                };
                assert_eq!(opened, expected, "{script}");
            }
        }
    }

    /// What a shell makes of a word, in the second task.
    fn read_by_shell(word: &str) -> String {
        let script = format!("SLURM_ARRAY_TASK_ID=2; printf %s {word}");
        let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
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
