//! Writes every figure and both pages with sample data, figures in each theme: `cargo run --example gallery -- FOLDER`.

mod sample;

use std::error::Error;
use std::path::PathBuf;

use minimascope_plot::Theme;
use minimascope_report::page;

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
    let study = sample::study::study();
    let (record, toy, sheets) =
        (sample::study::toy_record(), sample::toy(), sample::study::sheets());
    let inputs = page::Inputs { study: &study, toy: Some((&record, &toy)), sheets: &sheets };
    std::fs::write(folder.join("study.html"), page::study(&inputs)?.to_html()?)?;
    let picture = |example: usize| (format!("example {example}"), None);
    let run = page::run(&sample::study::one_run(), picture);
    std::fs::write(folder.join("run.html"), run.to_html()?)?;
    Ok(())
}
