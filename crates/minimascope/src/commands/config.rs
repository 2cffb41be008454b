//! `config`: what a run would do, and what a configuration can say.

use std::fmt::Write;

use clap::{Args, Subcommand};
use minimascope_experiment::config::keys;
use minimascope_experiment::plan::check_ranges;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::listing::{ConfigTable, ConfigValue};

use crate::arguments::Configuration;
use crate::exit::{Done, Failure};
use crate::output;

/// What a run would do, and what a configuration can say.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
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

pub(super) fn run(arguments: &ConfigArguments) -> Result<Done, Failure> {
    match &arguments.command {
        ConfigCommand::Schema => output::json(keys::RUN.schema())?,
        ConfigCommand::Show { configuration, json } => {
            let configured = configuration.read()?;
            check_ranges(&configured)?;
            let rows = configured.rows();
            if *json {
                let values = rows.into_iter().map(|(key, value, origin)| ConfigValue {
                    key,
                    value: serde_json::to_value(value).expect("TOML of a configuration is JSON"),
                    origin: origin.to_string(),
                });
                let (schema_version, values) = (SCHEMA_VERSION, values.collect());
                output::json(&ConfigTable { schema_version, values })?;
                return Ok(Done::Well);
            }
            let left: Vec<String> =
                rows.iter().map(|(key, value, _)| format!("{key} = {value}")).collect();
            // A long list of layers does not push every comment out of sight.
            let width = left.iter().map(|line| line.chars().count()).filter(|w| *w <= 60).max();
            let width = width.unwrap_or(0);
            let mut text = String::new();
            for (line, (_, _, origin)) in left.iter().zip(&rows) {
                writeln!(text, "{line:width$}  # {origin}").expect("a string takes all");
            }
            output::text(&text)?;
        }
    }
    Ok(Done::Well)
}
