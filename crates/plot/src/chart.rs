//! Charts: two axes and the series between them.

pub(crate) mod draw;
pub(crate) mod legend;
pub(crate) mod line;
pub(crate) mod paint;
pub(crate) mod references;
pub(crate) mod scale;
pub(crate) mod series;
pub(crate) mod ticks;

use crate::Error;
use crate::svg::text::Text;
use scale::{Extent, Scale};
use series::{Fit, Series};

/// One of the two axes of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Quantity, symbol and unit.
    pub label: Text,
    /// Spacing.
    pub scale: Scale,
    /// Values that the axis includes. An end that lies at such a value has no padding.
    pub include: Vec<f64>,
    /// Padding beyond the outermost data, as a fraction of the length of the axis.
    pub padding: f64,
}

impl Axis {
    /// An evenly spaced axis.
    pub fn linear(label: Text) -> Axis {
        Axis { label, scale: Scale::Linear, include: Vec::new(), padding: 0.05 }
    }

    /// An evenly spaced axis of counts.
    pub fn count(label: Text) -> Axis {
        Axis { scale: Scale::Count, ..Axis::linear(label) }
    }

    /// A logarithmic axis; every value must be positive.
    pub fn log10(label: Text) -> Axis {
        Axis { scale: Scale::Log10 { floor: None }, ..Axis::linear(label) }
    }

    /// A logarithmic axis that also takes zero and values below `floor`, at its lower end.
    pub fn log10_above(floor: f64, label: Text) -> Axis {
        Axis { scale: Scale::Log10 { floor: Some(floor) }, ..Axis::linear(label) }
    }

    /// Also includes these values.
    pub fn including(mut self, values: &[f64]) -> Axis {
        self.include.extend_from_slice(values);
        self
    }

    /// Ends at the outermost data, without padding.
    pub fn tight(mut self) -> Axis {
        self.padding = 0.0;
        self
    }
}

/// Two axes and the series between them, back to front.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
    /// Height of the area between the axes, in user units.
    pub height: f64,
}

impl Chart {
    /// An empty chart of the usual height.
    pub fn new(x: Axis, y: Axis) -> Chart {
        Chart { x, y, series: Vec::new(), height: 220.0 }
    }

    /// With one more series, drawn in front of the others.
    pub fn with(mut self, series: Series) -> Chart {
        self.series.push(series);
        self
    }

    /// Checks every value and returns the extents of the two axes.
    pub(crate) fn extents(&self, location: &Location<'_>) -> Result<[[f64; 2]; 2], Error> {
        let axes = [&self.x, &self.y];
        let mut extents = axes.map(|axis| Extent::new(axis.scale));
        for (axis, extent) in axes.iter().zip(&mut extents) {
            for &value in &axis.include {
                location.check(value, axis.scale, "the axis")?;
                extent.include(value);
            }
        }
        for series in &self.series {
            let name = series.label.as_ref().map_or_else(|| "a series".to_owned(), Text::bare);
            for ((axis, extent), values) in axes.iter().zip(&mut extents).zip(series.values()) {
                for value in values {
                    location.check(value, axis.scale, &name)?;
                    if series.fit == Fit::Whole {
                        extent.hold(value);
                    }
                }
            }
            location.check_order(series, &name)?;
        }
        let ends =
            |index: usize| extents[index].ends(axes[index].padding).ok_or_else(|| location.empty());
        Ok([ends(0)?, ends(1)?])
    }

    /// The floor of the axis, if a value lies below it.
    pub(crate) fn under_floor(&self, axis: usize) -> Option<f64> {
        let Scale::Log10 { floor: Some(floor) } = [&self.x, &self.y][axis].scale else {
            return None;
        };
        let below = |series: &Series| series.values()[axis].iter().any(|&value| value < floor);
        self.series.iter().any(below).then_some(floor)
    }
}

/// The figure and the panel that a refused value belongs to.
pub(crate) struct Location<'a> {
    pub(crate) figure: &'a str,
    pub(crate) panel: &'a str,
}

impl Location<'_> {
    fn what(&self, series: &str) -> String {
        if self.panel.is_empty() {
            series.to_owned()
        } else {
            format!("{series} in panel `{}`", self.panel)
        }
    }

    pub(crate) fn check(&self, value: f64, scale: Scale, series: &str) -> Result<(), Error> {
        let (figure, what) = (self.figure.to_owned(), self.what(series));
        if !value.is_finite() {
            return Err(Error::NotFinite { figure, what, value });
        }
        match scale {
            Scale::Log10 { floor: None } if value <= 0.0 => {
                Err(Error::NotPositive { figure, what, value })
            }
            Scale::Log10 { floor: Some(_) } if value < 0.0 => {
                Err(Error::NotPositive { figure, what, value })
            }
            _ => Ok(()),
        }
    }

    fn check_order(&self, series: &Series, name: &str) -> Result<(), Error> {
        let pairs: Vec<[f64; 2]> = match &series.mark {
            series::Mark::Band { bounds } => {
                bounds.iter().map(|bound| [bound[1], bound[2]]).collect()
            }
            series::Mark::Region { x, y, .. } => {
                [x, y].iter().filter_map(|ends| Some([ends[0]?, ends[1]?])).collect()
            }
            series::Mark::Points { points, .. } => {
                let halves = points.iter().flat_map(|point| point.error).flatten();
                halves.map(|half| [0.0, half]).collect()
            }
            _ => Vec::new(),
        };
        match pairs.iter().find(|[lower, upper]| lower > upper) {
            None => Ok(()),
            Some(&[lower, upper]) => Err(Error::Reversed {
                figure: self.figure.to_owned(),
                what: self.what(name),
                lower,
                upper,
            }),
        }
    }

    pub(crate) fn empty(&self) -> Error {
        let what = if self.panel.is_empty() { "its panel" } else { self.panel };
        Error::Empty { figure: self.figure.to_owned(), what: what.to_owned() }
    }
}
