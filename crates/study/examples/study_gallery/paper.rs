//! What only the page of the study shows: published numbers, here made up beside the small runs, and
//! the one-dimensional example.

use minimascope_experiment::escape::toy;
use minimascope_record::batch_size::BatchSize;
use minimascope_record::escape::ToyEscape;
use minimascope_record::training::Loss;
use minimascope_study::published::{
    Published, PublishedCell, PublishedEscape, PublishedPowerLaw, PublishedTable, Spread,
};
use minimascope_study::toy::ToyFigure;

const NETWORK: &str = "architecture";

/// Published numbers, as if a paper had them of the small network.
pub(crate) fn published() -> Published {
    let spread = |mean: f64, deviation: f64| Some(Spread { mean, deviation: Some(deviation) });
    let cell = |table, rate, batch_size, a, s| PublishedCell {
        source: "a paper".into(),
        table,
        network: NETWORK.into(),
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
        cell(PublishedTable::Diagram, 0.25, BatchSize::Examples(10), None, spread(7.0, 0.5));
    diagram.gains = vec![0.5, 1.0, 1.5];
    diagram.sharpness_range = Some([6.0, 7.0]);
    diagram.note = Some("some lie above".into());
    Published {
        loss: Loss::MeanSquaredError,
        train_examples: 40,
        cell: vec![
            cell(PublishedTable::GradientDescent, 0.1, all, spread(19.9, 0.15), None),
            cell(PublishedTable::BatchSize, 0.1, all, spread(19.9, 0.3), spread(19.5, 1.1)),
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
            network: NETWORK.into(),
            start_sharpness: 19.9,
            learning_rate: 0.1,
            batch_size: BatchSize::Examples(2),
            left: true,
            end_sharpness: Some(9.3),
            note: None,
        }],
        power_law: vec![PublishedPowerLaw {
            source: "a paper".into(),
            network: NETWORK.into(),
            slope: 0.9,
            ratio: 1.0,
            correlation: 0.97,
        }],
    }
}

/// The one-dimensional example as a record and as a figure.
pub(crate) fn toy() -> (ToyEscape, ToyFigure) {
    let (record, paths) = toy::launch(&toy::ToyLaunch::default()).unwrap();
    let figure = ToyFigure::new(&record, &paths);
    (record, figure)
}
