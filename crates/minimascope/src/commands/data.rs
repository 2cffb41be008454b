//! `data`: the datasets that have a name.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use minimascope_data::catalogue::KnownDataset;
use minimascope_data::fetch::{self, Fetch};
use minimascope_data::{layout, listing, verify};
use minimascope_record::SCHEMA_VERSION;
use minimascope_record::listing::{DataCheck, DataList};

use crate::exit::{Done, Failure};
use crate::output;
use crate::table::{TextTable, grouped};

/// The datasets that have a name.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
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
struct DataPlace {
    /// A folder to look in first.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &DataArguments) -> Result<Done, Failure> {
    match &arguments.command {
        DataCommand::List(place) => list(place),
        DataCommand::Verify { name, place } => check(name.as_deref(), place),
        DataCommand::Fetch { name, data_dir } => download(name, data_dir.clone()),
    }
}

fn list(place: &DataPlace) -> Result<Done, Failure> {
    let datasets = listing::list(place.data_dir.as_deref())?;
    if place.json {
        output::json(&DataList { schema_version: SCHEMA_VERSION, datasets })?;
        return Ok(Done::Well);
    }
    let mut table = TextTable::new(["name", "image", "classes", "train", "test", "place", "what"]);
    for dataset in datasets {
        table.row([
            dataset.name,
            dataset.shape.to_string(),
            dataset.classes.to_string(),
            grouped(dataset.train_examples as u64),
            grouped(dataset.test_examples as u64),
            dataset.place.unwrap_or_else(|| "not here".to_owned()),
            dataset.what,
        ]);
    }
    output::text(&table.to_string())?;
    Ok(Done::Well)
}

fn check(name: Option<&str>, place: &DataPlace) -> Result<Done, Failure> {
    let files = verify::verify(name, place.data_dir.as_deref())?;
    if let Some(folder) = &place.data_dir
        && !files.iter().any(|file| Path::new(&file.file).starts_with(folder))
    {
        anstream::eprintln!(
            "note: {} holds the complete files of no dataset that was asked for",
            folder.display()
        );
    }
    let right = files.iter().all(|file| file.right);
    if place.json {
        output::json(&DataCheck { schema_version: SCHEMA_VERSION, files })?;
    } else {
        let mut table = TextTable::new(["dataset", "file", "content"]);
        for file in files {
            let content =
                file.reason.map_or("as published".to_owned(), |why| format!("WRONG: {why}"));
            table.row([file.dataset, file.file, content]);
        }
        output::text(&table.to_string())?;
    }
    if right {
        return Ok(Done::Well);
    }
    anstream::eprintln!("some files are not the published ones; fetch or copy them again");
    Ok(Done::WithFailures)
}

fn download(name: &str, data_dir: Option<PathBuf>) -> Result<Done, Failure> {
    let known = KnownDataset::by_name(name)?;
    let directory = data_dir.or_else(layout::user_directory).unwrap_or_else(|| "data".into());
    let mut shown: Option<Instant> = None;
    let mut show = |at: fetch::DownloadProgress<'_>| {
        // Twice a second on a terminal or in a log; the last bytes always.
        let due = shown.is_none_or(|shown| shown.elapsed() >= Duration::from_millis(500));
        if due || at.total == Some(at.bytes) {
            shown = Some(Instant::now());
            let of = at.total.map(|total| format!(" of {}", indicatif::HumanBytes(total)));
            let (bytes, of) = (indicatif::HumanBytes(at.bytes), of.unwrap_or_default());
            anstream::eprintln!("{}: {bytes}{of}", at.file);
        }
    };
    let request = Fetch { known, directory: &directory, base: None };
    let folder = fetch::fetch(&request, &mut show)?;
    output::text(&format!("{}\n", folder.display()))?;
    Ok(Done::Well)
}
