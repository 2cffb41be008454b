//! Training examples as pictures, and figures as files.

use std::path::{Path, PathBuf};

use minimascope_data::Dataset;
use minimascope_plot::{Figure, Image, Theme};

use crate::exit::Failure;

/// An example's class, by its name where the data set has names, and its image.
pub(crate) fn picture(data: &Dataset, example: usize) -> (String, Option<Image>) {
    let label = data.labels()[example] as usize;
    let name = data.class_names().and_then(|names| names.get(label).cloned());
    let shape = data.shape();
    let (channels, pixels) = (shape.channels, shape.height * shape.width);
    let planes = data.image(example);
    let bytes = (0..pixels).flat_map(|pixel| {
        (0..channels).map(move |channel| (255.0 * planes[channel * pixels + pixel]).round() as u8)
    });
    let image = Image::new(shape.width, shape.height, channels, bytes.collect()).ok();
    (name.unwrap_or_else(|| format!("class {label}")), image)
}

/// Writes a figure into a folder, by its identifier: its path. If it cannot be drawn, a warning says why,
/// and what the command found stays.
pub(crate) fn save(figure: &Figure, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = folder.join(format!("{}.svg", figure.identifier));
    let svg = match figure.to_svg(Theme::Auto) {
        Ok(svg) => svg,
        Err(error) => {
            anstream::eprintln!("warning: {} is not drawn: {}", path.display(), error.reason());
            return Ok(None);
        }
    };
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, svg));
    match written {
        Ok(()) => Ok(Some(path)),
        Err(source) => Err(Failure::File { path, source }),
    }
}

/// Writes a figure and says where.
pub(crate) fn draw(figure: &Figure, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = save(figure, folder)?;
    if let Some(path) = &path {
        anstream::eprintln!("drawn: {}", path.display());
    }
    Ok(path)
}
