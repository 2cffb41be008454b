//! Charts: two axes and the layers between them.

pub(crate) mod draw;
pub(crate) mod layer;
pub(crate) mod legend;
pub(crate) mod line;
pub(crate) mod paint;
pub(crate) mod references;
pub(crate) mod scale;
pub(crate) mod ticks;

use crate::Error;
use crate::svg::text::Text;
use layer::{Fit, Layer};
use scale::{Extent, Scale};

/// One direction of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Quantity, symbol and unit.
    pub label: Text,
    /// Spacing.
    pub scale: Scale,
    /// Values that the axis reaches, and ends at where the data do not go beyond.
    pub include: Vec<f64>,
    /// Room beyond the outermost data, as a share of the axis.
    pub padding: f64,
}

impl Axis {
    /// An evenly spaced axis.
    pub fn linear(label: Text) -> Axis {
        Axis { label, scale: Scale::Linear, include: Vec::new(), padding: 0.05 }
    }

    /// A logarithmic axis; every value must be positive.
    pub fn log10(label: Text) -> Axis {
        Axis { scale: Scale::Log10 { floor: None }, ..Axis::linear(label) }
    }

    /// A logarithmic axis that also takes zero and values below `floor`, at its lower end.
    pub fn log10_above(floor: f64, label: Text) -> Axis {
        Axis { scale: Scale::Log10 { floor: Some(floor) }, ..Axis::linear(label) }
    }

    /// Reaching these values.
    #[must_use]
    pub fn including(mut self, values: &[f64]) -> Axis {
        self.include.extend_from_slice(values);
        self
    }

    /// Ending at the outermost data.
    #[must_use]
    pub fn tight(mut self) -> Axis {
        self.padding = 0.0;
        self
    }
}

/// Two axes and the layers between them, back to front.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub layers: Vec<Layer>,
    /// Height of the area between the axes, in user units.
    pub height: f64,
}

impl Chart {
    /// An empty chart of the usual height.
    pub fn new(x: Axis, y: Axis) -> Chart {
        Chart { x, y, layers: Vec::new(), height: 220.0 }
    }

    /// With one more layer in front.
    #[must_use]
    pub fn with(mut self, layer: Layer) -> Chart {
        self.layers.push(layer);
        self
    }

    /// Checks every value and finds the extents of the two axes.
    pub(crate) fn extents(&self, context: &Context<'_>) -> Result<[[f64; 2]; 2], Error> {
        let axes = [&self.x, &self.y];
        let mut extents = axes.map(|axis| Extent::new(axis.scale));
        for (axis, extent) in axes.iter().zip(&mut extents) {
            for &value in &axis.include {
                context.check(value, axis.scale, "the axis")?;
                extent.include(value);
            }
        }
        for layer in &self.layers {
            let name = layer.label.as_ref().map_or_else(|| "a series".to_owned(), Text::bare);
            for ((axis, extent), values) in axes.iter().zip(&mut extents).zip(layer.values()) {
                for value in values {
                    context.check(value, axis.scale, &name)?;
                    if layer.fit == Fit::Whole {
                        extent.hold(value);
                    }
                }
            }
            context.check_order(layer, &name)?;
        }
        let ends =
            |index: usize| extents[index].ends(axes[index].padding).ok_or_else(|| context.empty());
        Ok([ends(0)?, ends(1)?])
    }

    /// Whether a value lies below the floor of its axis.
    pub(crate) fn under_floor(&self, axis: usize) -> Option<f64> {
        let Scale::Log10 { floor: Some(floor) } = [&self.x, &self.y][axis].scale else {
            return None;
        };
        let below = |layer: &Layer| layer.values()[axis].iter().any(|&value| value < floor);
        self.layers.iter().any(below).then_some(floor)
    }
}

/// Where a value stands, for refusals.
pub(crate) struct Context<'a> {
    pub(crate) figure: &'a str,
    pub(crate) panel: &'a str,
}

impl Context<'_> {
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

    fn check_order(&self, layer: &Layer, series: &str) -> Result<(), Error> {
        let pairs: Vec<[f64; 2]> = match &layer.mark {
            layer::Mark::Band { bounds } => {
                bounds.iter().map(|bound| [bound[1], bound[2]]).collect()
            }
            layer::Mark::Region { x, y, .. } => {
                [x, y].iter().filter_map(|ends| Some([ends[0]?, ends[1]?])).collect()
            }
            layer::Mark::Points { samples, .. } => {
                let halves = samples.iter().flat_map(|sample| sample.error).flatten();
                halves.map(|half| [0.0, half]).collect()
            }
            _ => Vec::new(),
        };
        match pairs.iter().find(|[lower, upper]| lower > upper) {
            None => Ok(()),
            Some(&[lower, upper]) => Err(Error::Reversed {
                figure: self.figure.to_owned(),
                what: self.what(series),
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
