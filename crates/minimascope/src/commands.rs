//! The command line: the list of commands. A command is a file of this folder, with its arguments and
//! its `run`, and here its module, its variant and its line of [`CommandLine::run`].

mod config;
mod data;
mod escape;
mod measure;
mod model;
mod report;
mod reproduce;
mod run;
mod stability;
mod sweep;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::executable;
use crate::exit::{Done, Failure};

/// The commands in the order of the help, which has the doc comments of their arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArguments),
    Measure(measure::MeasureArguments),
    Stability(stability::StabilityArguments),
    Escape(escape::EscapeArguments),
    Sweep(sweep::SweepArguments),
    Reproduce(reproduce::ReproduceArguments),
    Report(report::ReportArguments),
    Model(model::ModelArguments),
    Data(data::DataArguments),
    Config(config::ConfigArguments),
}

/// Train networks, measure the minimum they reach, and say how sharp and how uneven it is.
///
/// Data goes to stdout, messages and progress to stderr. Exit codes: 0 done, 1 error, 2 bad input,
/// 3 finished, but something was not measured to its tolerance or did not converge as the study
/// did, 130 interrupted. A run that diverges or dies is a result with that name.
#[derive(Debug, Parser)]
#[command(name = "minimascope", version, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

impl CommandLine {
    /// What was typed after the name of the program, or the end of the process with a message.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        if let Some(name) = arguments.first() {
            executable::started_as(name.as_ref());
        }
        let matches = with_negative_values(Self::command()).get_matches_from(arguments);
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Does what was typed.
    pub(crate) fn run(&self) -> Result<Done, Failure> {
        match &self.command {
            Command::Run(arguments) => run::run(arguments),
            Command::Measure(arguments) => measure::run(arguments),
            Command::Stability(arguments) => stability::run(arguments),
            Command::Escape(arguments) => escape::run(arguments),
            Command::Sweep(arguments) => sweep::run(arguments),
            Command::Reproduce(arguments) => reproduce::run(arguments),
            Command::Report(arguments) => report::run(arguments),
            Command::Model(arguments) => model::run(arguments),
            Command::Data(arguments) => data::run(arguments),
            Command::Config(arguments) => config::run(arguments),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        with_negative_values(CommandLine::command()).debug_assert();
    }
}
