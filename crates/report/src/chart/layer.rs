//! What is drawn in a chart, back to front.

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

/// How a line goes from one point to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Along the straight segment.
    Straight,
    /// Level until the next point, then at once.
    Step,
}

/// A measured point.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Position.
    pub at: [f64; 2],
    /// Half lengths of the error bars, in the axes' units.
    pub error: [Option<f64>; 2],
    /// Shown where the reader's program shows tool tips.
    pub note: Option<String>,
}

impl Sample {
    /// A point without error bars.
    pub fn new(x: f64, y: f64) -> Sample {
        Sample { at: [x, y], error: [None, None], note: None }
    }
}

/// The shape of a layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A line through points in the given order.
    Line {
        /// `[x, y]`.
        points: Vec<[f64; 2]>,
        /// Stroke.
        dash: Dash,
        /// Segments.
        course: Course,
        /// Shape on every point; a line with few points shows where it was measured.
        marker: Option<Marker>,
    },
    /// Points with optional error bars.
    Points {
        /// The points.
        samples: Vec<Sample>,
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
    /// A reference that spans the chart; its label stands outside, where no data can hide it.
    Horizontal {
        /// Height.
        y: f64,
        /// Stroke.
        dash: Dash,
    },
    /// Nothing but a label beside the chart, for the edge of another layer.
    Beside {
        /// Height.
        y: f64,
    },
    /// A reference that spans the chart; its label stands above it.
    Vertical {
        /// Position.
        x: f64,
        /// Stroke.
        dash: Dash,
    },
    /// Short strokes on the horizontal axis, one a value.
    Rug {
        /// Positions.
        values: Vec<f64>,
    },
}

/// Whether a layer's values give the axes their extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The axes hold every value.
    Whole,
    /// The layer is cut at the chart's edge.
    Cut,
}

/// One series of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Name in the legend, or beside a reference.
    pub label: Option<Text>,
    /// Shape.
    pub mark: Mark,
    /// Colour.
    pub ink: Ink,
    /// Whether the axes hold it.
    pub fit: Fit,
}

impl Layer {
    /// A layer that the axes hold, without a label.
    pub fn new(mark: Mark, ink: Ink) -> Layer {
        Layer { label: None, mark, ink, fit: Fit::Whole }
    }

    /// An unbroken line.
    pub fn line(points: Vec<[f64; 2]>, ink: Ink) -> Layer {
        let (dash, course) = (Dash::Solid, Course::Straight);
        Layer::new(Mark::Line { points, dash, course, marker: None }, ink)
    }

    /// Points of one shape.
    pub fn points(samples: Vec<Sample>, marker: Marker, ink: Ink) -> Layer {
        Layer::new(Mark::Points { samples, marker }, ink)
    }

    /// A dashed grey horizontal reference.
    pub fn horizontal(y: f64) -> Layer {
        Layer::new(Mark::Horizontal { y, dash: Dash::Dashed }, Ink::Muted)
    }

    /// A dashed grey vertical reference.
    pub fn vertical(x: f64) -> Layer {
        Layer::new(Mark::Vertical { x, dash: Dash::Dashed }, Ink::Muted)
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, label: Text) -> Layer {
        self.label = Some(label);
        self
    }

    /// With another colour.
    #[must_use]
    pub fn inked(mut self, ink: Ink) -> Layer {
        self.ink = ink;
        self
    }

    /// With another stroke, where the mark has one.
    #[must_use]
    pub fn dashed(mut self, stroke: Dash) -> Layer {
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
    #[must_use]
    pub fn marked(mut self, shape: Marker) -> Layer {
        match &mut self.mark {
            Mark::Line { marker, .. } => *marker = Some(shape),
            Mark::Points { marker, .. } => *marker = shape,
            _ => {}
        }
        self
    }

    /// Level between points, where the mark is a line.
    #[must_use]
    pub fn stepped(mut self) -> Layer {
        if let Mark::Line { course, .. } = &mut self.mark {
            *course = Course::Step;
        }
        self
    }

    /// Cut at the chart's edge.
    #[must_use]
    pub fn cut(mut self) -> Layer {
        self.fit = Fit::Cut;
        self
    }

    /// Every x and y that the layer names, for the extents and for refusal.
    pub(crate) fn values(&self) -> [Vec<f64>; 2] {
        match &self.mark {
            Mark::Line { points, .. } => {
                [0, 1].map(|axis| points.iter().map(|p| p[axis]).collect())
            }
            Mark::Points { samples, .. } => [0, 1].map(|axis| {
                let ends = |sample: &Sample| {
                    let half = sample.error[axis].unwrap_or(0.0);
                    [sample.at[axis], sample.at[axis] - half, sample.at[axis] + half]
                };
                samples.iter().flat_map(ends).collect()
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
