//! The stability criteria as they look in every figure.

use minimascope_plot::{Dash, Ink, Marker, Text};

/// A criterion that gives a critical learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
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

impl Criterion {
    /// Name in legends.
    pub fn label(self) -> Text {
        Text::markup(match self {
            Criterion::Theorem1 => "Theorem 1 (sufficient)",
            Criterion::Rectangle => "rectangle",
            Criterion::Exact => "exact, mean square",
            Criterion::TopPairBound => "top-pair bound (necessary)",
            Criterion::TraceBound => "trace bound (necessary)",
            Criterion::DirectionBound => "direction bound (necessary)",
            Criterion::AlmostSure => "almost sure",
            Criterion::WorstExample => "worst example, 2*B*/max λ_{max}(*H*_{i})",
            Criterion::GradientDescent => "gradient descent, 2/*a*",
            Criterion::Decoupled => "decoupled noise (approximation)",
        })
    }

    /// Colour: necessary bounds share one and differ in shape.
    pub fn ink(self) -> Ink {
        match self {
            Criterion::Exact => Ink::Series(0),
            Criterion::Theorem1 => Ink::Series(1),
            Criterion::Rectangle => Ink::Series(2),
            Criterion::TopPairBound | Criterion::TraceBound | Criterion::DirectionBound => {
                Ink::Series(5)
            }
            Criterion::AlmostSure => Ink::Series(3),
            Criterion::WorstExample => Ink::Series(4),
            Criterion::GradientDescent | Criterion::Decoupled => Ink::Muted,
        }
    }

    /// Shape on the points.
    pub fn marker(self) -> Marker {
        match self {
            Criterion::Exact => Marker::Circle,
            Criterion::Theorem1 => Marker::Triangle,
            Criterion::Rectangle => Marker::Square,
            Criterion::TopPairBound => Marker::Wedge,
            Criterion::TraceBound | Criterion::Decoupled => Marker::Plus,
            Criterion::DirectionBound => Marker::Cross,
            Criterion::AlmostSure => Marker::Diamond,
            Criterion::WorstExample | Criterion::GradientDescent => Marker::Ring,
        }
    }

    /// Stroke: bounds are broken.
    pub fn dash(self) -> Dash {
        match self {
            Criterion::Exact | Criterion::AlmostSure | Criterion::Rectangle => Dash::Solid,
            Criterion::Theorem1 | Criterion::GradientDescent => Dash::Dashed,
            _ => Dash::Dotted,
        }
    }
}
