//! The series of a chart: lines, points, bands, regions and reference lines.

use crate::svg::marker::Marker;
use crate::svg::text::Text;
use crate::svg::theme::Ink;

/// The stroke of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Unbroken.
    Solid,
    /// Long dashes.
    Dashed,
    /// Dots.
    Dotted,
}

impl Dash {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Dash::Solid => "mm-line",
            Dash::Dashed => "mm-line mm-dashed",
            Dash::Dotted => "mm-line mm-dotted",
        }
    }
}

/// A measured point.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPoint {
    /// Position.
    pub at: [f64; 2],
    /// Half lengths of the error bars along x and y, in the units of the axes.
    pub error: [Option<f64>; 2],
    /// Tool tip; without one, the coordinates are shown.
    pub note: Option<String>,
}

impl DataPoint {
    /// A point without error bars.
    pub fn new(x: f64, y: f64) -> DataPoint {
        DataPoint { at: [x, y], error: [None, None], note: None }
    }
}

/// The shape of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A line through points in the given order.
    Line {
        /// `[x, y]`.
        points: Vec<[f64; 2]>,
        /// Stroke.
        dash: Dash,
        /// Symbol on every point, if any.
        marker: Option<Marker>,
    },
    /// Points with optional error bars.
    Points {
        /// The points.
        points: Vec<DataPoint>,
        /// Shape.
        marker: Marker,
    },
    /// The area between two curves.
    Band {
        /// `[x, lower, upper]`, x rising.
        bounds: Vec<[f64; 3]>,
    },
    /// A rectangle; `None` reaches to the end of the axis.
    Region {
        /// Left and right.
        x: [Option<f64>; 2],
        /// Lower and upper.
        y: [Option<f64>; 2],
        /// Stroke of the outline.
        dash: Dash,
    },
    /// A reference line across the chart, with its label beside the chart.
    Horizontal {
        /// Height.
        y: f64,
        /// Stroke.
        dash: Dash,
    },
    /// Only a label beside the chart, at this height.
    Beside {
        /// Height.
        y: f64,
    },
    /// A reference line across the chart, with its label above the chart.
    Vertical {
        /// Position.
        x: f64,
        /// Stroke.
        dash: Dash,
    },
    /// Short strokes on the horizontal axis, one for each value.
    Rug {
        /// Positions.
        values: Vec<f64>,
    },
}

/// Whether the axes extend to hold a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The axes hold every value.
    Whole,
    /// The axes ignore the series, and the chart clips it.
    Cut,
}

/// One series of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name in the legend, or next to a reference line.
    pub label: Option<Text>,
    /// Shape.
    pub mark: Mark,
    /// Colour.
    pub ink: Ink,
    /// Whether the axes extend to hold it.
    pub fit: Fit,
}

impl Series {
    /// A series that the axes hold, without a label.
    pub fn new(mark: Mark, ink: Ink) -> Series {
        Series { label: None, mark, ink, fit: Fit::Whole }
    }

    /// An unbroken line.
    pub fn line(points: Vec<[f64; 2]>, ink: Ink) -> Series {
        Series::new(Mark::Line { points, dash: Dash::Solid, marker: None }, ink)
    }

    /// Points of one shape.
    pub fn points(points: Vec<DataPoint>, marker: Marker, ink: Ink) -> Series {
        Series::new(Mark::Points { points, marker }, ink)
    }

    /// A dashed grey horizontal reference.
    pub fn horizontal(y: f64) -> Series {
        Series::new(Mark::Horizontal { y, dash: Dash::Dashed }, Ink::Muted)
    }

    /// A dashed grey vertical reference.
    pub fn vertical(x: f64) -> Series {
        Series::new(Mark::Vertical { x, dash: Dash::Dashed }, Ink::Muted)
    }

    /// With a name.
    pub fn named(mut self, label: Text) -> Series {
        self.label = Some(label);
        self
    }

    /// With another colour.
    pub fn inked(mut self, ink: Ink) -> Series {
        self.ink = ink;
        self
    }

    /// With another stroke, where the mark has one.
    pub fn dashed(mut self, stroke: Dash) -> Series {
        match &mut self.mark {
            Mark::Line { dash, .. }
            | Mark::Region { dash, .. }
            | Mark::Horizontal { dash, .. }
            | Mark::Vertical { dash, .. } => *dash = stroke,
            Mark::Points { .. } | Mark::Band { .. } | Mark::Beside { .. } | Mark::Rug { .. } => {}
        }
        self
    }

    /// With a shape on every point, where the mark is a line or points.
    pub fn marked(mut self, shape: Marker) -> Series {
        match &mut self.mark {
            Mark::Line { marker, .. } => *marker = Some(shape),
            Mark::Points { marker, .. } => *marker = shape,
            _ => {}
        }
        self
    }

    /// Clipped by the chart and ignored by the axes.
    pub fn cut(mut self) -> Series {
        self.fit = Fit::Cut;
        self
    }

    /// Every x and every y of the series, to check them and to find the extents of the axes.
    pub fn values(&self) -> [Vec<f64>; 2] {
        match &self.mark {
            Mark::Line { points, .. } => {
                [0, 1].map(|axis| points.iter().map(|p| p[axis]).collect())
            }
            Mark::Points { points, .. } => [0, 1].map(|axis| {
                let ends = |point: &DataPoint| {
                    let half = point.error[axis].unwrap_or(0.0);
                    [point.at[axis], point.at[axis] - half, point.at[axis] + half]
                };
                points.iter().flat_map(ends).collect()
            }),
            Mark::Band { bounds } => [
                bounds.iter().map(|bound| bound[0]).collect(),
                bounds.iter().flat_map(|bound| [bound[1], bound[2]]).collect(),
            ],
            Mark::Region { x, y, .. } => {
                [x, y].map(|ends| ends.iter().flatten().copied().collect())
            }
            Mark::Horizontal { y, .. } | Mark::Beside { y } => [vec![], vec![*y]],
            Mark::Vertical { x, .. } => [vec![*x], vec![]],
            Mark::Rug { values } => [values.clone(), vec![]],
        }
    }
}
