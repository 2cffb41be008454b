//! `model`: the networks that have a name.

use clap::{Args, Subcommand};
use minimascope_experiment::plan;
use minimascope_net::{Network, presets};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::listing::{ModelEntry, ModelList, ModelTable};

use crate::exit::{Done, Failure};
use crate::output;
use crate::table::{TextTable, grouped};

/// The networks that have a name.
#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
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

pub(super) fn run(arguments: &ModelArguments) -> Result<Done, Failure> {
    match &arguments.command {
        ModelCommand::List { json } => list(*json)?,
        ModelCommand::Show { name, json } => show(name, *json)?,
    }
    Ok(Done::Well)
}

fn list(json: bool) -> Result<(), Failure> {
    let mut models = Vec::new();
    for name in presets::names() {
        let (name, network) = plan::network(name)?;
        models.push(ModelEntry {
            name,
            input: network.input(),
            outputs: network.outputs(),
            parameters: network.parameters(),
        });
    }
    if json {
        return Ok(output::json(&ModelList { schema_version: SCHEMA_VERSION, models })?);
    }
    let mut table = TextTable::new(["name", "input", "outputs", "parameters"]);
    for model in models {
        table.row([
            model.name,
            model.input.to_string(),
            model.outputs.to_string(),
            grouped(model.parameters as u64),
        ]);
    }
    Ok(output::text(&table.to_string())?)
}

fn show(name: &str, json: bool) -> Result<(), Failure> {
    let (name, network) = plan::network(name)?;
    if json {
        return Ok(output::json(&layer_table(name, &network))?);
    }
    let mut table = TextTable::new(["layer", "kind", "output", "parameters", "multiply–adds"]);
    for layer in network.layers() {
        table.row([
            layer.name.clone(),
            layer.kind.clone(),
            layer.output.to_string(),
            grouped(layer.parameters as u64),
            grouped(layer.multiply_adds as u64),
        ]);
    }
    table.row([
        String::new(),
        "total".to_owned(),
        String::new(),
        grouped(network.parameters() as u64),
        grouped(network.multiply_adds() as u64),
    ]);
    let heading = format!("{name}: input {}, {} outputs\n\n", network.input(), network.outputs());
    Ok(output::text(&format!("{heading}{table}"))?)
}

fn layer_table(name: String, network: &Network) -> ModelTable {
    ModelTable {
        schema_version: SCHEMA_VERSION,
        name,
        input: network.input(),
        outputs: network.outputs(),
        parameters: network.parameters(),
        multiply_adds: network.multiply_adds(),
        layers: network.layers().to_vec(),
    }
}
