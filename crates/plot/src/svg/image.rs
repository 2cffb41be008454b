//! Small images inside a figure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// A grey or red-green-blue image of 8-bit pixels, rows from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// An image from interleaved bytes (`pixels[(y·width + x)·channels + c]`).
    ///
    /// # Errors
    /// [`Error::Image`] when `channels` is neither 1 nor 3, a side is zero or too long for PNG, or
    /// the bytes do not fill the shape.
    pub fn new(
        width: usize,
        height: usize,
        channels: usize,
        pixels: Vec<u8>,
    ) -> Result<Image, Error> {
        let expected = width.saturating_mul(height).saturating_mul(channels);
        let sides = [width, height].iter().all(|&side| side > 0 && u32::try_from(side).is_ok());
        if !matches!(channels, 1 | 3) || !sides || pixels.len() != expected {
            return Err(Error::Image { width, height, channels, expected, found: pixels.len() });
        }
        Ok(Image { width, height, channels, pixels })
    }

    /// Rows over columns.
    pub(crate) fn aspect(&self) -> f64 {
        self.height as f64 / self.width as f64
    }

    /// `data:image/png;base64,…`
    pub(crate) fn data_uri(&self) -> String {
        let mut bytes = Vec::new();
        // `new` has checked that both sides fit.
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_color(if self.channels == 1 {
            png::ColorType::Grayscale
        } else {
            png::ColorType::Rgb
        });
        let written =
            encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.pixels));
        // Writing to memory cannot fail, and the length was checked by `new`.
        debug_assert!(written.is_ok());
        format!("data:image/png;base64,{}", STANDARD.encode(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_decodes_to_its_pixels() {
        let pixels: Vec<u8> = (0..24).map(|index| index * 10).collect();
        let image = Image::new(4, 2, 3, pixels.clone()).unwrap();
        let uri = image.data_uri();
        let encoded = uri.strip_prefix("data:image/png;base64,").unwrap();
        let bytes = STANDARD.decode(encoded).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut decoded = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut decoded).unwrap();
        assert_eq!(decoded, pixels);
    }

    #[test]
    fn a_shape_that_its_bytes_do_not_fill_is_refused() {
        let refused = Image::new(2, 2, 1, vec![0; 3]).unwrap_err();
        assert_eq!(
            refused,
            Error::Image { width: 2, height: 2, channels: 1, expected: 4, found: 3 }
        );
        assert!(Image::new(1, 1, 2, vec![0; 2]).is_err());
        assert!(Image::new(0, 1, 1, vec![]).is_err());
    }
}
