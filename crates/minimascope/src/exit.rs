//! From how a command ended to an exit code, and to what is said about it.

use std::io;
use std::path::PathBuf;

use minimascope_experiment::Error;

/// How a command ended, where it ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// As asked.
    Well,
    /// Finished, but some part failed and said so.
    WithFailures,
    /// By Ctrl-C or SIGTERM.
    Interrupted,
}

/// Why a command ended before it was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Experiment(#[from] Error),
    #[error("stdout cannot be written: {0}")]
    Output(#[from] io::Error),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{what}")]
    Usage { what: String, hint: String },
}

impl From<minimascope_data::Error> for Failure {
    fn from(error: minimascope_data::Error) -> Self {
        Self::Experiment(error.into())
    }
}

/// 0 done, 1 error, 2 bad input, 3 finished with failures, 130 interrupted.
pub(crate) fn code(done: Result<Done, Failure>) -> u8 {
    match done {
        // What was asked for could not be finished before; what was saved stays.
        Err(Failure::Experiment(Error::Interrupted)) => 130,
        Ok(Done::Well) => 0,
        Ok(Done::WithFailures) => 3,
        Ok(Done::Interrupted) => 130,
        // A broken pipe: the reader closed stdout.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            say(&failure);
            match failure {
                Failure::Experiment(error) if error.is_bad_input() => 2,
                Failure::Usage { .. } => 2,
                _ => 1,
            }
        }
    }
}

/// `error:` and one sentence, then `hint:` and what to do.
pub(crate) fn say(failure: &Failure) {
    let text = failure.to_string();
    let hint = match failure {
        Failure::Experiment(error) => error.hint(),
        Failure::Usage { hint, .. } => Some(hint.clone()),
        Failure::Output(_) | Failure::File { .. } => None,
    };
    // Texts that say both what happened and what to do part them by a semicolon or a colon.
    let (text, hint) = match (hint, text.rsplit_once("; ")) {
        (Some(hint), _) => (text.as_str(), Some(hint)),
        (None, Some((text, hint))) => (text, Some(hint.to_owned())),
        (None, None) => (text.as_str(), None),
    };
    anstream::eprintln!("{ERROR}error:{ERROR:#} {text}");
    if let Some(hint) = hint {
        anstream::eprintln!("{HINT}hint:{HINT:#} {hint}");
    }
}

const ERROR: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
const HINT: anstyle::Style = anstyle::AnsiColor::Cyan.on_default().bold();
