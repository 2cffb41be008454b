//! Critical learning rates and launches against them.

use minimascope_report::figures::agreement::{
    AgreementCell, AgreementFigure, AgreementPanel, Observed, Predicted,
};
use minimascope_report::figures::boundary::{
    Boundary, BoundaryBracket, BoundaryPanel, CriterionCurve, Critical,
};
use minimascope_report::figures::criterion::CriterionStyle;

use super::{N, noise_factor};

fn batch_sizes() -> Vec<f64> {
    let mut sizes: Vec<f64> = (0..10).map(|power| f64::from(1 << power)).collect();
    sizes.push(N);
    sizes
}

fn curve(criterion: CriterionStyle, error: f64, value: impl Fn(f64) -> f64) -> CriterionCurve {
    let values = batch_sizes().into_iter().map(|batch_size| Critical {
        batch_size,
        learning_rate: value(batch_size),
        standard_error: (error > 0.0).then(|| error * value(batch_size)),
    });
    CriterionCurve { criterion, values: values.collect() }
}

/// Sharpness and non-uniformity of the two networks' GD(0.1) minima.
const MINIMA: [(&str, f64, f64); 2] = [
    ("Fashion-MNIST FNN, minimum of GD(η = 0.1)", 19.73, 45.45),
    ("CIFAR-10 VGG, minimum of GD(η = 0.1)", 19.8, 59.2),
];

fn exact(a: f64, s: f64, batch_size: f64) -> f64 {
    2.0 * a / (a * a + 0.45 * noise_factor(batch_size) * s * s)
}

fn theorem1(a: f64, s: f64, batch_size: f64) -> f64 {
    2.0 * a / (a * a + noise_factor(batch_size) * s * s)
}

fn bracket(a: f64, s: f64) -> Vec<BoundaryBracket> {
    let at = |batch_size| BoundaryBracket {
        batch_size,
        lower: theorem1(a, s, batch_size),
        upper: 1.04 * exact(a, s, batch_size),
    };
    batch_sizes().into_iter().map(at).collect()
}

pub(crate) fn boundary() -> Boundary {
    let panel = |(title, a, s): (&str, f64, f64)| BoundaryPanel {
        title: title.to_owned(),
        bracket: bracket(a, s),
        curves: vec![
            curve(CriterionStyle::GradientDescent, 0.0, |_| 2.0 / a),
            curve(CriterionStyle::TopPairBound, 0.0, |b| {
                2.0 * a / (a * a + 0.3 * noise_factor(b) * s * s)
            }),
            curve(CriterionStyle::TraceBound, 0.0, |b| {
                (2.4 * a / (a * a + 0.2 * noise_factor(b) * s * s)).max(1.05 * exact(a, s, b))
            }),
            curve(CriterionStyle::Rectangle, 0.0, |b| {
                f64::min(2.0 / a, 1.0 / (s * noise_factor(b).max(1e-12).sqrt()))
            }),
            curve(CriterionStyle::WorstExample, 0.0, |b| 2.0 * b / 420.0),
            curve(CriterionStyle::AlmostSure, 0.04, |b| 1.15 * exact(a, s, b) * (1.0 + 0.4 / b)),
            curve(CriterionStyle::Theorem1, 0.0, |b| theorem1(a, s, b)),
            curve(CriterionStyle::Exact, 0.0, |b| exact(a, s, b)),
        ],
        trained_with: Some([N, 0.1]),
    };
    Boundary {
        title: "Critical learning rate against batch size".to_owned(),
        subtitle: "n = 1,000; exact threshold in the span of the top 400 modes".to_owned(),
        panels: MINIMA.map(panel).to_vec(),
    }
}

pub(crate) fn agreement() -> AgreementFigure {
    let panel = |(title, a, s): (&str, f64, f64)| {
        let bracket = bracket(a, s);
        let sizes = [1.0, 4.0, 10.0, 25.0, 100.0, N];
        let rates = [0.003, 0.01, 0.03, 0.06, 0.09, 0.12, 0.3];
        let cell = |batch_size: f64, learning_rate: f64| {
            let lower = theorem1(a, s, batch_size);
            let upper = 1.04 * exact(a, s, batch_size);
            let predicted = if learning_rate < lower {
                Predicted::Stays
            } else if learning_rate > upper {
                Predicted::Leaves
            } else {
                Predicted::NotDecided
            };
            let observed = if learning_rate > 1.2 * exact(a, s, batch_size) {
                Observed::Leaves
            } else {
                Observed::Stays
            };
            AgreementCell { learning_rate, batch_size, observed, predicted }
        };
        let cells = sizes.iter().flat_map(|&size| rates.iter().map(move |&rate| cell(size, rate)));
        AgreementPanel {
            title: title.to_owned(),
            curves: vec![curve(CriterionStyle::Exact, 0.0, |b| exact(a, s, b))],
            bracket,
            cells: cells.collect(),
        }
    };
    AgreementFigure {
        title: "Who stays and who leaves".to_owned(),
        subtitle: "Launches from each minimum, 1 seed a cell, 2,000 iterations".to_owned(),
        panels: MINIMA.map(panel).to_vec(),
    }
}
