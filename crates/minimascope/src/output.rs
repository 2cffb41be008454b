//! stdout.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

/// One JSON object, for programs and for people.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, value)?;
    writeln!(stdout)?;
    stdout.flush()
}

/// Text that ends its own lines.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// How a command prints its result.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ResultFormat {
    /// Print the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ResultFormat {
    /// As one JSON object, or as `text` writes it for people.
    pub(crate) fn print<T: Serialize>(
        self,
        result: &T,
        text: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        if self.json { json(result) } else { self::text(&text(result)) }
    }
}
