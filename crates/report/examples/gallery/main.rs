//! Writes every figure with sample data, in each theme: `cargo run --example gallery -- FOLDER`.

mod sample;

use std::error::Error;
use std::path::PathBuf;

use minimascope_report::Theme;

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
    Ok(())
}
