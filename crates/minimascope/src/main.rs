//! The program `minimascope`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(minimascope::program(std::env::args_os()))
}
