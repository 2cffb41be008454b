//! A real Slurm of two nodes on this machine: its own munge, its own ports, everything in one
//! temporary folder, nothing of systemd.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::program::text;

/// What Debian's slurmctld, slurmd, slurm-client and munge bring.
const PROGRAMS: [&str; 6] = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol"];

/// For anything that takes seconds; a machine under load gets its time.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
}

/// Why there is no cluster here, if there cannot be one.
pub(crate) fn is_impossible() -> Option<String> {
    let is_here = |program: &&&str| {
        let places = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        !std::env::split_paths(&places).chain(usual).any(|place| place.join(program).is_file())
    };
    if let Some(missing) = PROGRAMS.iter().find(is_here) {
        return Some(format!("{missing} is not installed"));
    }
    let user = Command::new("id").arg("-u").output().ok()?;
    (text(&user.stdout).trim() != "0").then(|| "Slurm's daemons start as root alone".to_owned())
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Self { folder };
        for name in ["munge", "state", "spool.n1", "spool.n2"] {
            fs::create_dir(cluster.path().join(name)).unwrap();
        }
        cluster.start_munge();
        fs::write(cluster.path().join("slurm.conf"), cluster.configuration()).unwrap();
        cluster.daemon("slurmctld", &[]);
        cluster.start_node("n1");
        cluster.start_node("n2");
        cluster.wait_until("two nodes are idle", |cluster| {
            text(&cluster.slurm("sinfo", &["-h", "-N", "-o", "%t"]).stdout) == "idle\nidle\n"
        });
        cluster
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// For a program that calls Slurm.
    pub(crate) fn settings(&self) -> (&'static str, PathBuf) {
        ("SLURM_CONF", self.path().join("slurm.conf"))
    }

    pub(crate) fn slurm(&self, program: &str, arguments: &[&str]) -> Output {
        let (name, value) = self.settings();
        let mut command = Command::new("timeout");
        command.arg("60").arg(program).args(arguments).env(name, value);
        command.env("PATH", path_with_sbin()).output().unwrap()
    }

    pub(crate) fn start_node(&self, name: &str) {
        self.daemon("slurmd", &["-N", name]);
    }

    pub(crate) fn wait_until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            if begin.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.path().join("slurmctld.log")).unwrap_or_default();
                let queue = text(&self.slurm("squeue", &["-r"]).stdout);
                panic!("{what}: not within {PATIENCE:?}\n{queue}\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process of a daemon.
    pub(crate) fn pid(&self, daemon: &str) -> Option<u32> {
        let text = fs::read_to_string(self.path().join(format!("{daemon}.pid"))).ok()?;
        text.trim().parse().ok()
    }

    /// This cluster's processes whose command line holds `word`, by their ids.
    pub(crate) fn processes(&self, word: &str) -> Vec<u32> {
        let mine = self.path().to_string_lossy().into_owned();
        processes()
            .into_iter()
            .filter(|(_, line)| line.contains(&mine) && line.contains(word))
            .map(|(id, _)| id)
            .collect()
    }

    fn start_munge(&self) {
        let folder = self.path().join("munge");
        let key: Vec<u8> = (0..1024_u32).map(|at| (at * 167 % 251) as u8).collect();
        fs::write(folder.join("key"), key).unwrap();
        run(Command::new("chmod").arg("700").arg(&folder));
        run(Command::new("chmod").arg("400").arg(folder.join("key")));
        let mut munge = Command::new("munged");
        for (option, file) in [
            ("socket", "s"),
            ("key-file", "key"),
            ("pid-file", "pid"),
            ("log-file", "log"),
            ("seed-file", "seed"),
        ] {
            munge.arg(format!("--{option}={}", folder.join(file).display()));
        }
        run(munge.arg("--force").env("PATH", path_with_sbin()));
    }

    fn daemon(&self, program: &str, arguments: &[&str]) {
        let (name, value) = self.settings();
        let mut command = Command::new(program);
        command.arg("-f").arg(&value).args(arguments).env(name, &value);
        run(command.env("PATH", path_with_sbin()));
    }

    fn configuration(&self) -> String {
        let host = text(&Command::new("hostname").arg("-s").output().unwrap().stdout);
        let (host, folder) = (host.trim(), self.path().display());
        // Held together, so that no port is given twice.
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [control, one, two] = ports.map(|port| port.local_addr().unwrap().port());
        format!(
            "ClusterName=ci
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/s
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobcomp.txt
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=10
SlurmdParameters=config_overrides
MaxArraySize=10001
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=1 RealMemory=2000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=1 RealMemory=2000 State=UNKNOWN
PartitionName=ci Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"
        )
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.slurm("scancel", &["-u", "root"]);
        for daemon in ["slurmd.n1", "slurmd.n2", "slurmctld"] {
            self.pid(daemon).into_iter().for_each(|id| kill("-KILL", id));
        }
        for id in self.processes("") {
            kill("-KILL", id);
        }
    }
}

pub(crate) fn kill(signal: &str, id: u32) {
    let _ = Command::new("kill").args([signal, &id.to_string()]).output();
}

/// Every process with its command line.
pub(crate) fn processes() -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            Some((id, String::from_utf8_lossy(&line).replace('\0', " ")))
        })
        .collect()
}

/// Whether a SIGTERM waits for a process that is stopped, or did not have to.
pub(crate) fn has_been_told(id: u32) -> bool {
    const SIGTERM: u32 = 15;
    let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) else { return true };
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let pending = field("ShdPnd:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    pending.is_some_and(|mask| mask >> (SIGTERM - 1) & 1 == 1)
        || !field("State:").is_some_and(|state| state.starts_with('T'))
}

/// The process that started another.
pub(crate) fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn path_with_sbin() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let _ = std::io::stderr().write_all(&said);
    assert!(output.status.success(), "{command:?}: {}", text(&said));
}
