//! Why a figure cannot be drawn.

/// A figure that cannot be drawn from the given data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A NaN or an infinity. It has no position on an axis, and to leave it out would hide it.
    #[error(
        "figure `{figure}`: {what} holds {value}, which has no place on an axis; \
         end the series before it, and name the divergence in the title or a note"
    )]
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
    #[error(
        "figure `{figure}`: {what} holds {value} on a logarithmic axis; \
         give positive values, or zeros and an axis with a floor"
    )]
    NotPositive {
        /// Identifier of the figure.
        figure: String,
        /// Panel and series.
        what: String,
        /// The value met first.
        value: f64,
    },
    /// A band, a rectangle or an error bar whose lower end lies above its upper end.
    #[error("figure `{figure}`: {what} goes from {lower} down to {upper}; swap the two ends")]
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
    #[error("figure `{figure}`: {what} has nothing to draw; leave the panel out or give it data")]
    Empty {
        /// Identifier of the figure.
        figure: String,
        /// The panel.
        what: String,
    },
    /// A figure too narrow for its labels.
    #[error(
        "figure `{figure}`: {what} leaves {room:.0} of the {needed:.0} units that its data need; \
         use fewer columns or shorter labels"
    )]
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
    #[error(
        "an image of {width} × {height} pixels and {channels} channels needs {expected} bytes \
         and got {found}; channels must be 1 (grey) or 3 (red, green, blue)"
    )]
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
