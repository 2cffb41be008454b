//! The elements of an SVG document: text, colours, symbols, images, and the writer.

pub(crate) mod font;
pub(crate) mod image;
pub(crate) mod marker;
pub(crate) mod text;
pub(crate) mod theme;
pub(crate) mod writer;
