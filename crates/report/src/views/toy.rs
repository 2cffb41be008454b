//! The one-dimensional example.

use minimascope_record::escape::ToyEscape;
use minimascope_record::training::Sampling;

use crate::figures::toy::{Function, Path, Toy};

/// The example with `functions` f₁, f₂ and f as `[x, value]`, and the paths of gradient descent and
/// of one SGD as `[x_t, f(x_t)]`.
pub fn toy(
    record: &ToyEscape,
    functions: [Vec<[f64; 2]>; 3],
    [gradient_descent, sgd]: [Vec<[f64; 2]>; 2],
) -> Toy {
    let [first, second] = record.curvatures;
    let symbols = ["*f*_{1}(*x*)", "*f*_{2}(*x*)", "*f*(*x*)"];
    let named = symbols.into_iter().zip(functions);
    Toy {
        title: "Two minima of a function, of which SGD keeps one".into(),
        subtitle: format!(
            "curvatures {first} and {second} at x = 1, 2 and 2 at x = 0; η = {}, start {}, {}",
            record.learning_rate,
            record.start,
            batches(record.sampling)
        ),
        functions: named
            .map(|(symbol, points)| Function { symbol: symbol.into(), points })
            .collect(),
        paths: vec![
            Path { label: "GD".into(), iterates: gradient_descent },
            Path { label: "SGD, B = 1".into(), iterates: sgd },
        ],
    }
}

/// How batches are drawn, in words.
pub(crate) fn batches(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::ReshuffledEpochs => "reshuffled epochs",
        Sampling::IndependentBatches => "independent batches",
        Sampling::WithReplacement => "with replacement",
    }
}
