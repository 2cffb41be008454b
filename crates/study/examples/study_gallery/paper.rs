//! Sample data that only the study has: published numbers and the one-dimensional example.

use minimascope_record::batch_size::BatchSize;
use minimascope_record::escape::{ToyEnd, ToyEscape, ToyFates, ToyMinimum};
use minimascope_record::stability::Verdict;
use minimascope_record::training::{Loss, Sampling};
use minimascope_study::published::{
    Published, PublishedCell, PublishedEscape, PublishedPowerLaw, PublishedTable, Spread,
};
use minimascope_study::toy::{DrawnPath, ToyFigure, ToyFunction};

use super::sample::Uniform;
use super::sample::stored_runs::{FNN, critical};

/// Published numbers, near the real ones.
pub(crate) fn published() -> Published {
    let spread = |mean: f64, deviation: f64| Some(Spread { mean, deviation: Some(deviation) });
    let cell = |table, rate, batch_size, a, s| PublishedCell {
        source: "a paper".into(),
        table,
        network: FNN.into(),
        learning_rate: rate,
        batch_size,
        gains: vec![1.0],
        runs: Some(5),
        sharpness: a,
        non_uniformity: s,
        train_accuracy: None,
        test_accuracy: None,
        sharpness_range: None,
        note: None,
    };
    let all = BatchSize::All;
    let mut diagram =
        cell(PublishedTable::Diagram, 0.5, BatchSize::Examples(10), None, spread(4.3, 0.9));
    diagram.gains = vec![0.5, 1.0, 1.5];
    diagram.sharpness_range = Some([0.9, 1.7]);
    diagram.note = Some("some lie above".into());
    Published {
        loss: Loss::MeanSquaredError,
        train_examples: 1000,
        cell: vec![
            cell(PublishedTable::GradientDescent, 0.1, all, spread(19.6, 0.15), None),
            cell(PublishedTable::BatchSize, 0.1, all, spread(19.7, 0.3), spread(45.1, 2.1)),
            diagram,
            cell(
                PublishedTable::Slides,
                0.1,
                all,
                Some(Spread { mean: 19.9, deviation: None }),
                None,
            ),
        ],
        escape: vec![PublishedEscape {
            source: "a paper".into(),
            network: FNN.into(),
            start_sharpness: 19.7,
            learning_rate: 0.1,
            batch_size: BatchSize::Examples(4),
            left: true,
            end_sharpness: Some(6.7),
            note: None,
        }],
        power_law: vec![PublishedPowerLaw {
            source: "a paper".into(),
            network: FNN.into(),
            slope: 0.8,
            ratio: 1.8,
            correlation: 0.97,
        }],
    }
}

/// The one-dimensional example as a record.
pub(crate) fn toy_record() -> ToyEscape {
    let minimum = |position: f64, s: f64, verdict| ToyMinimum {
        position,
        sharpness: 2.0,
        non_uniformity: s,
        critical_learning_rate: critical(2.0, s.max(0.1), 1),
        almost_sure_closed_form: 0.56,
        verdict,
        margin: 1.2,
        mean_square_growth: 0.16 + 0.49 * s * s,
    };
    ToyEscape {
        schema_version: 1,
        curvatures: [0.2, 3.8],
        learning_rate: 0.7,
        batch_size: 1,
        sampling: Sampling::IndependentBatches,
        start: 1.00001,
        steps: 500,
        minima: vec![minimum(0.0, 0.0, Verdict::Stays), minimum(1.0, 1.8, Verdict::Leaves)],
        sgd: ToyFates {
            seeds: 1000,
            at_zero: 1000,
            median_departure: Some(30),
            ..ToyFates::default()
        },
        gradient_descent: ToyEnd::AtOne,
        figure: None,
    }
}

/// The one-dimensional example as a figure.
pub(crate) fn toy() -> ToyFigure {
    let eta = 0.7;
    let curvatures = [0.1, 1.9];
    let part = |x: f64, c: f64| f64::min(x * x, c * (x - 1.0).powi(2));
    let slope = |x: f64, c: f64| {
        if x * x <= c * (x - 1.0).powi(2) { 2.0 * x } else { 2.0 * c * (x - 1.0) }
    };
    let objective = |x: f64| 0.5 * (part(x, curvatures[0]) + part(x, curvatures[1]));
    let mut uniform = Uniform(11);
    let mut path = |label: &str, stochastic: bool| {
        let mut x = 1.0 + 1e-5;
        let mut iterates = vec![[x, objective(x)]];
        for _ in 0..500 {
            let gradient = if stochastic {
                slope(x, curvatures[usize::from(uniform.next() < 0.5)])
            } else {
                0.5 * (slope(x, curvatures[0]) + slope(x, curvatures[1]))
            };
            x -= eta * gradient;
            iterates.push([x, objective(x)]);
        }
        DrawnPath { label: label.to_owned(), iterates }
    };
    let paths = vec![path("GD", false), path("SGD, B = 1", true)];
    let grid: Vec<f64> = (0..=300).map(|index| -0.6 + 2.2 * f64::from(index) / 300.0).collect();
    let function = |symbol: &str, value: &dyn Fn(f64) -> f64| ToyFunction {
        symbol: symbol.to_owned(),
        points: grid.iter().map(|&x| [x, value(x)]).collect(),
    };
    ToyFigure {
        title: "Two minima of the same sharpness".to_owned(),
        subtitle: "a = 2 at both; η = 0.7, start at x = 1 + 1e-5, 500 iterations".to_owned(),
        functions: vec![
            function("*f*_{1}", &|x| part(x, curvatures[0])),
            function("*f*_{2}", &|x| part(x, curvatures[1])),
            function("*f* = (*f*_{1} + *f*_{2})/2", &objective),
        ],
        paths,
    }
}
