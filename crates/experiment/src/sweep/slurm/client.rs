//! Slurm's commands, none of which is waited for for long.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::error::SweepError;

/// A controller that is busy answers within seconds; one that is gone never does.
const LIMIT: Duration = Duration::from_secs(30);

/// What one of Slurm's commands says on stdout.
///
/// # Errors
/// [`SweepError::NoSlurm`], [`SweepError::NoAnswer`], [`SweepError::Slurm`].
pub(super) fn ask(program: &'static str, arguments: &[&str]) -> Result<String, Error> {
    ask_within(LIMIT, program, arguments)
}

fn ask_within(limit: Duration, program: &'static str, arguments: &[&str]) -> Result<String, Error> {
    let called = || {
        let words = std::iter::once(program).chain(arguments.iter().copied());
        words.collect::<Vec<_>>().join(" ")
    };
    let failed = |reason: String| SweepError::Slurm { command: called(), reason };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SweepError::NoSlurm(program).into());
        }
        Err(error) => return Err(failed(error.to_string()).into()),
    };
    // Read while it runs: a full pipe would hold it up.
    let (stdout, stderr) = (text_of(child.stdout.take()), text_of(child.stderr.take()));
    let status = match wait(&mut child, limit) {
        Ok(Some(status)) => status,
        Ok(None) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(SweepError::NoAnswer { command: called(), seconds: limit.as_secs() }.into());
        }
        Err(error) => return Err(failed(error.to_string()).into()),
    };
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    if status.success() {
        return Ok(stdout);
    }
    let said = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    Err(failed(said.collect::<Vec<_>>().join(", ")).into())
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() > limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn text_of(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended() {
        let begin = Instant::now();
        let error = ask_within(Duration::from_millis(100), "sleep", &["60"]).unwrap_err();
        assert_eq!(error.to_string(), "`sleep 60` gave no answer within 0 s");
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_a_command_says_and_how_it_fails() {
        assert_eq!(ask("echo", &["a", "b"]).unwrap(), "a b\n");
        let error = ask("ls", &["/no such place"]).unwrap_err().to_string();
        assert!(error.starts_with("`ls /no such place` failed: ls:"), "{error}");
        assert!(matches!(
            ask("no-such-program", &[]),
            Err(Error::Sweep(SweepError::NoSlurm("no-such-program")))
        ));
    }
}
