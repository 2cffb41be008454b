//! The minimascope program: arguments, progress, exit codes. No mathematics.

mod arguments;
mod commands;
mod exit;
mod interrupt;
mod output;
mod progress;
mod summary;
mod table;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Run(arguments) => commands::run::run(arguments),
        Command::Measure(arguments) => commands::measure::run(&arguments),
        Command::Stability(arguments) => commands::stability::run(&arguments),
        Command::Escape(arguments) => commands::escape::run(&arguments),
        Command::Reproduce(arguments) => commands::reproduce::run(arguments),
        Command::Model(arguments) => commands::model::run(arguments),
        Command::Data(arguments) => commands::data::run(arguments),
        Command::Config(arguments) => commands::config::run(arguments),
    };
    exit::code(done)
}
