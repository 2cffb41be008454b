//! Writes every figure of a folder of runs and of one of them, in each theme, and both pages:
//! `cargo run -p minimascope-report --example gallery -- FOLDER`.

mod sample;

use std::error::Error;
use std::path::PathBuf;

use minimascope_plot::Theme;

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
    std::fs::write(folder.join("folder.html"), sample::folder_page().to_html())?;
    std::fs::write(folder.join("run.html"), sample::run_page().to_html())?;
    Ok(())
}
