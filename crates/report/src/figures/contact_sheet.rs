//! The images of a training set, some of them, with the labels that the network is given.

use crate::sheet::{Sheet, Tile};
use crate::{Body, Figure, Image, Panel, Text};

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its image.
    pub image: Image,
    /// The label it is trained with.
    pub label: String,
    /// Whether that label is wrong.
    pub corrupted: bool,
}

/// Examples of one training set.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactSheet {
    /// The data set's name.
    pub data: String,
    /// n.
    pub examples: usize,
    /// Those of them with a wrong label.
    pub corrupted: usize,
    /// The pictures shown.
    pub pictures: Vec<Picture>,
}

impl ContactSheet {
    /// The figure, under an identifier of its own.
    pub fn figure(&self, identifier: &str) -> Figure {
        let corrupted = match self.corrupted {
            0 => String::new(),
            count => format!(", {count} of them with a wrong label"),
        };
        let title = Text::plain(format!("Training images of {}", self.data));
        let description = format!(
            "{} of the {} training images of {}{corrupted}, each with the label that the network \
             is given.",
            self.pictures.len(),
            self.examples,
            self.data
        );
        let mut figure = Figure::new(identifier, title, description);
        let shown = self.pictures.len();
        figure.subtitle = Text::plain(format!("{shown} of {} images{corrupted}", self.examples));
        let tiles = self.pictures.iter().map(|picture| Tile {
            image: picture.image.clone(),
            label: Text::plain(&picture.label),
            marked: picture.corrupted,
        });
        let body = Body::Sheet(Sheet { tiles: tiles.collect(), columns: 12 });
        figure.panels.push(Panel { title: Text::default(), body });
        if self.pictures.iter().any(|picture| picture.corrupted) {
            figure.notes.push(Text::plain("Framed, with a cross: the label is wrong."));
        }
        figure
    }
}
