//! Training examples as pictures.

use minimascope_data::Dataset;
use minimascope_report::Image;

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
