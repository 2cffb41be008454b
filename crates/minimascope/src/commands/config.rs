//! `config`: what a run would do, and what a configuration can say.

use std::fmt::Write;

use minimascope_experiment::config::{keys, sources::Configured, sources::Sources};
use minimascope_experiment::plan::check_ranges;
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::listing::{ConfigTable, ConfigValue};

use crate::arguments::{Config, ConfigCommand, Configuration};
use crate::exit::{Done, Failure};
use crate::output;

pub(crate) fn run(arguments: Config) -> Result<Done, Failure> {
    match arguments.command {
        ConfigCommand::Schema => output::json(keys::RUN.schema())?,
        ConfigCommand::Show { configuration, json } => {
            let configured = read(configuration)?;
            check_ranges(&configured)?;
            let rows = configured.rows();
            if json {
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

/// The preset or file with the assignments over it.
pub(crate) fn read(configuration: Configuration) -> Result<Configured, Failure> {
    let mut sources = Sources::open(&configuration.source)?;
    for assignment in configuration.assignments {
        sources.assign(assignment);
    }
    if let Some(folder) = configuration.data_dir {
        sources.assign_path("data.folder", &folder);
    }
    Ok(sources.complete()?)
}
