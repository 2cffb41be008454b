//! Sample data near the published results of Wu, Ma & E (NeurIPS 2018): enough to see every figure
//! as it will be. Curves between published points are drawn by formula, not measured.

use minimascope_report::figures::agreement::{
    Agreement, AgreementPanel, Cell, Observed, Predicted,
};
use minimascope_report::figures::blame::{Blame, BlamedExample};
use minimascope_report::figures::boundary::{
    Boundary, BoundaryPanel, Bracket, CriterionCurve, Critical,
};
use minimascope_report::figures::criterion::Criterion;
use minimascope_report::figures::diagram::{Diagram, DiagramPanel, Group, Minimum};
use minimascope_report::figures::escape::{Escape, EscapeRun, Growth, Start};
use minimascope_report::figures::spectral_density::{Density, SpectralDensity};
use minimascope_report::figures::toy::{Function, Path, Toy};
use minimascope_report::figures::training_curves::TrainingCurves;
use minimascope_report::{Figure, Image};

/// Every figure, once.
pub(crate) fn figures() -> Vec<Figure> {
    vec![
        diagram().figure(),
        training_curves().figure(),
        boundary().figure(),
        spectral_density().figure(),
        toy().figure(),
        escape().figure(),
        agreement().figure(),
        blame().figure(),
    ]
}

/// Numbers in [0, 1) that are the same everywhere (Knuth's MMIX generator).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        let (multiplier, increment) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(multiplier).wrapping_add(increment);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

const N: f64 = 1000.0;

fn noise_factor(batch_size: f64) -> f64 {
    (N - batch_size) / (batch_size * (N - 1.0))
}

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
                    Minimum {
                        sharpness: low + share * (high - low),
                        non_uniformity: s + spread * (2.0 * share - 1.0) + 0.05 * uniform.next(),
                    }
                });
                let limited = p > 0.0;
                Group {
                    label: if limited { format!("SGD, B = {batch_size}") } else { "GD".to_owned() },
                    non_uniformity_limit: limited.then(|| 1.0 / (eta * p.sqrt())),
                    minima: minima.collect(),
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

fn batch_sizes() -> Vec<f64> {
    let mut sizes: Vec<f64> = (0..10).map(|power| f64::from(1 << power)).collect();
    sizes.push(N);
    sizes
}

fn curve(criterion: Criterion, error: f64, value: impl Fn(f64) -> f64) -> CriterionCurve {
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

fn bracket(a: f64, s: f64) -> Vec<Bracket> {
    let at = |batch_size| Bracket {
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
            curve(Criterion::GradientDescent, 0.0, |_| 2.0 / a),
            curve(Criterion::TopPairBound, 0.0, |b| {
                2.0 * a / (a * a + 0.3 * noise_factor(b) * s * s)
            }),
            curve(Criterion::TraceBound, 0.0, |b| {
                (2.4 * a / (a * a + 0.2 * noise_factor(b) * s * s)).max(1.05 * exact(a, s, b))
            }),
            curve(Criterion::Rectangle, 0.0, |b| {
                f64::min(2.0 / a, 1.0 / (s * noise_factor(b).max(1e-12).sqrt()))
            }),
            curve(Criterion::WorstExample, 0.0, |b| 2.0 * b / 420.0),
            curve(Criterion::AlmostSure, 0.04, |b| 1.15 * exact(a, s, b) * (1.0 + 0.4 / b)),
            curve(Criterion::Theorem1, 0.0, |b| theorem1(a, s, b)),
            curve(Criterion::Exact, 0.0, |b| exact(a, s, b)),
        ],
        trained_with: Some([N, 0.1]),
    };
    Boundary {
        title: "Critical learning rate against batch size".to_owned(),
        subtitle: "n = 1,000; exact threshold in the span of the top 400 modes".to_owned(),
        panels: MINIMA.map(panel).to_vec(),
    }
}

pub(crate) fn spectral_density() -> SpectralDensity {
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
        Density {
            label: label.to_owned(),
            standard_error: points.iter().map(|point| 0.3 * point[1]).collect(),
            points,
            eigenvalues: (1..9).map(|k| top / f64::from(k * k).sqrt()).collect(),
        }
    };
    SpectralDensity {
        title: "Spectral density of the Hessian at the minima of GD and SGD".to_owned(),
        subtitle: "Fashion-MNIST FNN, η = 0.1; 10 probes, 90 Lanczos steps".to_owned(),
        floor: 1e-9,
        sharpness_limit: Some(20.0),
        densities: vec![density("GD", 19.73, 1.0, 22.0), density("SGD, B = 10", 7.85, 0.6, 22.0)],
    }
}

pub(crate) fn toy() -> Toy {
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
        Path { label: label.to_owned(), iterates }
    };
    let paths = vec![path("GD", false), path("SGD, B = 1", true)];
    let grid: Vec<f64> = (0..=300).map(|index| -0.6 + 2.2 * f64::from(index) / 300.0).collect();
    let function = |symbol: &str, value: &dyn Fn(f64) -> f64| Function {
        symbol: symbol.to_owned(),
        points: grid.iter().map(|&x| [x, value(x)]).collect(),
    };
    Toy {
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

pub(crate) fn escape() -> Escape {
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
            fitted: leaves.then_some(Growth {
                first: 2.0,
                last: 22.0,
                value: 1.2e-4,
                factor: 1.263,
            }),
            predicted: leaves.then_some(Growth {
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
    Escape {
        title: "Escape from the minimum of gradient descent".to_owned(),
        subtitle: "Fashion-MNIST FNN, n = 1,000; start: GD, η = 0.1, 31,300 iterations".to_owned(),
        loss_name: "mean squared error over outputs".to_owned(),
        start: Start {
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

pub(crate) fn agreement() -> Agreement {
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
            Cell { learning_rate, batch_size, observed, predicted }
        };
        let cells = sizes.iter().flat_map(|&size| rates.iter().map(move |&rate| cell(size, rate)));
        AgreementPanel {
            title: title.to_owned(),
            curves: vec![curve(Criterion::Exact, 0.0, |b| exact(a, s, b))],
            bracket,
            cells: cells.collect(),
        }
    };
    Agreement {
        title: "Who stays and who leaves".to_owned(),
        subtitle: "Launches from each minimum, 1 seed a cell, 2,000 iterations".to_owned(),
        panels: MINIMA.map(panel).to_vec(),
    }
}

pub(crate) fn blame() -> Blame {
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
    let examples = shares.iter().enumerate().map(|(rank, &share)| BlamedExample {
        index: (rank * 337 + 41) % 1000,
        label: labels[rank % labels.len()].to_owned(),
        share,
        image: picture(rank as u64 + 1),
    });
    Blame {
        title: "Which examples make the minimum non-uniform".to_owned(),
        subtitle: "Fashion-MNIST FNN, minimum of GD(η = 0.1), s = 45.45".to_owned(),
        examples: examples.collect(),
        population: 1000,
        batch_size: 4,
        left_out: vec![[0.0, 0.0402], [1.0, 0.0421], [2.0, 0.0443], [5.0, 0.0478], [10.0, 0.0551]],
    }
}
