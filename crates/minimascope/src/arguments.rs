//! The command line as typed.

mod sweep;
mod theory;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use minimascope_experiment::config::assignment::Assignment;

pub(crate) use sweep::{Engine, PlanPlace, SlurmOptions, Sweep, SweepCommand};
pub(crate) use theory::{Escape, Stability};

/// Train networks, measure the minimum they reach, and say how sharp and how uneven it is.
///
/// Data goes to stdout, messages and progress to stderr. Exit codes: 0 done, 1 error, 2 bad input,
/// 3 finished, but something was not measured to its tolerance or did not converge as the study
/// did, 130 interrupted. A run that diverges or dies is a result with that name.
#[derive(Debug, Parser)]
#[command(name = "minimascope", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// What was typed, or the end of the process with a message.
    pub(crate) fn read() -> Self {
        let matches = with_negative_values(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// A negative number after an option is its value, and refused as that, not as an unknown option.
fn with_negative_values(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|option| {
        let takes_one = option.get_long().is_some() && option.get_action().takes_values();
        let may = takes_one && !option.is_allow_hyphen_values_set();
        if may { option.allow_negative_numbers(true) } else { option }
    });
    command.mut_subcommands(with_negative_values)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network, then measure its sharpness and non-uniformity.
    Run(Run),
    /// Measure a finished run, or a file of parameters.
    Measure(Measure),
    /// Say which learning rates and batch sizes can stay at a run's minimum.
    ///
    /// With --learning-rate and --batch-size: does SGD stay there? With --batch-size alone: up to
    /// which learning rate? With --learning-rate alone: from which batch size on? With neither: does
    /// the run's own pair stay?
    Stability(Stability),
    /// Launch SGD from a run's minimum, and see whether it stays.
    Escape(Escape),
    /// Run many runs, each once: learning rates × batch sizes × seeds.
    ///
    /// What is in the store is skipped; the same command continues after any interruption.
    Sweep(Sweep),
    /// Train the study's networks and print their minima beside the study's.
    Reproduce(Reproduce),
    /// Show a folder of runs, or one run, as one HTML page.
    ///
    /// The page holds everything it shows and asks no network for anything. The same records give
    /// the same bytes.
    Report(Report),
    /// The networks that have a name.
    Model(Model),
    /// The datasets that have a name.
    Data(Data),
    /// What a run would do, and what a configuration can say.
    Config(Config),
}

impl Command {
    /// The threads asked for, by a command that computes.
    pub(crate) fn threads(&self) -> Option<usize> {
        let machine = match self {
            Self::Run(arguments) => &arguments.machine,
            Self::Measure(arguments) => &arguments.machine,
            Self::Stability(Stability { place, .. }) | Self::Escape(Escape { place, .. }) => {
                &place.machine
            }
            Self::Sweep(arguments) => &arguments.machine,
            Self::Reproduce(arguments) => &arguments.machine,
            Self::Report(_) | Self::Model(_) | Self::Data(_) | Self::Config(_) => return None,
        };
        // More are refused where the passes start theirs.
        machine.threads.map(usize::from).filter(|threads| *threads <= 1024)
    }
}

/// What of the machine is used. Changes no bit of what is trained or measured; with less memory the
/// exact threshold rests on fewer directions.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Machine {
    /// Threads [default: all processors].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Memory for the activations of a run and for directions of curvature, such as 512M or 4G [default: 1G; for
    /// stability without --quick half of the machine's].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<usize>,
}

/// A configuration and what is changed in it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Configuration {
    /// A run preset (fashion-mnist-fnn, cifar10-vgg, fashion-mnist-fnn-corrupted) or a TOML file.
    #[arg(value_name = "PRESET|FILE.toml")]
    pub(crate) source: String,
    /// Values over those of the preset or file, such as train.learning_rate=0.5.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<Assignment>,
    /// A folder to look for data in first; as data.folder=DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    /// The folder that holds run folders.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Continue the run if it was interrupted.
    #[arg(long, conflicts_with = "force")]
    pub(crate) resume: bool,
    /// Run again, even if it is finished.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    /// A run's folder or id, or a .safetensors file of parameters.
    #[arg(value_name = "RUN|CHECKPOINT")]
    pub(crate) target: String,
    /// The run preset or TOML file that a lone file of parameters belongs to.
    #[arg(long, value_name = "PRESET|FILE.toml")]
    pub(crate) config: Option<String>,
    /// The largest K eigenvalues of the Hessian.
    #[arg(long, value_name = "K")]
    pub(crate) top: Option<NonZeroUsize>,
    /// The density of the Hessian's eigenvalues.
    #[arg(long)]
    pub(crate) density: bool,
    /// The trace of the Hessian.
    #[arg(long)]
    pub(crate) trace: bool,
    /// The folder that holds run folders, where RUN is an id.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// The core in minutes, or every cell with five seeds: `sweep paper`, which hands it to Slurm too.
    #[arg(long, value_name = "PRESET", value_enum, default_value_t = Preset::Quick)]
    pub(crate) preset: Preset,
    /// The folder that holds run folders.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Run again what is finished of the quick preset.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

/// How much of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    Quick,
    Paper,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A folder of runs, a run's folder, or a run's id below runs.
    #[arg(value_name = "FOLDER|RUN", default_value = "runs")]
    pub(crate) target: PathBuf,
    /// The page.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub(crate) out: PathBuf,
    /// A folder for every figure of the page as SVG.
    #[arg(long, value_name = "DIR")]
    pub(crate) figures: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Their names and sizes.
    List {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// A layer table: shapes, parameters, multiply–adds of one example.
    Show {
        /// A network's name, or a TOML file of one.
        #[arg(value_name = "NAME|FILE.toml")]
        name: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Where their images are found.
    List(DataPlace),
    /// Compare the SHA-256 of what is found with what it should be.
    Verify {
        /// The dataset; all that are found if absent.
        name: Option<String>,
        #[command(flatten)]
        place: DataPlace,
    },
    /// Download the complete files from their canonical address.
    Fetch {
        /// The dataset.
        name: String,
        /// The folder to download to [default: ~/.local/share/minimascope].
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DataPlace {
    /// A folder to look in first.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every value of a run and where it came from, as TOML.
    Show {
        #[command(flatten)]
        configuration: Configuration,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The JSON Schema of configuration files.
    Schema,
}

/// Bytes from a number with K, M or G (powers of 1024; B, iB may follow).
fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("write a number with K, M or G, such as 512M".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write a number such as 512M or 4G".to_owned())?;
    let bytes = number * (1_u64 << shift) as f64;
    // 2⁴⁸ bytes are more than any machine addresses.
    if bytes >= 1.0 && bytes < 2_f64.powi(48) {
        Ok(bytes as usize)
    } else {
        Err("it must be at least one byte and below 256T".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        with_negative_values(Arguments::command()).debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("512M"), Ok(512 << 20));
        assert_eq!(parse_size("1.5GiB"), Ok(3 << 29));
        assert_eq!(parse_size("4096"), Ok(4096));
        for text in ["", "G", "-1G", "0", "1X", "1e99"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
