//! `report`: a folder of runs, or one run, as an HTML page.

use std::path::{Path, PathBuf};

use clap::Args;
use minimascope_experiment::config::sources::Sources;
use minimascope_experiment::escape::toy;
use minimascope_experiment::folder::CONFIG;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::{Error, stored_runs};
use minimascope_record::stored_run::StoredRun;
use minimascope_report::figures::contact_sheet::{ContactSheet, LabelledImage};
use minimascope_report::page::{self, Document, Inputs, References};
use minimascope_study::page::{StudyInputs, has_published_network};
use minimascope_study::published::Published;
use minimascope_study::toy::ToyFigure;

use crate::exit::{Done, Failure};
use crate::pictures::{picture, save};

/// Show a folder of runs, or one run, as one HTML page.
///
/// The page holds everything it shows and asks no network for anything. The same records give
/// the same bytes.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// A folder of runs, a run's folder, or a run's id below runs.
    #[arg(value_name = "FOLDER|RUN", default_value = "runs")]
    target: PathBuf,
    /// The page.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// A folder for every figure of the page as SVG.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
}

pub(super) fn run(arguments: &ReportArguments) -> Result<Done, Failure> {
    let target = &arguments.target;
    let by_id = Path::new("runs").join(target);
    let page = if target.join(CONFIG).is_file() {
        run_page(target)?
    } else if !target.is_dir() && by_id.join(CONFIG).is_file() {
        run_page(&by_id)?
    } else {
        folder_page(target)?
    };
    write_page(&page, &arguments.out)?;
    if let Some(folder) = &arguments.figures {
        write_figures(&page, folder)?;
    }
    Ok(Done::Well)
}

/// Writes the page of a folder of runs.
pub(crate) fn write_folder_page(folder: &Path, out: &Path) -> Result<(), Failure> {
    write_page(&folder_page(folder)?, out)
}

/// The page of a folder of runs: the study's if one of them is of a network with published numbers,
/// otherwise that of any folder.
fn folder_page(folder: &Path) -> Result<Document, Failure> {
    let runs = stored_runs::read(folder)?;
    let sheets = sheets(&runs, folder);
    let published = Published::built_in();
    if !runs.iter().any(|run| has_published_network(run, &published)) {
        let references = References::default();
        let inputs = Inputs { runs: &runs, sheets: &sheets, references: &references };
        return Ok(page::folder(&inputs));
    }
    let (record, paths) = toy::launch(&toy::ToyLaunch::default())?;
    let figure = ToyFigure::new(&record, &paths);
    let toy = Some((&record, &figure));
    let inputs = StudyInputs { runs: &runs, published: &published, toy, sheets: &sheets };
    Ok(minimascope_study::page::page(&inputs))
}

/// The page of one run.
fn run_page(folder: &Path) -> Result<Document, Failure> {
    let run = stored_runs::read_run(folder)?;
    let has_attribution = run.stability.iter().any(|report| report.attribution.is_some());
    let plan = if has_attribution { plan(folder) } else { None };
    Ok(page::run(&run, |example| match &plan {
        Some(plan) => picture(plan.train(), example),
        None => (format!("example {example}"), None),
    }))
}

fn write_page(page: &Document, out: &Path) -> Result<(), Failure> {
    let html = page.to_html();
    std::fs::write(out, &html).map_err(|source| Failure::File { path: out.to_owned(), source })?;
    anstream::eprintln!("written: {} ({} KB)", out.display(), html.len().div_ceil(1000));
    Ok(())
}

/// Every figure as a file, by its identifier.
fn write_figures(page: &Document, folder: &Path) -> Result<(), Failure> {
    let mut count = 0;
    for figure in page.figures() {
        count += usize::from(save(figure, folder)?.is_some());
    }
    anstream::eprintln!("drawn: {count} figures in {}", folder.display());
    Ok(())
}

/// Pictures of one training set: so many rows of twelve.
const CLEAN: usize = 24;
const CORRUPTED: usize = 12;

/// The images of every training set whose files are found.
fn sheets(runs: &[StoredRun], folder: &Path) -> Vec<ContactSheet> {
    let sets = page::training_sets(runs);
    sets.into_iter().filter_map(|run| sheet(run, &folder.join(&run.run))).collect()
}

fn sheet(run: &StoredRun, folder: &Path) -> Option<ContactSheet> {
    let plan = plan(folder)?;
    let (data, wrong) = (plan.train(), plan.corrupted());
    let clean = (0..data.len()).filter(|example| !wrong.contains(example)).take(CLEAN);
    let shown: Vec<usize> = clean.chain(wrong.iter().copied().take(CORRUPTED)).collect();
    let pictures = shown.into_iter().filter_map(|example| {
        let (label, image) = picture(data, example);
        Some(LabelledImage { image: image?, label, corrupted: wrong.contains(&example) })
    });
    Some(ContactSheet {
        data: run.result.as_ref()?.data.clone(),
        examples: data.len(),
        corrupted: wrong.len(),
        pictures: pictures.collect(),
    })
}

/// The plan of a stored run, with its examples; what is in the way is said, and the page goes
/// without the pictures.
fn plan(folder: &Path) -> Option<Plan> {
    let config: PathBuf = folder.join(CONFIG);
    let checked =
        || -> Result<Plan, Error> { Plan::check(&Sources::from_file(&config)?.complete()?) };
    match checked() {
        Ok(plan) => Some(plan),
        Err(error) => {
            anstream::eprintln!("warning: images of {} are not shown: {error}", folder.display());
            None
        }
    }
}
