//! Writes every figure, the page of a folder and the page of a run with sample data, figures in each theme:
//! `cargo run -p minimascope-report --example gallery -- FOLDER`.

mod sample;

use std::error::Error;
use std::path::PathBuf;

use minimascope_plot::Theme;
use minimascope_report::page::{self, Inputs, References};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give the folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    for figure in sample::figures() {
        let themes = [("", Theme::Auto), ("-light", Theme::Light), ("-dark", Theme::Dark)];
        for (suffix, theme) in themes {
            let name = format!("{}{suffix}.svg", figure.identifier);
            std::fs::write(folder.join(name), figure.to_svg(theme)?)?;
        }
    }
    let (runs, sheets) = (sample::stored_runs::runs(), sample::stored_runs::sheets());
    let inputs = Inputs { runs: &runs, sheets: &sheets, references: &References::default() };
    std::fs::write(folder.join("folder.html"), page::folder(&inputs).to_html()?)?;
    let picture = |example: usize| (format!("example {example}"), None);
    let run = page::run(&sample::stored_runs::one_run(), picture);
    std::fs::write(folder.join("run.html"), run.to_html()?)?;
    Ok(())
}
