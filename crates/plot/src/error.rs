//! Why a figure cannot be drawn.

use std::fmt;

/// A figure that cannot be drawn from the given data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A NaN or an infinity. It has no position on an axis, and to leave it out would hide it.
    NotFinite {
        /// Identifier of the figure.
        figure: String,
        /// Panel and series.
        what: String,
        /// The value met first.
        value: f64,
    },
    /// Zero or a negative number on a logarithmic axis without a floor, or a negative number
    /// on one that has a floor.
    NotPositive {
        /// Identifier of the figure.
        figure: String,
        /// Panel and series.
        what: String,
        /// The value met first.
        value: f64,
    },
    /// A band, a rectangle or an error bar whose lower end lies above its upper end.
    Reversed {
        /// Identifier of the figure.
        figure: String,
        /// Panel and series.
        what: String,
        /// The end given as the lower.
        lower: f64,
        /// The end given as the upper.
        upper: f64,
    },
    /// A panel in which nothing gives the axes their extent.
    Empty {
        /// Identifier of the figure.
        figure: String,
        /// The panel.
        what: String,
    },
    /// A figure too narrow for its labels.
    TooNarrow {
        /// Identifier of the figure.
        figure: String,
        /// The panel.
        what: String,
        /// Width left for the data, in user units.
        room: f64,
        /// Smallest width that is drawn, in user units.
        needed: f64,
    },
    /// An image whose bytes do not fill its shape.
    Image {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes in a pixel.
        channels: usize,
        /// `width · height · channels`.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
}

impl Error {
    /// What is in the way, without the name of the figure.
    pub fn reason(&self) -> String {
        match self {
            Self::NotFinite { what, value, .. } => {
                format!("{what} holds {value}, which has no place on an axis")
            }
            Self::NotPositive { what, value, .. } => {
                format!("{what} holds {value} on a logarithmic axis")
            }
            Self::Reversed { what, lower, upper, .. } => {
                format!("{what} goes from {lower} down to {upper}")
            }
            Self::Empty { what, .. } => format!("{what} has nothing to draw"),
            Self::TooNarrow { what, room, needed, .. } => {
                format!("{what} leaves {room:.0} of the {needed:.0} units that its data need")
            }
            Self::Image { width, height, channels, expected, found } => format!(
                "an image of {width} × {height} pixels and {channels} channels needs {expected} \
                 bytes and got {found}"
            ),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NotFinite { .. } => {
                "end the series before it, and name the divergence in the title or a note"
            }
            Self::NotPositive { .. } => "give positive values, or zeros and an axis with a floor",
            Self::Reversed { .. } => "swap the two ends",
            Self::Empty { .. } => "leave the panel out or give it data",
            Self::TooNarrow { .. } => "use fewer columns or shorter labels",
            Self::Image { .. } => "channels must be 1 (grey) or 3 (red, green, blue)",
        }
    }

    fn figure(&self) -> Option<&str> {
        match self {
            Self::NotFinite { figure, .. }
            | Self::NotPositive { figure, .. }
            | Self::Reversed { figure, .. }
            | Self::Empty { figure, .. }
            | Self::TooNarrow { figure, .. } => Some(figure),
            Self::Image { .. } => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(figure) = self.figure() {
            write!(f, "figure `{figure}`: ")?;
        }
        write!(f, "{}; {}", self.reason(), self.advice())
    }
}
