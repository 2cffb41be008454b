//! Runs: training and the escape.

use minimascope_report::figures::escape::{EscapeFigure, EscapeRun, EscapeStart, GrowthLine};
use minimascope_report::figures::training_curves::TrainingCurves;

use super::Uniform;

pub(crate) fn training_curves() -> TrainingCurves {
    let mut uniform = Uniform(5);
    let steps = 31_300;
    let sharpness = |t: f64| 4.0 + 15.73 * (1.0 - (-t / 6000.0).exp());
    let every = |stride: usize| (0..=steps).step_by(stride).map(|step| step as f64);
    TrainingCurves {
        title: "Fashion-MNIST FNN, gradient descent, η = 0.1".to_owned(),
        subtitle: "n = 1,000, B = n; converged after 31,300 iterations".to_owned(),
        loss_name: "mean squared error over outputs".to_owned(),
        loss: every(1)
            .map(|t| [t, 0.09 * (-t / 4600.0).exp() * (1.0 + 0.15 * uniform.next())])
            .collect(),
        loss_tolerance: Some(1e-4),
        train_accuracy: every(313).map(|t| [t, 1.0 - 0.9 * (-t / 2500.0).exp()]).collect(),
        test_accuracy: every(313).map(|t| [t, 0.795 - 0.695 * (-t / 1500.0).exp()]).collect(),
        sharpness: every(1565).map(|t| [t, sharpness(t)]).collect(),
        sharpness_limit: 20.0,
        non_uniformity: every(1565).map(|t| [t, 2.3 * sharpness(t)]).collect(),
        non_uniformity_limit: None,
    }
}

pub(crate) fn escape() -> EscapeFigure {
    let mut uniform = Uniform(17);
    let run = |uniform: &mut Uniform, label: &str, leaves: bool, end: [f64; 3]| {
        let mut steps: Vec<f64> = (0..=60).map(f64::from).collect();
        steps.extend((62..=200).step_by(2).map(f64::from));
        steps.extend((210..=3000).step_by(10).map(f64::from));
        let [a, s, test] = end;
        let loss = |t: f64, noise: f64| {
            if !leaves {
                return 1e-4 * (-t / 4000.0).exp() * (0.8 + 0.4 * noise);
            }
            let rise = 1e-4 * 1.26_f64.powf(t);
            let fall = 0.03 * (-t / 500.0).exp() + 6e-5;
            rise.min(fall) * (0.5 + noise)
        };
        let change = |t: f64| if leaves { 1.0 - (-t / 45.0).exp() } else { t / 3000.0 };
        let accuracy = |t: f64, start: f64, dip: f64, end: f64, noise: f64| {
            let depth = if leaves { (t / 32.0) * (1.0 - t / 32.0).exp() } else { 0.0 };
            start + (end - start) * change(t) - dip * depth + 0.002 * (noise - 0.5) * depth
        };
        let trace = |uniform: &mut Uniform, value: &dyn Fn(f64, f64) -> f64| {
            steps.iter().map(|&t| [t, value(t, uniform.next())]).collect::<Vec<_>>()
        };
        let mut traces = |value: &dyn Fn(f64, f64) -> f64| trace(uniform, value);
        EscapeRun {
            label: label.to_owned(),
            sharpness_limit: 20.0,
            left_at: leaves.then_some(14.0),
            loss: traces(&loss),
            train_accuracy: traces(&|t, noise| accuracy(t, 1.0, 0.105, 1.0, noise)),
            test_accuracy: traces(&|t, noise| accuracy(t, 0.8, 0.05, test, noise)),
            sharpness: traces(&|t, noise| 19.7 + (a - 19.7) * change(t) + 0.2 * noise)
                .into_iter()
                .step_by(14)
                .collect(),
            non_uniformity: traces(&|t, noise| 45.4 + (s - 45.4) * change(t) + 0.5 * noise)
                .into_iter()
                .step_by(14)
                .collect(),
            fitted: leaves.then_some(GrowthLine {
                first: 2.0,
                last: 22.0,
                value: 1.2e-4,
                factor: 1.263,
            }),
            predicted: leaves.then_some(GrowthLine {
                first: 2.0,
                last: 22.0,
                value: 1.2e-4,
                factor: 1.241,
            }),
        }
    };
    let runs = vec![
        run(&mut uniform, "SGD, η = 0.1, B = 4", true, [6.7, 17.0, 0.804]),
        run(&mut uniform, "SGD, η = 0.1, B = 100", false, [19.5, 44.6, 0.8]),
    ];
    EscapeFigure {
        title: "Escape from the minimum of gradient descent".to_owned(),
        subtitle: "Fashion-MNIST FNN, n = 1,000; start: GD, η = 0.1, 31,300 iterations".to_owned(),
        loss_name: "mean squared error over outputs".to_owned(),
        start: EscapeStart {
            loss: 1e-4,
            train_accuracy: 1.0,
            test_accuracy: 0.8,
            sharpness: 19.73,
            non_uniformity: 45.45,
        },
        departure: 60.0,
        runs,
    }
}
