//! Where minima lie, and which examples make them non-uniform.

use minimascope_plot::Image;
use minimascope_report::figures::attribution::{AttributedExample, AttributionFigure};
use minimascope_report::figures::diagram::{Diagram, DiagramMinimum, DiagramPanel, Group};
use minimascope_report::figures::spectral_density::{DensityCurve, SpectralDensityFigure};

use super::{N, Uniform, noise_factor};

pub(crate) fn diagram() -> Diagram {
    let mut uniform = Uniform(3);
    let mut panel = |title: &str, eta: f64, cells: [(f64, f64, f64, f64, f64); 4]| DiagramPanel {
        title: title.to_owned(),
        sharpness_limit: 2.0 / eta,
        groups: cells
            .map(|(batch_size, low, high, s, spread)| {
                let p = noise_factor(batch_size);
                let boundary = (0..=60).map(|index| {
                    let a = 2.0 / eta * f64::from(index) / 60.0;
                    [a, ((1.0 - (1.0 - eta * a).powi(2)) / (eta * eta * p)).sqrt()]
                });
                let minima = (0..15).map(|_| {
                    let share = uniform.next();
                    let sharpness = low + share * (high - low);
                    DiagramMinimum::new(
                        sharpness,
                        s + spread * (2.0 * share - 1.0) + 0.05 * uniform.next(),
                    )
                });
                let limited = p > 0.0;
                Group {
                    label: if limited { format!("SGD, B = {batch_size}") } else { "GD".to_owned() },
                    non_uniformity_limit: limited.then(|| 1.0 / (eta * p.sqrt())),
                    minima: minima.collect(),
                    published: Vec::new(),
                    boundary: if limited { boundary.collect() } else { Vec::new() },
                }
            })
            .to_vec(),
    };
    Diagram {
        title: "Where the minima lie".to_owned(),
        subtitle: "15 runs a batch size: 3 initialisation gains × 5 seeds; n = 1,000".to_owned(),
        panels: vec![
            panel(
                "Fashion-MNIST FNN, η = 0.5",
                0.5,
                [
                    (4.0, 0.67, 0.83, 2.27, 0.07),
                    (10.0, 0.88, 1.72, 4.27, 0.92),
                    (25.0, 1.51, 3.26, 7.94, 2.8),
                    (N, 3.57, 4.01, 12.9, 0.6),
                ],
            ),
            panel(
                "CIFAR-10 VGG, η = 0.1",
                0.1,
                [
                    (4.0, 5.9, 7.4, 11.1, 1.6),
                    (10.0, 4.4, 6.1, 9.16, 1.5),
                    (25.0, 8.1, 11.2, 25.6, 4.0),
                    (N, 19.3, 20.0, 59.2, 3.0),
                ],
            ),
        ],
    }
}

pub(crate) fn spectral_density() -> SpectralDensityFigure {
    let density = |label: &str, top: f64, bulk: f64, extent: f64| {
        let points: Vec<[f64; 2]> = (0..400)
            .map(|index| {
                let value = -0.5 + (extent + 0.5) * f64::from(index) / 399.0;
                let kernel = |middle: f64, width: f64, weight: f64| {
                    let z = (value - middle) / width;
                    weight * (-0.5 * z * z).exp() / width
                };
                let tail =
                    if value > 0.0 { bulk * 1e-4 * (-value / (0.25 * top)).exp() } else { 0.0 };
                let outliers = (1..9).map(|k| kernel(top / f64::from(k * k).sqrt(), 0.2, 1e-6));
                [value, kernel(0.0, 0.05, 1.0) + tail + outliers.sum::<f64>()]
            })
            .collect();
        DensityCurve {
            label: label.to_owned(),
            standard_error: points.iter().map(|point| 0.3 * point[1]).collect(),
            points,
            eigenvalues: (1..9).map(|k| top / f64::from(k * k).sqrt()).collect(),
        }
    };
    SpectralDensityFigure {
        title: "Spectral density of the Hessian at the minima of GD and SGD".to_owned(),
        subtitle: "Fashion-MNIST FNN, η = 0.1; 10 probes, 90 Lanczos steps".to_owned(),
        floor: 1e-9,
        sharpness_limit: Some(20.0),
        densities: vec![density("GD", 19.73, 1.0, 22.0), density("SGD, B = 10", 7.85, 0.6, 22.0)],
    }
}

pub(crate) fn attribution() -> AttributionFigure {
    let picture = |seed: u64| {
        let mut uniform = Uniform(seed);
        let (neck, waist) = (3.0 + 3.0 * uniform.next(), 6.0 + 4.0 * uniform.next());
        let pixels = (0..28 * 28).map(|index| {
            let (x, y) = (f64::from(index % 28) - 13.5, f64::from(index / 28));
            let half = if (3.0..9.0).contains(&y) { 13.0 - 0.4 * y } else { waist };
            let shirt = (2.0..26.0).contains(&y) && x.abs() < half && !(y < 5.0 && x.abs() < neck);
            if shirt { (120.0 + 120.0 * uniform.next()) as u8 } else { 0 }
        });
        Image::new(28, 28, 1, pixels.collect()).ok()
    };
    let shares = [0.121, 0.083, 0.064, 0.048, 0.041, 0.035, 0.029, 0.022, 0.020, 0.018];
    let labels = ["shirt", "coat", "pullover", "shirt (given as bag)", "sneaker"];
    let examples = shares.iter().enumerate().map(|(rank, &share)| AttributedExample {
        index: (rank * 337 + 41) % 1000,
        label: labels[rank % labels.len()].to_owned(),
        share,
        image: picture(rank as u64 + 1),
    });
    AttributionFigure {
        title: "Which examples make the minimum non-uniform".to_owned(),
        subtitle: "Fashion-MNIST FNN, minimum of GD(η = 0.1), s = 45.45".to_owned(),
        examples: examples.collect(),
        population: 1000,
        batch_size: 4,
        directions: 400,
        left_out: vec![[0.0, 0.0402], [1.0, 0.0421], [2.0, 0.0443], [5.0, 0.0478], [10.0, 0.0551]],
    }
}
