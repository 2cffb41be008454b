//! The folder `runs`, read as the program reads it, and the figures of its pages. `make_runs.sh` made
//! it: real runs of a network with 314 parameters, and everything that is known of one minimum.

use std::path::{Path, PathBuf};

use minimascope_experiment::config::sources::Sources;
use minimascope_experiment::plan::Plan;
use minimascope_experiment::stored_runs;
use minimascope_plot::{Figure, Image};
use minimascope_record::stored_run::StoredRun;
use minimascope_report::figures::contact_sheet::{ContactSheet, LabelledImage};
use minimascope_report::page::{self, Inputs, References};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/examples/gallery/runs")
}

/// Every run, in the order of the ids.
pub(crate) fn runs() -> Vec<StoredRun> {
    stored_runs::read(&folder()).unwrap()
}

/// The run with curves and with an answer to every question.
pub(crate) fn one_run() -> StoredRun {
    let run = runs().into_iter().find(|run| run.grid.is_some()).unwrap();
    stored_runs::read_run(&folder().join(run.run)).unwrap()
}

fn plan(run: &StoredRun) -> Plan {
    let config = folder().join(&run.run).join("config.toml");
    Plan::check(&Sources::from_file(&config).unwrap().complete().unwrap()).unwrap()
}

/// The class and the image of a training example.
fn picture(plan: &Plan, example: usize) -> (String, Image) {
    let data = plan.train();
    let name = data.class_names().unwrap()[data.labels()[example] as usize].clone();
    let bytes = data.image(example).iter().map(|level| (255.0 * level).round() as u8);
    (name, Image::new(data.shape().width, data.shape().height, 1, bytes.collect()).unwrap())
}

/// Images of each training set; the last ones of a set have a wrong label, if it has any.
pub(crate) fn sheets() -> Vec<ContactSheet> {
    let sheet = |run: &StoredRun| {
        let plan = plan(run);
        let (examples, wrong) = (plan.train().len(), plan.corrupted());
        let pictures = (examples - 24..examples).map(|example| {
            let (label, image) = picture(&plan, example);
            LabelledImage { image, label, corrupted: wrong.contains(&example) }
        });
        ContactSheet {
            data: run.result.as_ref().unwrap().data.clone(),
            examples,
            corrupted: wrong.len(),
            pictures: pictures.collect(),
        }
    };
    page::training_sets(&runs()).into_iter().map(sheet).collect()
}

/// The page of the folder.
pub(crate) fn folder_page() -> page::Document {
    let (runs, sheets) = (runs(), sheets());
    page::folder(&Inputs { runs: &runs, sheets: &sheets, references: &References::default() })
}

/// The page of the one run.
pub(crate) fn run_page() -> page::Document {
    let run = one_run();
    let plan = plan(&run);
    page::run(&run, |example| {
        let (label, image) = picture(&plan, example);
        (label, Some(image))
    })
}

/// Every figure of both pages, once.
pub(crate) fn figures() -> Vec<Figure> {
    let mut figures: Vec<Figure> = run_page().figures().cloned().collect();
    for figure in folder_page().figures() {
        if figures.iter().all(|other| other.identifier != figure.identifier) {
            figures.push(figure.clone());
        }
    }
    figures
}
