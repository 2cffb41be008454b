//! The line style of each stability criterion, the same in every figure.

use minimascope_plot::{Dash, Ink, Marker, Text};
use minimascope_record::threshold::{CriterionName, Proves, Threshold};

/// A criterion as figures show it: its title and what it proves come from the record, so that a new
/// criterion needs no line here.
#[derive(Clone, Debug, PartialEq)]
pub struct CriterionStyle {
    /// Which.
    pub name: CriterionName,
    /// Its title.
    pub title: String,
    /// What its threshold proves.
    pub proves: Proves,
}

/// Colour, shape on the points and stroke.
type LineStyle = (Ink, Marker, Dash);

/// The line styles of criteria that must be told apart at a glance. Necessary bounds share a colour and differ in
/// shape.
const STYLES: [(&str, LineStyle); 12] = [
    ("mean-square", (Ink::Series(0), Marker::Circle, Dash::Solid)),
    ("reshuffled", (Ink::Series(0), Marker::Square, Dash::Dashed)),
    ("single-order", (Ink::Series(0), Marker::Diamond, Dash::Dashed)),
    ("theorem-1", (Ink::Series(1), Marker::Triangle, Dash::Dashed)),
    ("rectangle", (Ink::Series(2), Marker::Square, Dash::Solid)),
    ("almost-sure", (Ink::Series(3), Marker::Diamond, Dash::Solid)),
    ("worst-example", (Ink::Series(4), Marker::Ring, Dash::Dotted)),
    ("top-direction", (Ink::Series(5), Marker::Wedge, Dash::Dotted)),
    ("traces", (Ink::Series(5), Marker::Plus, Dash::Dotted)),
    ("best-direction", (Ink::Series(5), Marker::Cross, Dash::Dotted)),
    ("gradient-descent", (Ink::Muted, Marker::Ring, Dash::Dashed)),
    ("decoupled", (Ink::Muted, Marker::Plus, Dash::Dotted)),
];

impl CriterionStyle {
    /// Of a threshold's criterion. `proves` is the criterion's own where a threshold may prove less.
    pub fn of(threshold: &Threshold) -> Self {
        let Threshold { criterion, title, proves, .. } = threshold;
        Self { name: criterion.clone(), title: title.clone(), proves: *proves }
    }

    /// Name in legends.
    pub fn label(&self) -> Text {
        let proves = match self.proves {
            Proves::StayingBelow => " (sufficient)",
            Proves::LeavingAbove => " (necessary)",
            Proves::Both | Proves::Nothing => "",
        };
        Text::plain(format!("{}{proves}", self.title))
    }

    /// Colour.
    pub fn ink(&self) -> Ink {
        self.line_style().0
    }

    /// Shape on the points.
    pub fn marker(&self) -> Marker {
        self.line_style().1
    }

    /// Stroke: dashed or dotted for bounds.
    pub fn dash(&self) -> Dash {
        self.line_style().2
    }

    /// Whether the threshold grows with B without limit, so that it must not set an axis.
    pub fn is_unlimited(&self) -> bool {
        self.name == CriterionName::WORST_EXAMPLE || self.name == CriterionName::WORST_BATCH
    }

    fn line_style(&self) -> LineStyle {
        let known = STYLES.iter().find(|(name, _)| *name == self.name.as_str());
        known.map_or_else(
            || match self.proves {
                Proves::StayingBelow => (Ink::Series(1), Marker::Wedge, Dash::Dashed),
                Proves::LeavingAbove => (Ink::Series(5), Marker::Square, Dash::Dotted),
                Proves::Both => (Ink::Series(0), Marker::Diamond, Dash::Solid),
                Proves::Nothing => (Ink::Muted, Marker::Square, Dash::Dotted),
            },
            |(_, line_style)| *line_style,
        )
    }
}
