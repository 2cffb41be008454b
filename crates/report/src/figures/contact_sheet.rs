//! Some images of a training set, with the labels that the network is trained on.

use minimascope_plot::{Body, Figure, Image, Panel, Sheet, Text, Tile};

/// One example.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledImage {
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
    /// The number of examples with a wrong label.
    pub corrupted: usize,
    /// The pictures shown; none where an example has no picture.
    pub pictures: Vec<LabelledImage>,
}

impl ContactSheet {
    /// The figure, under an identifier of its own.
    pub fn figure(&self, identifier: &str) -> Figure {
        let title = Text::plain(format!("Training images of {}", self.data));
        let shown = self.shown();
        let description =
            format!("{shown} of {}, each with the label that the network is given.", self.data);
        let mut figure = Figure::new(identifier, title, description);
        figure.subtitle = Text::plain(shown);
        let tiles = self.pictures.iter().map(|picture| Tile {
            image: picture.image.clone(),
            label: Text::plain(&picture.label),
            marked: picture.corrupted,
        });
        let body = Body::Sheet(Sheet { tiles: tiles.collect(), columns: 9 });
        figure.panels.push(Panel { title: Text::default(), body });
        if self.pictures.iter().any(|picture| picture.corrupted) {
            figure.notes.push(Text::plain("Framed, with a cross: the label is wrong."));
        }
        figure
    }

    /// How many of how many images there are, with right and with wrong labels.
    pub(crate) fn shown(&self) -> String {
        let (examples, all) = (self.examples, self.pictures.len());
        if self.corrupted == 0 {
            return format!("{all} of {examples} training images");
        }
        let wrong = self.pictures.iter().filter(|picture| picture.corrupted).count();
        let (clean, corrupted) = (examples - self.corrupted, self.corrupted);
        format!(
            "{} of {clean} training images with their own label and {wrong} of {corrupted} with a \
             wrong one",
            all - wrong
        )
    }
}
