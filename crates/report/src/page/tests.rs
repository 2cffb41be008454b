//! The page of a folder of runs, of the gallery's runs. The tests of the crate `study` look at every section
//! with published values, and at the page of a run.

use super::*;
use crate::figures::tests::parsed_svg::ParsedSvg;
use crate::figures::tests::sample;

fn page_of(runs: &[StoredRun], references: &References) -> Document {
    folder(&Inputs { runs, sheets: &sample::sheets(), references })
}

fn marks(page: &Document, identifier: &str) -> usize {
    let found = page.figures().find(|figure| figure.identifier == identifier);
    let figure = found.unwrap_or_else(|| panic!("{identifier} is missing"));
    ParsedSvg::read(&figure.to_svg(minimascope_plot::Theme::Auto).unwrap()).marks
}

#[test]
fn a_folder_has_every_general_section() {
    let page = page_of(&sample::runs(), &References::default());
    let titles: Vec<&str> = page.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Setup",
            "Training curves",
            "Sharpness and non-uniformity",
            "Batch size",
            "Non-uniformity against sharpness",
            "GD and SGD",
            "Escape",
            "Learning rate and batch size",
            "Distance to each threshold",
            "Noise scale and other optimisers",
            "Spectral density",
            "Wrong labels",
            "Every run",
        ]
    );
    assert!(page.to_html() == page.to_html());
}

#[test]
fn published_values_are_shown_beside_the_runs_that_they_are_about() {
    let runs = sample::runs();
    let plain = page_of(&runs, &References::default());
    let of = |rate: f64| {
        let wanted = |run: &&StoredRun| {
            let config = &run.config;
            run.result.as_ref().is_some_and(|result| {
                result.model == "architecture"
                    && result.corrupted_examples.is_empty()
                    && result.batch_size == result.train_examples
                    && config.train.learning_rate == rate
                    && config.initialization.gain == 1.0
            })
        };
        runs.iter().find(wanted).unwrap().run.clone()
    };
    let value = |mean: f64| Some(ReferenceValue { mean, deviation: Some(0.1) });
    let values = ReferenceValues {
        source: "a paper".into(),
        sharpness: value(19.9),
        non_uniformity: value(19.5),
        test_accuracy: None,
    };
    let mut references = References::default();
    references.batch_size.insert(of(0.1), values);
    references.power_laws.push("a paper: slope about 0.8.".into());
    let page = page_of(&runs, &references);
    // One ring in the panel of a, one in that of s.
    let name = "batch-size-architecture";
    assert_eq!(marks(&page, name), marks(&plain, name) + 2);
    assert!(page.to_html().contains("a paper: slope about 0.8."));
    assert!(!plain.to_html().contains("a paper"));
}

#[test]
fn training_curves_are_drawn_of_runs_that_recorded_them() {
    let run = sample::one_run();
    let page = page_of(std::slice::from_ref(&run), &References::default());
    let name = slug(&format!("training-{}", run.run));
    assert!(marks(&page, &name) > 0);
}
