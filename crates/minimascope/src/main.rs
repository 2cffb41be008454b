//! The minimascope program: arguments, progress, exit codes. No mathematics.

mod arguments;
mod commands;
mod criteria;
mod exit;
mod interrupt;
mod output;
mod pictures;
mod progress;
mod summary;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::read();
    if let Some(threads) = arguments.command.threads() {
        // Vectors of spectra are worked on by the default pool. Where it cannot be had with so many
        // threads, the passes' own pool says so.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    let done = match arguments.command {
        Command::Run(arguments) => commands::run::run(arguments),
        Command::Measure(arguments) => commands::measure::run(&arguments),
        Command::Stability(arguments) => commands::stability::run(&arguments),
        Command::Escape(arguments) => commands::escape::run(&arguments),
        Command::Sweep(arguments) => commands::sweep::run(&arguments),
        Command::Reproduce(arguments) => commands::reproduce::run(arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Model(arguments) => commands::model::run(arguments),
        Command::Data(arguments) => commands::data::run(arguments),
        Command::Config(arguments) => commands::config::run(arguments),
    };
    exit::code(done)
}
