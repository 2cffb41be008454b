//! Writes the figure of the one-dimensional example and the page of the study, of the small runs of
//! the gallery of `report`: `cargo run -p minimascope-study --example study_gallery -- FOLDER`.

mod paper;
#[path = "../../../report/examples/gallery/sample.rs"]
#[allow(dead_code, reason = "the gallery of `report` uses the rest")]
mod sample;

use std::error::Error;
use std::path::PathBuf;

use minimascope_plot::Theme;
use minimascope_study::page::{StudyInputs, page};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give the folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    let (record, toy) = paper::toy();
    for (suffix, theme) in [("", Theme::Auto), ("-light", Theme::Light), ("-dark", Theme::Dark)] {
        std::fs::write(folder.join(format!("toy{suffix}.svg")), toy.figure().to_svg(theme)?)?;
    }
    let (runs, sheets, published) = (sample::runs(), sample::sheets(), paper::published());
    let toy = Some((&record, &toy));
    let inputs = StudyInputs { runs: &runs, published: &published, toy, sheets: &sheets };
    std::fs::write(folder.join("study.html"), page(&inputs).to_html())?;
    Ok(())
}
