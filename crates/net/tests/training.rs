//! Steps against their formulas, ends by name, and the same bits whatever watches or interrupts.

use std::ops::ControlFlow;

use minimascope_net::train::{Assessor, Checkpoint, CompletedStep, Settings, Trainer};
use minimascope_net::{Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::outcome::Outcome;
use minimascope_record::training::{Initialization, Loss, Optimizer, Sampling, Stop};

const LOSS: Loss = Loss::MeanSquaredError;

fn network(image: bool) -> Network {
    let relu = Layer::Activation { function: Activation::Relu };
    let linear = |outputs| Layer::Linear { outputs, bias: true };
    let input = Shape { channels: 1, height: 6, width: 6 };
    let layers = if image {
        vec![
            Layer::Convolution { channels: 3, kernel: 3, stride: 1, padding: 1, bias: true },
            relu.clone(),
            Layer::MaxPool { window: 2, stride: None },
            Layer::Residual {
                layers: vec![
                    Layer::Convolution {
                        channels: 3,
                        kernel: 3,
                        stride: 1,
                        padding: 1,
                        bias: true,
                    },
                    relu.clone(),
                ],
                projection: false,
            },
            linear(6),
            relu,
            linear(3),
        ]
    } else {
        vec![linear(9), relu.clone(), linear(8), relu, linear(3)]
    };
    Network::new(&Architecture { input, layers }).unwrap()
}

fn examples<T: minimascope_net::Scalar>(network: &Network, n: usize) -> Examples<T> {
    let size = network.input().size();
    let pixel = |i: usize| ((i * 7919 % 251) as f32 / 251.0 + (i / size) as f32 * 0.37) % 1.0;
    let images: Vec<f32> = (0..n * size).map(pixel).collect();
    let labels: Vec<u32> = (0..n as u32).map(|i| i * 5 % 3).collect();
    Examples::from_classes(network, LOSS, &images, &labels).unwrap()
}

fn settings(batch_size: usize, steps: u64) -> Settings {
    Settings { stop: Stop::after(steps), seed: 5, ..Settings::plain(0.1, batch_size) }
}

fn start<T: minimascope_net::Scalar>(network: &Network) -> Vec<T> {
    network.initialize(&Initialization::default(), 2).iter().map(|x| T::from_f64(*x)).collect()
}

fn one_thread() -> Execution {
    Execution::new(1, 1 << 30).unwrap()
}

/// The steps by their formulas, from gradients of an evaluator over each batch.
fn plain(network: &Network, examples: &Examples<f64>, settings: Settings) -> Vec<f64> {
    let mut theta: Vec<f64> = start(network);
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    let Settings { batch_size, sampling, seed, learning_rate, weight_decay, .. } = settings;
    let mut batches =
        minimascope_net::train::Batches::new(sampling, examples.len(), batch_size, seed);
    let mut batch = Vec::new();
    for step in 0..settings.stop.max_steps {
        batches.draw(step, &mut batch);
        let chosen = examples.select(&batch);
        let mut evaluator =
            Evaluator::new(network, LOSS, weight_decay, &chosen, &one_thread()).unwrap();
        evaluator.set_point(&theta).unwrap();
        let g = evaluator.gradient();
        let t = step as f64 + 1.0;
        for i in 0..theta.len() {
            theta[i] -= learning_rate
                * match settings.optimizer {
                    Optimizer::Sgd => g[i],
                    Optimizer::HeavyBall { momentum } => {
                        m[i] = momentum * m[i] + g[i];
                        m[i]
                    }
                    Optimizer::Nesterov { momentum } => {
                        m[i] = momentum * m[i] + g[i];
                        g[i] + momentum * m[i]
                    }
                    Optimizer::Adam { beta1, beta2, epsilon } => {
                        m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
                        v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] * g[i];
                        let mean = m[i] / (1.0 - beta1.powf(t));
                        mean / ((v[i] / (1.0 - beta2.powf(t))).sqrt() + epsilon)
                    }
                };
        }
    }
    theta
}

/// Every optimiser, with batches that take the in-place way, the summed way, end ragged, and are
/// the whole set: n = 23 with B = 4, 20 and 23.
#[test]
fn steps_are_those_of_the_formulas() {
    let optimizers = [
        Optimizer::Sgd,
        Optimizer::HeavyBall { momentum: 0.7 },
        Optimizer::Nesterov { momentum: 0.7 },
        Optimizer::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-3 },
    ];
    for image in [false, true] {
        let network = network(image);
        let examples = examples::<f64>(&network, 23);
        for optimizer in optimizers {
            for batch_size in [1, 4, 20, 23] {
                for weight_decay in [0.0, 0.05] {
                    let settings = Settings { optimizer, weight_decay, ..settings(batch_size, 9) };
                    let execution = one_thread();
                    let mut trainer = Trainer::new(
                        &network,
                        LOSS,
                        &examples,
                        settings,
                        start(&network),
                        &execution,
                    )
                    .unwrap();
                    let outcome = trainer.run(&mut ignore);
                    assert_eq!(outcome, Outcome::StepLimit);
                    let expected = plain(&network, &examples, settings);
                    let worst = trainer
                        .parameters()
                        .iter()
                        .zip(&expected)
                        .map(|(a, b)| (a - b).abs())
                        .fold(0.0, f64::max);
                    // Nine steps of a few hundred rounded operations on numbers below 1.
                    assert!(worst < 1e-12, "{optimizer:?}, B = {batch_size}: {worst:e}");
                }
            }
        }
    }
}

fn ignore<T>(_: &CompletedStep<'_, T>, _: &Trainer<'_, T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn bits(parameters: &[f32]) -> Vec<u32> {
    parameters.iter().map(|x| x.to_bits()).collect()
}

fn train(threads: usize, image: bool, settings: Settings, n: usize) -> Vec<u32> {
    let network = network(image);
    let examples = examples::<f32>(&network, n);
    let execution = Execution::new(threads, 1 << 30).unwrap();
    let mut trainer =
        Trainer::new(&network, LOSS, &examples, settings, start(&network), &execution).unwrap();
    trainer.run(&mut ignore);
    bits(trainer.parameters())
}

/// n large enough for several slots of both kinds of network.
#[test]
fn threads_change_no_bit() {
    for (image, n) in [(false, 1300), (true, 700)] {
        for batch_size in [n, 8] {
            let settings = settings(batch_size, 12);
            let one = train(1, image, settings, n);
            assert_eq!(one, train(2, image, settings, n));
            assert_eq!(one, train(4, image, settings, n));
        }
    }
}

#[test]
fn a_run_continued_from_a_file_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let optimizers = [
        Optimizer::Sgd,
        Optimizer::HeavyBall { momentum: 0.9 },
        Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    ];
    for optimizer in optimizers {
        for sampling in Sampling::ALL {
            let network = network(true);
            let examples = examples::<f32>(&network, 37);
            let settings = Settings { optimizer, sampling, ..settings(5, 40) };
            let execution = one_thread();
            let mut whole =
                Trainer::new(&network, LOSS, &examples, settings, start(&network), &execution)
                    .unwrap();
            let mut at_17 = |step: &CompletedStep<'_, f32>, trainer: &Trainer<'_, f32>| {
                if step.step == 17 {
                    trainer.checkpoint().write(&path, &network).unwrap();
                }
                ControlFlow::Continue(())
            };
            whole.run(&mut at_17);
            let checkpoint = Checkpoint::read(&path, &network).unwrap();
            assert_eq!(checkpoint.step(), 17);
            let mut second =
                Trainer::resume(&network, LOSS, &examples, settings, checkpoint, &execution)
                    .unwrap();
            second.run(&mut ignore);
            assert_eq!(bits(whole.parameters()), bits(second.parameters()));
            assert_eq!(
                whole.average_loss().map(f64::to_bits),
                second.average_loss().map(f64::to_bits)
            );
        }
    }
}

#[test]
fn watching_changes_no_bit() {
    let network = network(true);
    let examples = examples::<f32>(&network, 30);
    let execution = one_thread();
    let make = || {
        Trainer::new(&network, LOSS, &examples, settings(4, 50), start(&network), &execution)
            .unwrap()
    };
    let mut unwatched = make();
    unwatched.run(&mut ignore);
    let mut watched = make();
    let mut measured = Evaluator::new(&network, LOSS, 0.0, &examples, &execution).unwrap();
    let mut v = vec![1.0; network.parameters()];
    let mut observer = |step: &CompletedStep<'_, f32>, _: &Trainer<'_, f32>| {
        measured.set_point(step.parameters).unwrap();
        let direction = v.clone();
        measured.variance(&direction, &mut v).unwrap();
        ControlFlow::Continue(())
    };
    watched.run(&mut observer);
    assert_eq!(bits(unwatched.parameters()), bits(watched.parameters()));
}

#[test]
fn ends_have_names() {
    let network = network(false);
    let data = examples::<f32>(&network, 20);
    let execution = one_thread();
    let run = |settings: Settings, parameters: Vec<f32>| {
        Trainer::new(&network, LOSS, &data, settings, parameters, &execution)
            .unwrap()
            .run(&mut ignore)
    };
    let base = settings(5, 60);
    let theta = || start::<f32>(&network);
    assert_eq!(run(base, theta()), Outcome::StepLimit);
    let average = Stop { average_batch_loss_below: Some(10.0), ..base.stop };
    assert_eq!(run(Settings { stop: average, ..base }, theta()), Outcome::Converged);
    let full = Stop { full_loss_below: Some(10.0), ..base.stop };
    assert_eq!(run(Settings { stop: full, ..base }, theta()), Outcome::Converged);
    let time = Stop { max_seconds: Some(0.0), ..base.stop };
    assert_eq!(run(Settings { stop: time, ..base }, theta()), Outcome::TimeLimit);
    let wild = Settings { learning_rate: 1e6, ..settings(20, 200) };
    assert_eq!(run(wild, theta()), Outcome::Diverged);
    // Weights of zero: every output is its bias, at every step.
    let long = Stop { max_steps: 2000, ..base.stop };
    let dead = run(Settings { stop: long, ..base }, vec![0.0; network.parameters()]);
    assert_eq!(dead, Outcome::Dead);
    let mut count = 0;
    let mut stop_at_3 = |_: &CompletedStep<'_, f32>, _: &Trainer<'_, f32>| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut trainer = Trainer::new(&network, LOSS, &data, base, theta(), &execution).unwrap();
    assert_eq!(trainer.run(&mut stop_at_3), Outcome::Interrupted);
    assert_eq!(trainer.step(), 3);
}

#[test]
fn settings_outside_their_range_are_refused_by_name() {
    let network = network(false);
    let data = examples::<f32>(&network, 20);
    let refuse = |settings: Settings| {
        Trainer::new(&network, LOSS, &data, settings, start(&network), &one_thread())
            .unwrap_err()
            .to_string()
    };
    let base = settings(5, 10);
    let message = |learning_rate: f64| refuse(Settings { learning_rate, ..base });
    assert!(message(f64::NAN).starts_with("learning_rate = NaN"));
    assert!(message(-1.0).contains("must be a positive number"));
    assert_eq!(
        refuse(Settings { batch_size: 21, ..base }),
        "batch_size = 21: it must be from 1 to the number of examples, 20"
    );
    assert!(refuse(Settings { batch_size: 0, ..base }).starts_with("batch_size = 0"));
    assert!(refuse(Settings { weight_decay: -1.0, ..base }).starts_with("weight_decay = -1"));
    let threads = Execution::new(100_000, 1 << 20).unwrap_err().to_string();
    assert!(threads.starts_with("threads = 100000: it must be at most 1024"), "{threads}");
}

/// The look at a few examples says what the pass over all of them says: of a network alive, of ones
/// whose outputs differ by less and less, and of one whose outputs are its bias.
#[test]
fn a_network_is_dead_when_all_outputs_are_equal() {
    let network = network(false);
    let data = examples::<f32>(&network, 20);
    let execution = one_thread();
    let mut assessor = Assessor::new(&network, LOSS, &data, &execution);
    for (scale, dead) in [(1.0, false), (0.1, false), (0.01, false), (0.0, true)] {
        let mut parameters = start::<f32>(&network);
        // All but the last biases, so that these outweigh what is left of the input.
        let last = parameters.len() - network.outputs();
        parameters[..last].iter_mut().for_each(|theta| *theta *= scale);
        parameters[last..].fill(0.5);
        assert_eq!(assessor.assess(&parameters).constant, dead, "{scale}");
        assert_eq!(assessor.is_constant(&parameters), dead, "{scale}");
    }
}

/// The study's rule: 0.9 of the old value and 0.1 of the new, starting from the first.
#[test]
fn the_average_starts_at_the_first_batch_loss() {
    let network = network(false);
    let examples = examples::<f64>(&network, 20);
    let execution = one_thread();
    let mut trainer =
        Trainer::new(&network, LOSS, &examples, settings(5, 30), start(&network), &execution)
            .unwrap();
    let mut expected: Option<f64> = None;
    let mut observer = |step: &CompletedStep<'_, f64>, _: &Trainer<'_, f64>| {
        let next = expected.map_or(step.batch_loss, |old| 0.9 * old + 0.1 * step.batch_loss);
        expected = Some(next);
        // The same three operations.
        assert!((step.average_loss - next).abs() <= 4.0 * f64::EPSILON * next);
        ControlFlow::Continue(())
    };
    trainer.run(&mut observer);
}

/// Every stop rule, from a checkpoint of the run's very last step: nothing is left to train.
#[test]
fn a_run_continued_from_its_last_step_ends_there() {
    let network = network(false);
    let examples = examples::<f32>(&network, 20);
    let execution = one_thread();
    let base = settings(5, 400);
    let stops = [
        Stop { average_batch_loss_below: Some(0.2), ..base.stop },
        Stop { full_loss_below: Some(0.2), ..base.stop },
        Stop { max_steps: 7, ..base.stop },
    ];
    for stop in stops {
        let settings = Settings { stop, ..base };
        let mut whole =
            Trainer::new(&network, LOSS, &examples, settings, start(&network), &execution).unwrap();
        let outcome = whole.run(&mut ignore);
        let checkpoint = whole.checkpoint();
        let mut second =
            Trainer::resume(&network, LOSS, &examples, settings, checkpoint, &execution).unwrap();
        assert_eq!(second.run(&mut ignore), outcome);
        assert_eq!(second.step(), whole.step());
        assert_eq!(bits(whole.parameters()), bits(second.parameters()));
    }
}

#[test]
fn a_last_step_out_of_range_is_a_divergence() {
    let network = network(false);
    let examples = examples::<f32>(&network, 20);
    let settings = Settings { learning_rate: 1e38, ..settings(20, 1) };
    let execution = one_thread();
    let theta = start::<f32>(&network).iter().map(|x| x * 1e3).collect();
    let mut trainer = Trainer::new(&network, LOSS, &examples, settings, theta, &execution).unwrap();
    assert_eq!(trainer.run(&mut ignore), Outcome::Diverged);
    assert_eq!(trainer.step(), 1);
}
