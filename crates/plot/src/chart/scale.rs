//! From a value to a place on the page.

/// How an axis spaces its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Equal differences, equal distances.
    Linear,
    /// Equal differences, equal distances; ticks at whole numbers only.
    Count,
    /// Equal ratios, equal distances.
    Log10 {
        /// Smallest value drawn. Values below it, zero included, lie on the axis' lower end, and
        /// the axis' label then says so. Without a floor every value must be positive.
        floor: Option<f64>,
    },
}

impl Scale {
    /// The value in the coordinate that the axis spaces evenly.
    pub(crate) fn even(self, value: f64) -> f64 {
        match self {
            Scale::Linear | Scale::Count => value,
            Scale::Log10 { floor } => libm::log10(value.max(floor.unwrap_or(f64::MIN_POSITIVE))),
        }
    }

    /// The inverse of [`Scale::even`].
    pub(crate) fn value(self, even: f64) -> f64 {
        match self {
            Scale::Linear | Scale::Count => even,
            Scale::Log10 { .. } => libm::pow(10.0, even),
        }
    }
}

/// An axis' scale, its extent in values, and the two places on the page where the extent ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) scale: Scale,
    pub(crate) values: [f64; 2],
    pub(crate) page: [f64; 2],
}

impl Span {
    /// Coordinate of a value; outside the extent it lies outside the two ends, though not further than
    /// a page could be wide.
    pub(crate) fn at(&self, value: f64) -> f64 {
        const FAR: f64 = 1e4;
        self.page[0] + self.share(value).clamp(-FAR, FAR) * (self.page[1] - self.page[0])
    }

    /// Whether a value lies within the extent, up to rounding.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.share(value))
    }

    /// The share of the axis that lies before a value. Of halves, because the distance of two numbers may
    /// be beyond f64; halving rounds nothing.
    fn share(&self, value: f64) -> f64 {
        let half = |value: f64| 0.5 * self.scale.even(value);
        let [low, high] = self.values.map(half);
        (half(value) - low) / (high - low)
    }

    pub(crate) fn length(&self) -> f64 {
        (self.page[1] - self.page[0]).abs()
    }
}

/// The extent of an axis: what it must hold, with room for marks at its ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    scale: Scale,
    data: Option<[f64; 2]>,
    included: Option<[f64; 2]>,
}

fn widened(ends: Option<[f64; 2]>, value: f64) -> Option<[f64; 2]> {
    let [low, high] = ends.unwrap_or([value, value]);
    Some([low.min(value), high.max(value)])
}

impl Extent {
    pub(crate) fn new(scale: Scale) -> Extent {
        Extent { scale, data: None, included: None }
    }

    /// A value that is drawn: the end it makes is padded.
    pub(crate) fn hold(&mut self, value: f64) {
        self.data = widened(self.data, self.scale.even(value));
    }

    /// A value that the axis must reach and may end at.
    pub(crate) fn include(&mut self, value: f64) {
        self.included = widened(self.included, self.scale.even(value));
    }

    /// Lowest and highest value of the axis, padded by the given share of its length; `None`
    /// without data. Both are finite, on a logarithmic axis positive, and the second is larger.
    pub(crate) fn ends(&self, padding: f64) -> Option<[f64; 2]> {
        let [data_low, data_high] = self.data?;
        let [low, high] = self.included.unwrap_or([data_low, data_high]);
        let (mut low, mut high) = (low.min(data_low), high.max(data_high));
        if high - low <= (1e-12 * low.abs().max(high.abs())).max(SHORTEST) {
            let half = match self.scale {
                Scale::Linear | Scale::Count if low == 0.0 => 1.0,
                Scale::Linear | Scale::Count => (0.1 * low.abs()).max(SHORTEST),
                Scale::Log10 { .. } => 0.3,
            };
            (low, high) = (low - half, high + half);
        }
        let pad = padding * (high - low).min(f64::MAX);
        let [bound_low, bound_high] = self.included.unwrap_or([f64::INFINITY, f64::NEG_INFINITY]);
        if low < bound_low {
            low -= pad;
        }
        if high > bound_high {
            high += pad;
        }
        if let Scale::Log10 { floor: Some(floor) } = self.scale {
            low = low.max(libm::log10(floor));
        }
        let smallest = match self.scale {
            Scale::Linear | Scale::Count => f64::MIN,
            Scale::Log10 { .. } => f64::MIN_POSITIVE,
        };
        Some([low, high].map(|end| self.scale.value(end).clamp(smallest, f64::MAX)))
    }
}

/// The shortest evenly spaced axis: the steps of a shorter one would be subnormal, and 10 to the power of
/// their number of decimals beyond f64.
const SHORTEST: f64 = 1e-300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_included_end_is_kept_and_a_data_end_is_padded() {
        let mut extent = Extent::new(Scale::Linear);
        extent.include(0.0);
        extent.hold(1.0);
        extent.hold(10.0);
        assert_eq!(extent.ends(0.1), Some([0.0, 11.0]));
    }

    #[test]
    fn one_value_makes_an_axis() {
        for (scale, value) in [
            (Scale::Linear, 0.0),
            (Scale::Linear, -5.0),
            (Scale::Linear, 1e-300),
            (Scale::Log10 { floor: None }, 20.0),
        ] {
            let mut extent = Extent::new(scale);
            extent.hold(value);
            let [low, high] = extent.ends(0.0).unwrap();
            assert!(low < value && value < high, "{low} {value} {high}");
        }
    }

    #[test]
    fn zero_lies_on_the_floor_of_a_logarithmic_axis() {
        let scale = Scale::Log10 { floor: Some(1e-8) };
        let span = Span { scale, values: [1e-8, 1.0], page: [100.0, 0.0] };
        assert_eq!(span.at(0.0), 100.0);
        assert_eq!(span.at(1.0), 0.0);
        assert!((span.at(1e-4) - 50.0).abs() < 1e-9);
    }
}
