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

use commands::CommandLine;

fn main() -> ExitCode {
    exit::code(CommandLine::read().run())
}
