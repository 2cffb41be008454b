//! What can be wrong with a run, as facts. The text says what happened, [`Error::hint`] what to do.

use std::io;
use std::path::PathBuf;

use minimascope_record::bytes::Bytes;

use crate::config::number::{NumberFault, WrongNumber};

mod origin;
mod sweep;

pub use origin::ValueOrigin;
pub use sweep::SweepError;

/// Why a run, a measurement or a reproduction did not happen. How training ends is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No run preset has this name.
    #[error("there is no run preset {name}")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// All names.
        known: Vec<&'static str>,
    },
    /// A command-line word that is not `key=value`.
    #[error("`{0}` is not of the form key=value")]
    Assignment(String),
    /// A number on the command line that double precision does not hold.
    #[error(transparent)]
    Number(#[from] NumberFault),
    /// A file that is not TOML.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong there.
        message: String,
    },
    /// A key that no configuration has.
    #[error("unknown key {key} ({origin})")]
    UnknownKey {
        /// The dotted path.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// Who wrote it.
        origin: ValueOrigin,
    },
    /// A value of the wrong type.
    #[error("{key} ({origin}): {message}")]
    WrongValue {
        /// The dotted path.
        key: String,
        /// What is wrong.
        message: String,
        /// Who wrote it.
        origin: ValueOrigin,
    },
    /// A text where a number is expected, or a fraction where a whole number is.
    #[error("{key} = {} ({origin}): {}", wrong.text, wrong.fault)]
    NotANumber {
        /// The dotted path.
        key: String,
        /// What was written, and what to write.
        wrong: Box<WrongNumber>,
        /// Who wrote it.
        origin: ValueOrigin,
    },
    /// A key without a default that nobody wrote.
    #[error("{0} is missing")]
    MissingKey(String),
    /// A value outside its range.
    #[error("{key} = {value} ({origin}): it must be {range}")]
    OutOfRange {
        /// The dotted path.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        range: String,
        /// Who wrote it.
        origin: ValueOrigin,
    },
    /// B > n.
    #[error("train.batch_size = {batch} is larger than the training set of {examples} examples")]
    Batch {
        /// B.
        batch: usize,
        /// n.
        examples: usize,
    },
    /// A configuration of another version of the schema.
    #[error("schema_version = {found} ({origin}): this program reads version {expected}")]
    SchemaVersion {
        /// The file's.
        found: u32,
        /// The program's.
        expected: u32,
        /// Who wrote it.
        origin: ValueOrigin,
    },
    /// No network preset has this name.
    #[error("there is no network {name}")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// Images of one size for a network of another.
    #[error("the images of {data} are {images}, the network {model} takes {input}")]
    InputShape {
        /// The dataset.
        data: String,
        /// Shape of its images.
        images: String,
        /// The network.
        model: String,
        /// Shape of its input.
        input: String,
    },
    /// Fewer outputs than the labels need.
    #[error("{data} has {classes} classes, the network {model} has {outputs} outputs")]
    Classes {
        /// The dataset.
        data: String,
        /// Its classes.
        classes: usize,
        /// The network.
        model: String,
        /// Its outputs.
        outputs: usize,
    },
    /// Stopped from outside; what was saved stays.
    #[error("interrupted")]
    Interrupted,
    /// What the network, its passes or the training refuse.
    #[error(transparent)]
    Net(#[from] minimascope_net::Error),
    /// What is wrong with the data.
    #[error(transparent)]
    Data(#[from] minimascope_data::Error),
    /// What is wrong with a spectrum's settings.
    #[error(transparent)]
    Spectrum(#[from] minimascope_linop::Error),
    /// What the theory refuses: an η, B or β outside its range, one example, no curvature.
    #[error(transparent)]
    Stability(#[from] minimascope_stability::Error),
    /// What cannot be measured at a point.
    #[error(transparent)]
    Minimum(minimascope_minimum::Error),
    /// What is wrong with a sweep.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A file that cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of a run that does not hold what it should.
    #[error("{} is damaged: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file or folder whose name is not UTF-8, so that no record can name it.
    #[error("the name of {} is not UTF-8", .0.display())]
    Name(PathBuf),
    /// No run stands there.
    #[error("there is no run at {}", .0.display())]
    NoRun(PathBuf),
    /// A run folder that holds a started run, and nobody said what to do with it.
    #[error("{} holds this run, interrupted before its end", .0.display())]
    Unfinished(PathBuf),
    /// Another process runs this run.
    #[error("another process is working in {}", .0.display())]
    Busy(PathBuf),
    /// Parameters that are not a run's, without a configuration.
    #[error("{} does not say which network and data its parameters belong to", .0.display())]
    NoConfiguration(PathBuf),
    /// A point where the outputs no longer depend on the input.
    #[error("the network of run {0} is dead: its outputs are the same for every input")]
    DeadRun(String),
    /// A point that has not learned more than the classes' frequencies.
    #[error(
        "the training loss {loss:.3e} is not below {constant:.3e}, that of the best constant \
         output: there is no minimum to leave"
    )]
    NothingToLeave {
        /// Its loss.
        loss: f64,
        /// That of the best output which does not depend on the input.
        constant: f64,
    },
    /// A curvature that the one-dimensional example cannot have.
    #[error(
        "the curvature of f{function} at x = 1 is {value:?}: it must lie between {least:e} and {most:e}"
    )]
    ToyCurvature {
        /// 1 or 2.
        function: usize,
        /// What was given.
        value: f64,
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// More steps of the one-dimensional example than are kept.
    #[error("{steps} steps are too many for the one-dimensional example: at most {most}")]
    ToySteps {
        /// What was given.
        steps: usize,
        /// The most.
        most: usize,
    },
    /// A start from which the one-dimensional example overflows.
    #[error("the start is {value:?}: it must lie between -{most:e} and {most:e}")]
    ToyStart {
        /// What was given.
        value: f64,
        /// The largest.
        most: f64,
    },
    /// A point without finite parameters.
    #[error("the run {run} diverged at step {steps}: it has no minimum to measure")]
    NothingToMeasure {
        /// Its id.
        run: String,
        /// When.
        steps: u64,
    },
}

impl From<minimascope_minimum::Error> for Error {
    fn from(error: minimascope_minimum::Error) -> Self {
        use minimascope_minimum::Error as Minimum;
        match error {
            Minimum::Interrupted => Self::Interrupted,
            Minimum::Spectrum(error) => Self::Spectrum(error),
            Minimum::Stability(error) => Self::Stability(error),
            other => Self::Minimum(other),
        }
    }
}

impl Error {
    /// What to do about it, where more can be said than the text does.
    pub fn hint(&self) -> Option<String> {
        let meant = |nearest: &Option<String>| {
            nearest.as_ref().map(|nearest| format!("did you mean {nearest}?"))
        };
        Some(match self {
            Self::UnknownPreset { nearest, known, .. } => meant(nearest).unwrap_or_else(|| {
                format!("run presets are {}; a file's name ends in .toml", known.join(", "))
            }),
            Self::UnknownModel { nearest, .. } => {
                meant(nearest).unwrap_or_else(|| "`minimascope model list` names them".into())
            }
            Self::Assignment(_) => {
                "write for example train.learning_rate=0.5, without spaces around =".into()
            }
            Self::UnknownKey { nearest, .. } => meant(nearest).unwrap_or_else(|| {
                "`minimascope config schema` prints every key with its meaning".into()
            }),
            Self::WrongValue { key, .. } | Self::MissingKey(key) => {
                format!("`minimascope config schema` explains {key}")
            }
            Self::NotANumber { wrong, .. } => format!("write {}", wrong.instead),
            Self::OutOfRange { key, range, .. } => format!("set {key} to {range}"),
            Self::Batch { examples, .. } => format!(
                "set train.batch_size to at most {examples}, or to \"all\" for gradient descent"
            ),
            Self::SchemaVersion { expected, .. } => format!(
                "write schema_version = {expected} and check the keys against docs/records.md"
            ),
            Self::InputShape { .. } => {
                "choose another data.source, or set model.architecture.input".into()
            }
            Self::Classes { classes, .. } => {
                format!(
                    "give the network {classes} outputs or more, or choose classes by data.classes"
                )
            }
            Self::Unfinished(_) => {
                "add --resume to continue it, or --force to start it again".into()
            }
            Self::Busy(_) => "wait for it, or choose another place with --out".into(),
            Self::NoRun(_) => {
                "give a run's folder or id, or a .safetensors file of parameters".into()
            }
            Self::NoConfiguration(_) => {
                "add --config with a run preset or a configuration file".into()
            }
            Self::DeadRun(_) => {
                "choose a run that trained; every learning rate stays at a dead one".into()
            }
            Self::NothingToLeave { .. } => {
                "choose a run that fits its training set, or train it further".into()
            }
            Self::ToyCurvature { .. } => "write for example --curvatures 0.2,3.8".into(),
            Self::ToyStart { .. } => "write for example --start 1.00001".into(),
            Self::ToySteps { .. } => "write for example --steps 500".into(),
            Self::NothingToMeasure { .. } => "train with a smaller train.learning_rate".into(),
            Self::Damaged { .. } => "remove the file, or start the run again with --force".into(),
            Self::Read { .. } => "check the path".into(),
            Self::Name(_) => "rename it".into(),
            Self::Syntax { .. } => {
                "correct the file; `minimascope config show` prints a whole one".into()
            }
            Self::Net(minimascope_net::Error::Memory { needed, .. }) => {
                format!("give at least {} with --memory", Bytes(*needed as u64).argument())
            }
            Self::Sweep(error) => return error.hint(),
            _ => return None,
        })
    }

    /// Whether the cause is in what the user wrote or gave, rather than in the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Write { .. } | Self::Damaged { .. } | Self::Busy(..) => false,
            Self::Sweep(error) => error.is_bad_input(),
            _ => true,
        }
    }
}
