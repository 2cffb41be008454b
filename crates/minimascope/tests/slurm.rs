//! Sweeps on a real Slurm: whatever is killed, the results are those of one machine, bit for bit.
//! Where Slurm is not installed this is skipped with a line that says so; with `CI=true` it fails.

mod cluster;
mod program;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use cluster::{Cluster, kill, parent};
use program::{Place, assert_same_files, text};
use serde_json::Value;

const TRACES: [&str; 4] = ["outcome.json", "final.safetensors", "steps.jsonl", "curvature.jsonl"];

/// Six runs of a moment, in three tasks.
const SHORT: &str = r#"
base = "tiny.toml"
grid.train.learning_rate = [0.05, 0.1]
grid.train.seed = [0, 1, 2]
slurm = { task_minutes = 1e-9, max_tasks = 3, throttle = 2, directives = ['--comment="as it is"'] }
"#;

/// Two runs that are held at work until a signal waits for them ([`Site::hold`]).
const LONG: &str = r#"
base = "tiny.toml"
set = { train.stop.max_steps = 60_000, checkpoint.every_steps = 200, observe.accuracy_every = 1_000 }
grid.train.seed = [0, 1]
slurm = { task_minutes = 1e-9 }
"#;

/// A node refuses credentials as old as the requeue of their job, to the second: a task that starts
/// again within the same second is "non-startable, job credential revoked", and gone.
const REVOKED: Duration = Duration::from_millis(2_500);

/// One cluster for all, one case after the other: it has two processors.
#[test]
fn on_a_real_slurm() {
    if let Some(reason) = cluster::is_impossible() {
        assert!(std::env::var("CI").is_err(), "Slurm must be here: {reason}");
        eprintln!("skipped: sweeps on Slurm: {reason}");
        return;
    }
    let slurm = Cluster::start();
    let place = Place::new();
    place.write("short.toml", SHORT);
    place.write("long.toml", LONG);
    let site = Site { slurm, place };
    site.run(&["sweep", "short.toml", "--out", "here"]);
    site.run(&["sweep", "long.toml", "--out", "here", "--threads", "2"]);
    let cases: [Case; 7] = [
        ("array", Site::an_array_has_the_results_of_one_machine),
        ("kill", Site::a_killed_task_is_continued_by_another_launch),
        ("limit", Site::a_task_at_its_limit_saves_itself_and_goes_back_into_the_queue),
        ("failure", Site::a_run_that_fails_stops_no_other),
        ("disk", Site::a_full_disk_leaves_no_half_record),
        ("cancel", Site::what_is_cancelled_is_saved),
        ("node", Site::a_node_that_dies_is_replaced),
    ];
    for (name, case) in cases {
        let begin = Instant::now();
        case(&site);
        eprintln!("{name}: {:.1} s", begin.elapsed().as_secs_f64());
    }
}

/// What is done, by a name.
type Case = (&'static str, fn(&Site));

struct Site {
    slurm: Cluster,
    place: Place,
}

impl Site {
    fn an_array_has_the_results_of_one_machine(&self) {
        let words = ["sweep", "short.toml", "--engine", "slurm", "--out", "an array"];
        let script = text(&self.run(&[&words[..], &["--dry-run"]].concat()).stdout);
        for line in ["#SBATCH --array=1-3%2", "#SBATCH --comment=\"as it is\"", "#SBATCH --requeue"]
        {
            assert!(script.lines().any(|found| found == line), "{line}:\n{script}");
        }
        assert!(!self.store("an array").exists(), "a dry run leaves nothing");
        let launch = self.json(&[&words[..], &["--json"]].concat());
        assert_eq!(launch["tasks"].as_array().unwrap().len(), 3);
        let submitted =
            std::fs::read_to_string(self.store("an array/launches/1/tasks.sh")).unwrap();
        assert_eq!(submitted, script, "what --dry-run shows is what is submitted");
        self.wait_for("short.toml", "an array", &["finished"; 6]);
        self.same_results("short.toml", "an array");
        self.slurm.wait_until("the tables are collected and the page is written", |_| {
            self.store("an array/tables/runs.parquet").exists()
                && self.store("an array/report.html").exists()
        });
        let nothing = self.run(&words);
        assert!(text(&nothing.stderr).starts_with("nothing to submit"));
    }

    fn a_killed_task_is_continued_by_another_launch(&self) {
        self.submit("long.toml", "killed");
        let held = self.hold("killed");
        let queued = self.output(&["sweep", "long.toml", "--engine", "slurm", "--out", "killed"]);
        // Both are at work; a run that waits would be refused.
        assert!(text(&queued.stderr).starts_with("nothing to submit"), "{}", text(&queued.stderr));
        held.into_iter().for_each(|id| kill("-KILL", id));
        self.wait_for("long.toml", "killed", &["interrupted"; 2]);
        self.run(&["sweep", "launch", "long.toml", "--missing", "--out", "killed"]);
        self.wait_for("long.toml", "killed", &["finished"; 2]);
        self.same_results("long.toml", "killed");
    }

    fn a_task_at_its_limit_saves_itself_and_goes_back_into_the_queue(&self) {
        let job = self.submit("long.toml", "requeued");
        let held = self.hold("requeued");
        // As Slurm does two minutes before the limit.
        let signalled = self.slurm.slurm("scancel", &["--batch", "--signal=USR1", &job]);
        assert!(signalled.status.success(), "{}", text(&signalled.stderr));
        self.release_once_told(&held);
        let is_back = |task: &str| {
            let words = ["-h", "-r", "-o", "%i %T"];
            let queue = text(&self.slurm.slurm("squeue", &words).stdout);
            queue.lines().any(|line| line == format!("{job}_{task} PENDING"))
        };
        self.slurm.wait_until("both tasks wait again", |_| is_back("1") && is_back("2"));
        let status = self.status("long.toml", "requeued");
        assert_eq!(states(&status), ["queued"; 2], "{status}");
        self.wait_for_requeued("requeued");
        self.same_results("long.toml", "requeued");
        let log = std::fs::read_to_string(self.store("requeued/launches/1/task-1.log")).unwrap();
        assert!(log.contains("the same command continues"), "{log}");
    }

    fn a_run_that_fails_stops_no_other(&self) {
        let planned = self.json(&["sweep", "short.toml", "--dry-run", "--json"]);
        let poisoned = planned["runs"][2]["run"].as_str().unwrap().to_owned();
        let folder = self.store("poison").join(&poisoned);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("checkpoint.safetensors"), "not a checkpoint").unwrap();
        self.submit("short.toml", "poison");
        let expected = ["finished", "finished", "failed", "finished", "finished", "finished"];
        self.wait_for("short.toml", "poison", &expected);
        let nothing = self.run(&["sweep", "launch", "short.toml", "--missing", "--out", "poison"]);
        assert!(text(&nothing.stderr).starts_with("nothing to submit"));
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::remove_dir_all(self.store("poison/.work")).unwrap();
        self.run(&["sweep", "launch", "short.toml", "--retry-failed", "--out", "poison"]);
        self.wait_for("short.toml", "poison", &["finished"; 6]);
        self.same_results("short.toml", "poison");
    }

    fn a_full_disk_leaves_no_half_record(&self) {
        let disk = self.store("full");
        std::fs::create_dir(&disk).unwrap();
        let mount = |options: &str| {
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk);
            assert!(mount.output().unwrap().status.success(), "a small tmpfs: {options}");
        };
        // Room for the launch and some checkpoints, not for a trace of half a megabyte.
        mount("size=128k");
        self.submit("long.toml", "full");
        self.slurm.wait_until("both tasks ended", |site| {
            text(&site.slurm("squeue", &["-h"]).stdout).is_empty()
        });
        let ids = ids(&self.status("long.toml", "full"));
        let outcomes = ids.iter().filter(|id| disk.join(id).exists()).count();
        assert_eq!(outcomes, 0, "a folder that is published is whole");
        assert!(!disk.join("failed").exists(), "the disk failed, not the run");
        let status = self.status("long.toml", "full");
        assert_eq!(states(&status), ["interrupted"; 2], "{status}");
        mount("remount,size=40m");
        self.run(&["sweep", "launch", "long.toml", "--missing", "--out", "full"]);
        self.wait_for("long.toml", "full", &["finished"; 2]);
        self.same_results("long.toml", "full");
        self.slurm.wait_until("nobody writes there", |site| {
            text(&site.slurm("squeue", &["-h"]).stdout).is_empty()
        });
        assert!(Command::new("umount").arg(&disk).output().unwrap().status.success());
    }

    fn what_is_cancelled_is_saved(&self) {
        self.submit("long.toml", "cancelled");
        let held = self.hold("cancelled");
        let said = self.run(&["sweep", "cancel", "--out", "cancelled"]);
        assert!(text(&said.stdout).starts_with("cancelled: "), "{}", text(&said.stdout));
        self.release_once_told(&held);
        self.wait_for("long.toml", "cancelled", &["interrupted"; 2]);
        let again = self.output(&["sweep", "cancel", "--out", "cancelled"]);
        assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    }

    /// The last: the node stays down.
    fn a_node_that_dies_is_replaced(&self) {
        let job = self.submit("long.toml", "node");
        let held = self.hold("node");
        let on_n2 = self.slurm.processes("spool.n2/job");
        assert!(!on_n2.is_empty(), "a task is on n2");
        let daemon = self.slurm.pid("slurmd.n2").unwrap();
        kill("-KILL", daemon);
        // The script, its step's daemon, and the sweep below it.
        for script in on_n2 {
            let below = |id: &u32| parent(*id) == Some(script);
            let sweeps: Vec<u32> = self.sweeps("node").into_iter().filter(below).collect();
            assert_eq!(sweeps.len(), 1, "job {job}");
            parent(script)
                .into_iter()
                .chain([script])
                .chain(sweeps)
                .for_each(|id| kill("-KILL", id));
        }
        held.into_iter().for_each(|id| kill("-CONT", id));
        self.wait_for_requeued("node");
        self.same_results("long.toml", "node");
    }

    fn output(&self, words: &[&str]) -> Output {
        let (name, value) = self.slurm.settings();
        self.place.command(words).env(name, value).output().unwrap()
    }

    fn run(&self, words: &[&str]) -> Output {
        let output = self.output(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        output
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_slice(&self.run(words).stdout).unwrap()
    }

    fn store(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The number of the array's job.
    fn submit(&self, plan: &str, store: &str) -> String {
        let words = ["sweep", plan, "--engine", "slurm", "--out", store, "--json"];
        self.json(&words)["job"].as_str().unwrap().to_owned()
    }

    fn status(&self, plan: &str, store: &str) -> Value {
        self.json(&["sweep", "status", plan, "--out", store, "--json"])
    }

    fn wait_for(&self, plan: &str, store: &str, expected: &[&str]) {
        let what = format!("{store}: {expected:?}");
        self.slurm.wait_until(&what, |_| states(&self.status(plan, store)) == expected);
    }

    /// For the runs of `long.toml` after their tasks went back into the queue, where they are held
    /// for two minutes unless somebody says otherwise.
    fn wait_for_requeued(&self, store: &str) {
        let mut seen: Vec<(String, Instant)> = Vec::new();
        self.slurm.wait_until(&format!("{store}: finished"), |slurm| {
            let queue = text(&slurm.slurm("squeue", &["-h", "-r", "-o", "%i %r"]).stdout);
            // Only what is held: an update of a job that could start keeps it from starting.
            let held: Vec<&str> =
                queue.lines().filter_map(|line| line.strip_suffix(" BeginTime")).collect();
            seen.retain(|(task, _)| held.contains(&task.as_str()));
            for task in held {
                match seen.iter().find(|(known, _)| known == task) {
                    Some((_, since)) if since.elapsed() > REVOKED => {
                        let job = format!("jobid={task}");
                        slurm.slurm("scontrol", &["update", &job, "starttime=now"]);
                    }
                    Some(_) => {}
                    None => seen.push((task.to_owned(), Instant::now())),
                }
            }
            states(&self.status("long.toml", store)) == ["finished"; 2]
        });
    }

    /// Stops both runs of `long.toml` between their first checkpoint and their end, however fast
    /// this machine is and however late it starts the second: their processes.
    fn hold(&self, store: &str) -> Vec<u32> {
        let mut held = Vec::new();
        self.slurm.wait_until(&format!("{store}: two runs at work"), |_| {
            for id in self.sweeps(store) {
                if !held.contains(&id) && has_checkpoint(id) {
                    kill("-STOP", id);
                    held.push(id);
                }
            }
            held.len() == 2
        });
        held
    }

    /// Lets what is held go on as soon as a SIGTERM waits for it.
    fn release_once_told(&self, held: &[u32]) {
        for id in held {
            self.slurm.wait_until("the signal is there", |_| cluster::has_been_told(*id));
            kill("-CONT", *id);
        }
    }

    /// The processes of this program that work in a store.
    fn sweeps(&self, store: &str) -> Vec<u32> {
        let word = format!("--out {}", self.store(store).display());
        cluster::processes()
            .into_iter()
            .filter(|(_, line)| line.contains(&word) && line.contains("--shard"))
            .map(|(id, _)| id)
            .collect()
    }

    fn same_results(&self, plan: &str, store: &str) {
        for row in self.status(plan, store)["runs"].as_array().unwrap() {
            let folder = |store: &str| self.store(store).join(row["run"].as_str().unwrap());
            assert_same_files(&folder(store), &folder("here"), &TRACES);
        }
    }
}

/// Whether the run that this process works on has saved itself: its folder is where the lock is
/// that the process holds.
fn has_checkpoint(id: u32) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{id}/fd")) else { return false };
    let files = open.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let mut locks = files.filter(|file| file.ends_with("lock"));
    locks.any(|lock| lock.with_file_name("checkpoint.safetensors").exists())
}

fn states(report: &Value) -> Vec<&str> {
    let rows = report["runs"].as_array().unwrap();
    rows.iter().map(|row| row["state"].as_str().unwrap()).collect()
}

fn ids(report: &Value) -> Vec<String> {
    let rows = report["runs"].as_array().unwrap();
    rows.iter().map(|row| row["run"].as_str().unwrap().to_owned()).collect()
}
