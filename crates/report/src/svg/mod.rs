//! Elements of an SVG document, written in the order they are painted.

pub(crate) mod font;
pub(crate) mod image;
pub(crate) mod marker;
pub(crate) mod text;
pub(crate) mod theme;
pub(crate) mod writer;
