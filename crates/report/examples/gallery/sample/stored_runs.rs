//! The records of a folder of runs with data for every section of a page.

use minimascope_plot::Image;
use minimascope_record::config::RunConfig;
use minimascope_record::escape::{
    Agreement, Cell, Escape, EscapeGrid, EscapePoint, Fate, FittedGrowth, GridQuestion, Launch,
    Linearised, PredictedGrowth,
};
use minimascope_record::measured::{Density, Estimate, Measured};
use minimascope_record::outcome::Outcome;
use minimascope_record::reproduction::Judged;
use minimascope_record::run::{RunSummary, Spectrum, Timing};
use minimascope_record::stability::{
    AlmostSure, BoundaryRow, CriticalLearningRate, ExactThreshold, ExampleCurvatures, GaussNewton,
    LowerBy, Minimum, RankStop, RankValue, StabilityReport, Verdict,
};
use minimascope_record::stored_run::StoredRun;
use minimascope_record::trace::{CurvatureLine, StepLine};
use minimascope_record::training::{Loss, Sampling};
use minimascope_report::figures::contact_sheet::{ContactSheet, LabelledImage};

use super::Uniform;

/// What is different in a run.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) model: &'a str,
    pub(crate) learning_rate: f64,
    /// 0 for all examples.
    pub(crate) batch_size: usize,
    pub(crate) seed: u64,
    pub(crate) gain: f64,
    pub(crate) corrupted: usize,
    pub(crate) optimizer: &'a str,
}

const PLAIN: &str = "{ kind = \"sgd\" }";

impl<'a> Setting<'a> {
    pub(crate) fn new(model: &'a str, learning_rate: f64, batch_size: usize) -> Self {
        let (seed, gain, corrupted, optimizer) = (0, 1.0, 0, PLAIN);
        Self { model, learning_rate, batch_size, seed, gain, corrupted, optimizer }
    }

    fn examples(&self) -> usize {
        1000 + self.corrupted
    }

    fn size(&self) -> usize {
        if self.batch_size == 0 { self.examples() } else { self.batch_size }
    }

    fn noise(&self) -> f64 {
        let (n, size) = (self.examples() as f64, self.size() as f64);
        (n - size) / (size * (n - 1.0))
    }

    fn name(&self) -> String {
        let wrong = self.corrupted;
        let optimizer = if self.optimizer == PLAIN { "" } else { &self.optimizer[10..14] };
        format!(
            "{}-{}-{}-{}-{}-{wrong}-{optimizer}",
            &self.model[..5],
            self.learning_rate,
            self.batch_size,
            self.seed,
            self.gain
        )
    }

    pub(crate) fn config(&self) -> RunConfig {
        let batch = match self.batch_size {
            0 => "\"all\"".to_owned(),
            size => size.to_string(),
        };
        let corruption = match self.corrupted {
            0 => String::new(),
            wrong => format!(
                "corruption = {{ kind = \"after-clean\", clean = 1000, corrupted = {wrong} }}"
            ),
        };
        let text = format!(
            "model = {{ preset = \"{}\" }}\ninitialization = {{ gain = {:?} }}\n\
             [data]\nsource = \"{}\"\ntrain = {{ first = {} }}\n{corruption}\n\
             [train]\nlearning_rate = {:?}\nbatch_size = {batch}\nseed = {}\noptimizer = {}\n\
             stop = {{ average_batch_loss_below = 1e-4, max_steps = 400000 }}\n",
            self.model,
            self.gain,
            &self.model[..self.model.len() - 4],
            self.examples(),
            self.learning_rate,
            self.seed,
            self.optimizer
        );
        toml::from_str(&text).unwrap()
    }

    /// A finished run whose minimum follows a formula with some scatter.
    pub(crate) fn stored(&self, uniform: &mut Uniform) -> StoredRun {
        let (rate, noise) = (self.learning_rate, self.noise());
        let scatter = 1.0 + 0.06 * (uniform.next() - 0.5);
        // The rectangle's half on s with s = 1.8 a, softened.
        let edge = 2.0 / rate;
        let sharpness = scatter * edge / (1.0 + 4.0 * noise.sqrt()) * self.gain.powf(0.2);
        let sharpness = sharpness.min(0.995 * edge);
        let wrong = 1.0 + self.corrupted as f64 / 800.0;
        let non_uniformity = 3.4 * sharpness.powf(0.85) * (1.0 + 0.05 * uniform.next()) * wrong;
        let limit = (noise > 0.0).then(|| 1.0 / (rate * noise.sqrt()));
        let accuracy = 0.8 + 0.02 * noise.sqrt() + 0.004 * uniform.next();
        let config = self.config();
        let result = RunSummary {
            schema_version: 1,
            run: self.name(),
            folder: None,
            model: self.model.to_owned(),
            data: config.data.source.clone(),
            parameters: 898_510,
            train_examples: self.examples(),
            corrupted_examples: (1000..self.examples()).collect(),
            loss: Loss::MeanSquaredError,
            weight_decay: 0.0,
            learning_rate: rate,
            batch_size: self.size(),
            sampling: Sampling::ReshuffledEpochs,
            seed: self.seed,
            outcome: Some(Outcome::Converged),
            steps: (3000.0 / rate) as u64,
            train_loss: Some(1e-4),
            gradient_norm: Some(3e-3),
            train_accuracy: Some(1.0),
            test_accuracy: Some(accuracy - self.corrupted as f64 / 20_000.0),
            sharpness: Some(measured(sharpness)),
            non_uniformity: Some(measured(non_uniformity)),
            sharpness_limit: Some(edge),
            non_uniformity_limit: limit,
            spectrum: None,
        };
        let text = toml::to_string(&config).unwrap();
        StoredRun {
            timing: Some(Timing { train_seconds: 60.0 * scatter, measure_seconds: 3.0 }),
            result: Some(result),
            ..StoredRun::new(self.name(), config, text)
        }
    }
}

pub(crate) fn measured(value: f64) -> Measured {
    let (residual, relative_residual) = (1e-4 * value, 1e-4);
    Measured { value, residual, relative_residual, converged: true, products: 9 }
}

pub(crate) const FNN: &str = "fashion-mnist-fnn";
const VGG: &str = "cifar10-vgg";

/// The runs, in the order of their ids.
pub(crate) fn runs() -> Vec<StoredRun> {
    let mut uniform = Uniform(23);
    let mut settings = Vec::new();
    for (model, rates) in [(FNN, [0.05, 0.1, 0.5]), (VGG, [0.01, 0.05, 0.1])] {
        for rate in rates {
            for size in [10, 100, 0] {
                for seed in 0..3 {
                    settings.push(Setting { seed, ..Setting::new(model, rate, size) });
                }
            }
        }
        for gain in [0.5, 1.0, 1.5] {
            for size in [4, 10, 25, 0] {
                settings.push(Setting { gain, ..Setting::new(model, rates[2], size) });
            }
        }
        let optimizers = ["{ kind = \"adam\" }", "{ kind = \"heavy-ball\", momentum = 0.9 }"];
        for optimizer in optimizers {
            settings.push(Setting { optimizer, ..Setting::new(model, 0.001, 0) });
        }
    }
    for corrupted in [200, 1000, 2000] {
        for size in [100, 0] {
            settings.push(Setting { corrupted, ..Setting::new(FNN, 0.5, size) });
        }
    }
    let mut runs: Vec<StoredRun> =
        settings.iter().map(|setting| setting.stored(&mut uniform)).collect();
    runs.sort_by(|left, right| left.run.cmp(&right.run));
    runs.dedup_by(|left, right| left.run == right.run);
    for run in runs.iter_mut().filter(|run| run.config.train.seed == 0) {
        run.judged = vec![judged(run)];
    }
    let minimum = runs.iter().position(|run| run.run.starts_with("fashi-0.1-0-0")).unwrap();
    let (report, escapes) = (stability(&runs[minimum]), escapes(&runs[minimum], &mut uniform));
    runs[minimum].stability = Some(report);
    runs[minimum].grid = Some(grid(&runs[minimum]));
    runs[minimum].escapes = escapes;
    for run in runs
        .iter_mut()
        .filter(|run| run.run.starts_with("fashi-0.1-") && run.run.ends_with("-0-1-0-"))
    {
        run.spectrum = Some(spectrum(run));
    }
    runs.push(ended(Setting::new(VGG, 0.3, 4), Some(Outcome::Dead)));
    runs.push(ended(Setting::new(VGG, 1.5, 0), Some(Outcome::Diverged)));
    runs.push(ended(Setting::new(FNN, 0.01, 0), None));
    runs.sort_by(|left, right| left.run.cmp(&right.run));
    runs
}

/// One run with its traces and everything that other commands left beside it.
pub(crate) fn one_run() -> StoredRun {
    let mut run = runs().into_iter().find(|run| run.grid.is_some()).unwrap();
    let steps = run.result.as_ref().unwrap().steps;
    let line = |step: u64| StepLine {
        step,
        batch_loss: Some(0.09 * (-(step as f64) / 4600.0).exp()),
        average_loss: Some(0.09 * (-(step as f64) / 4600.0).exp()),
    };
    run.steps = (1..=steps / 10).map(|tenth| line(10 * tenth)).collect();
    let point = |step: u64| CurvatureLine {
        step,
        train_accuracy: Some(1.0 - 0.9 * (-(step as f64) / 2500.0).exp()),
        test_accuracy: Some(0.795 - 0.695 * (-(step as f64) / 1500.0).exp()),
        sharpness: Some(measured(4.0 + 15.7 * (1.0 - (-(step as f64) / 6000.0).exp()))),
        ..CurvatureLine::default()
    };
    run.curvature = (1..steps / 1000).map(|thousand| point(1000 * thousand)).collect();
    run
}

/// A run that reached no minimum: dead, diverged, or not finished.
fn ended(setting: Setting<'_>, outcome: Option<Outcome>) -> StoredRun {
    let mut run = setting.stored(&mut Uniform(1));
    run.result = run.result.filter(|_| outcome.is_some());
    if let Some(result) = &mut run.result {
        result.outcome = outcome;
        result.steps = 700;
        let diverged = outcome == Some(Outcome::Diverged);
        result.sharpness = (!diverged).then(|| measured(1.0));
        result.non_uniformity = None;
        result.test_accuracy = (!diverged).then_some(0.5);
    }
    run
}

pub(crate) fn critical(a: f64, s: f64, size: usize) -> CriticalLearningRate {
    let noise = (1000.0 - size as f64).max(0.0) / (size as f64 * 999.0);
    let estimate = 2.0 * a / (a * a + 0.45 * noise * s * s);
    let theorem1 = 2.0 * a / (a * a + noise * s * s);
    CriticalLearningRate {
        theorem1: Some(theorem1),
        rectangle: f64::min(2.0 / a, 1.0 / (s * noise.sqrt().max(1e-9))),
        exact: ExactThreshold {
            lower: theorem1,
            estimate,
            upper: 1.03 * estimate,
            lower_by: LowerBy::Theorem1,
            ranks: vec![RankValue { rank: 40, critical_learning_rate: estimate }],
            stop: RankStop::Converged,
            converged: true,
            relative_residual: 1e-9,
        },
        bounds: vec![1.3 * estimate, 1.6 * estimate, 1.05 * estimate],
        almost_sure: Some(AlmostSure {
            value: 1.1 * estimate,
            standard_error: 0.02 * estimate,
            converged: true,
            rank: 400,
        }),
        gradient_descent: 2.0 / a,
        decoupled: 0.9 * estimate,
        worst_example: 2.0 * size as f64 / 420.0,
        worst_batch: None,
    }
}

fn values(run: &StoredRun) -> (f64, f64, usize) {
    let result = run.result.as_ref().unwrap();
    let [a, s] = [result.sharpness, result.non_uniformity].map(|value| value.unwrap().value);
    (a, s, result.batch_size)
}

fn judged(run: &StoredRun) -> Judged {
    let (a, s, size) = values(run);
    let rate = run.config.train.learning_rate;
    let critical = critical(a, s, size);
    Judged {
        learning_rate: rate,
        batch_size: size,
        verdict: Verdict::NotDecided,
        margin: rate / critical.exact.estimate,
        critical_learning_rate: critical,
        notes: vec!["the loss is 1e-4: nearly interpolated".into()],
    }
}

fn minimum(run: &StoredRun) -> Minimum {
    let result = run.result.as_ref().unwrap();
    Minimum {
        run: run.run.clone(),
        model: result.model.clone(),
        data: result.data.clone(),
        parameters: result.parameters,
        train_examples: result.train_examples,
        outputs: 10,
        trained_learning_rate: result.learning_rate,
        trained_batch_size: result.batch_size,
        train_loss: 1e-4,
        gradient_norm: 3e-3,
        train_accuracy: 1.0,
        test_accuracy: Some(0.8),
        sharpness: result.sharpness.unwrap(),
        non_uniformity: result.non_uniformity.unwrap(),
        smallest_curvature: measured(0.1),
        example_curvatures: ExampleCurvatures {
            examples: 16,
            of_largest_curvature: 8,
            of_largest_loss: 8,
            smallest: -0.1,
            largest: 420.0,
        },
        gauss_newton: GaussNewton {
            sharpness: 19.7,
            non_uniformity: 45.0,
            trace: 120.0,
            rank: 400,
            tail: Some(0.01),
            largest_example_sharpness: 420.0,
        },
    }
}

fn boundary(a: f64, s: f64) -> Vec<BoundaryRow> {
    let sizes = (0..10).map(|power| 1 << power).chain([1000]);
    let row = |size| BoundaryRow {
        batch_size: size,
        critical_learning_rate: critical(a, s, size),
        verdict: None,
    };
    sizes.map(row).collect()
}

fn stability(run: &StoredRun) -> StabilityReport {
    let (a, s, _) = values(run);
    StabilityReport {
        schema_version: 1,
        minimum: minimum(run),
        learning_rate: None,
        batch_size: None,
        momentum: 0.0,
        sampling_assumed: Sampling::IndependentBatches,
        sampling_used: Sampling::ReshuffledEpochs,
        critical_learning_rate: None,
        verdict: None,
        margin: None,
        smallest_batch_size: None,
        boundary: boundary(a, s),
        blame: None,
        batch_sharpness: None,
        example_sharpnesses: Vec::new(),
        notes: Vec::new(),
    }
}

fn escapes(run: &StoredRun, uniform: &mut Uniform) -> Vec<Escape> {
    let (a, s, _) = values(run);
    [(4, Verdict::Leaves, Fate::Settled), (100, Verdict::Stays, Fate::Stays)]
        .map(|(size, verdict, fate)| {
            let critical = critical(a, s, size);
            Escape {
                schema_version: 1,
                minimum: minimum(run),
                loss: Loss::MeanSquaredError,
                learning_rate: 0.1,
                batch_size: size,
                sampling: Sampling::ReshuffledEpochs,
                max_steps: 3000,
                criterion: "a launch has left when its loss exceeds ten times the minimum's".into(),
                margin: 0.1 / critical.exact.estimate,
                critical_learning_rate: critical,
                verdict,
                notes: Vec::new(),
                predicted_growth: PredictedGrowth {
                    directions: 400,
                    mean_square_in_half: 1.4,
                    mean_square: 1.4,
                    typical: Some(1.25),
                    typical_standard_error: Some(0.01),
                },
                quick: true,
                leaving_loss: 1e-3,
                constant_output_loss: 0.09,
                observed_growth: None,
                linearised: linearised(),
                launches: (0..2).map(|seed| launch(seed, fate, uniform)).collect(),
                folder: None,
            }
        })
        .to_vec()
}

fn linearised() -> Linearised {
    Linearised { directions: 400, share_of_loss: 0.99, max_steps: 12_000, laws: Vec::new() }
}

fn launch(seed: u64, fate: Fate, uniform: &mut Uniform) -> Launch {
    let left = fate.has_left();
    let mut steps: Vec<u64> = (0..=60).collect();
    steps.extend((70..=3000).step_by(30));
    let course: Vec<EscapePoint> = steps
        .iter()
        .map(|&step| {
            let t = step as f64;
            let grown = f64::min(1e-4 * 1.25_f64.powf(t), 0.03 * (-t / 500.0).exp() + 5e-5);
            let change = if left { 1.0 - (-t / 45.0).exp() } else { 0.0 };
            let measure = step % 300 == 0;
            EscapePoint {
                step,
                train_loss: if left { grown * (0.7 + 0.6 * uniform.next()) } else { 1e-4 },
                train_accuracy: 1.0 - 0.1 * change * (-t / 90.0).exp(),
                test_accuracy: Some(0.8 + 0.004 * change),
                distance: change,
                sharpness: measure.then(|| measured(19.7 - 13.0 * change)),
                non_uniformity: measure.then(|| measured(45.0 - 28.0 * change)),
            }
        })
        .collect();
    Launch {
        seed,
        fate,
        left_at: left.then_some(12 + seed),
        steps: 3000,
        largest_loss: Some(0.03),
        lowest_train_accuracy: Some(0.895),
        fitted_growth: left.then_some(FittedGrowth {
            first: 1,
            last: 20,
            value: 1.2e-4,
            factor: 1.26,
            standard_error: Some(0.02),
        }),
        end: course.last().copied(),
        course,
    }
}

fn grid(run: &StoredRun) -> EscapeGrid {
    let (a, s, _) = values(run);
    let rates = [0.01, 0.03, 0.06, 0.09, 0.12, 0.3];
    let cells: Vec<Cell> = [1, 4, 10, 25, 100, 1000]
        .iter()
        .flat_map(|&size| rates.iter().map(move |&rate| (size, rate)))
        .map(|(size, rate)| {
            let exact = critical(a, s, size).exact;
            let left = rate > 1.01 * exact.estimate;
            Cell {
                learning_rate: rate,
                batch_size: size,
                predicted: if rate <= exact.lower {
                    Verdict::Stays
                } else if rate > exact.upper {
                    Verdict::Leaves
                } else {
                    Verdict::NotDecided
                },
                margin: rate / exact.estimate,
                predicted_growth: PredictedGrowth {
                    directions: 400,
                    mean_square_in_half: 1.0,
                    mean_square: 1.0,
                    typical: None,
                    typical_standard_error: None,
                },
                left: 2 * u64::from(left),
                launches: 2,
                max_steps: 2000,
                left_at: left.then_some(20),
                departures: vec![left.then_some(20); 2],
                largest_loss_ratio: Some(1.0),
                explanation: None,
                linearised: None,
            }
        })
        .collect();
    let count = |predicted: Verdict, left: bool| {
        cells.iter().filter(|cell| cell.predicted == predicted && cell.has_left() == left).count()
    };
    let undecided = cells.iter().filter(|cell| cell.predicted == Verdict::NotDecided).count();
    EscapeGrid {
        schema_version: 1,
        minimum: minimum(run),
        sampling: Sampling::IndependentBatches,
        seeds: 2,
        asked: GridQuestion {
            learning_rates: rates.to_vec(),
            batch_sizes: Vec::new(),
            max_steps: 2000,
            quick: true,
            all_directions: false,
        },
        complete: true,
        leaving_loss: 1e-3,
        constant_output_loss: 0.09,
        criterion: "a launch has left when its loss exceeds ten times the minimum's".into(),
        boundary: boundary(a, s),
        agreement: Agreement {
            stays_as_predicted: count(Verdict::Stays, false),
            leaves_as_predicted: count(Verdict::Leaves, true),
            leaves_against_prediction: count(Verdict::Stays, true),
            stays_against_prediction: count(Verdict::Leaves, false),
            not_decided: undecided,
            not_decided_as_estimated: undecided,
        },
        cells,
        notes: Vec::new(),
        folder: None,
    }
}

fn spectrum(run: &StoredRun) -> Spectrum {
    let (a, _, _) = values(run);
    let points: Vec<f64> = (0..300).map(|index| -1.0 + 0.08 * f64::from(index)).collect();
    let height = |value: &f64| {
        let gauss = |middle: f64, width: f64| (-0.5 * ((value - middle) / width).powi(2)).exp();
        0.4 * gauss(0.0, 0.2) + 1e-5 * gauss(0.3 * a, 0.4) + 2e-6 * gauss(a, 0.1)
    };
    let density: Vec<f64> = points.iter().map(height).collect();
    Spectrum {
        top: (1..9).map(|k| measured(a / f64::from(k).sqrt())).collect(),
        density: Some(Density {
            standard_error: density.iter().map(|height| 0.2 * height).collect(),
            eigenvalues: points,
            density,
            width: 0.1,
            probes: 10,
            products: 900,
        }),
        trace: Some(Estimate { value: 150.0, standard_error: 2.0, products: 60 }),
    }
}

/// Images of a training set, some of them with a wrong label.
pub(crate) fn sheets() -> Vec<ContactSheet> {
    let picture = |index: usize| {
        let pixels = (0..28 * 28).map(|pixel| (pixel * (index + 3) % 251) as u8);
        LabelledImage {
            image: Image::new(28, 28, 1, pixels.collect()).unwrap(),
            label: ["t-shirt or top", "ankle boot", "bag"][index % 3].into(),
            corrupted: index > 11,
        }
    };
    vec![ContactSheet {
        data: "fashion-mnist".into(),
        examples: 1200,
        corrupted: 200,
        pictures: (0..24).map(picture).collect(),
    }]
}
