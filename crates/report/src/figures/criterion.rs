//! The look of each stability criterion, the same in every figure.

use minimascope_plot::{Dash, Ink, Marker, Text};

/// A criterion that gives a critical learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CriterionStyle {
    /// Wu, Ma & E 2018, theorem 1: sufficient, a lower bound.
    Theorem1,
    /// Both halves of the same paper's rectangle: neither bound.
    Rectangle,
    /// The exact mean-square threshold, as estimated in a subspace.
    Exact,
    /// Necessary: from the Hessian's top pair.
    TopPairBound,
    /// Necessary: from traces and Frobenius norms.
    TraceBound,
    /// Necessary: the worst direction.
    DirectionBound,
    /// Sign of the Lyapunov exponent of the random product.
    AlmostSure,
    /// 2B over the largest example's curvature.
    WorstExample,
    /// Gradient descent's 2/a.
    GradientDescent,
    /// The decoupled-noise approximation: neither bound.
    Decoupled,
}

impl CriterionStyle {
    /// Name in legends.
    pub fn label(self) -> Text {
        Text::markup(match self {
            CriterionStyle::Theorem1 => "Theorem 1 (sufficient)",
            CriterionStyle::Rectangle => "rectangle",
            CriterionStyle::Exact => "exact, mean square",
            CriterionStyle::TopPairBound => "top-pair bound (necessary)",
            CriterionStyle::TraceBound => "trace bound (necessary)",
            CriterionStyle::DirectionBound => "direction bound (necessary)",
            CriterionStyle::AlmostSure => "almost sure",
            CriterionStyle::WorstExample => "worst example, 2*B*/max λ_{max}(*H*_{i})",
            CriterionStyle::GradientDescent => "gradient descent, 2/*a*",
            CriterionStyle::Decoupled => "decoupled noise (approximation)",
        })
    }

    /// Colour: necessary bounds share one and differ in shape.
    pub fn ink(self) -> Ink {
        match self {
            CriterionStyle::Exact => Ink::Series(0),
            CriterionStyle::Theorem1 => Ink::Series(1),
            CriterionStyle::Rectangle => Ink::Series(2),
            CriterionStyle::TopPairBound
            | CriterionStyle::TraceBound
            | CriterionStyle::DirectionBound => Ink::Series(5),
            CriterionStyle::AlmostSure => Ink::Series(3),
            CriterionStyle::WorstExample => Ink::Series(4),
            CriterionStyle::GradientDescent | CriterionStyle::Decoupled => Ink::Muted,
        }
    }

    /// Shape on the points.
    pub fn marker(self) -> Marker {
        match self {
            CriterionStyle::Exact => Marker::Circle,
            CriterionStyle::Theorem1 => Marker::Triangle,
            CriterionStyle::Rectangle => Marker::Square,
            CriterionStyle::TopPairBound => Marker::Wedge,
            CriterionStyle::TraceBound | CriterionStyle::Decoupled => Marker::Plus,
            CriterionStyle::DirectionBound => Marker::Cross,
            CriterionStyle::AlmostSure => Marker::Diamond,
            CriterionStyle::WorstExample | CriterionStyle::GradientDescent => Marker::Ring,
        }
    }

    /// Stroke: dashed or dotted for bounds.
    pub fn dash(self) -> Dash {
        match self {
            CriterionStyle::Exact | CriterionStyle::AlmostSure | CriterionStyle::Rectangle => {
                Dash::Solid
            }
            CriterionStyle::Theorem1 | CriterionStyle::GradientDescent => Dash::Dashed,
            _ => Dash::Dotted,
        }
    }
}
