//! Rungs two and three: orders of Taylor remainders, which need no tolerance tuned to a problem,
//! and central differences with a derived bound, on the study's own architectures in small.

use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss};

/// Smooth networks: fully connected, and convolution, pooling and a residual block.
fn networks() -> Vec<Network> {
    let tanh = Layer::Activation { function: Activation::Tanh };
    let silu = Layer::Activation { function: Activation::Silu };
    let linear = |outputs| Layer::Linear { outputs, bias: true };
    let convolution =
        |channels| Layer::Convolution { channels, kernel: 3, stride: 1, padding: 1, bias: true };
    let image = Shape { channels: 2, height: 6, width: 5 };
    let dense = vec![linear(7), tanh.clone(), linear(6), silu.clone(), linear(3)];
    let image_layers = vec![
        convolution(3),
        tanh.clone(),
        Layer::AveragePool { window: 2, stride: None },
        Layer::Residual { layers: vec![convolution(4), silu, convolution(4)], projection: true },
        tanh,
        Layer::GlobalAveragePool,
        linear(3),
    ];
    [dense, image_layers]
        .into_iter()
        .map(|layers| Network::new(&Architecture { input: image, layers }).unwrap())
        .collect()
}

struct Problem {
    network: Network,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    theta: Vec<f64>,
    direction: Vec<f64>,
}

fn problems() -> Vec<Problem> {
    let wave = |i: usize, a: f64| (a * (i as f64 + 1.0)).sin();
    networks()
        .into_iter()
        .map(|network| {
            let n = 5;
            let inputs = (0..n * network.input().size()).map(|i| wave(i, 1.3)).collect();
            let targets = (0..n * 3).map(|i| if i % 3 == i / 3 % 3 { 1.0 } else { 0.0 }).collect();
            let theta = network.initialize(&Initialization::default(), 4);
            let direction: Vec<f64> = (0..theta.len()).map(|i| wave(i, 0.7)).collect();
            let norm = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
            let direction = direction.iter().map(|v| v / norm).collect();
            Problem { network, inputs, targets, theta, direction }
        })
        .collect()
}

/// The slope of log r against log h over h = 2⁻³ … 2⁻⁸ is the order of the remainder.
#[test]
fn remainders_have_order_two_with_the_gradient_and_three_with_the_hessian() {
    for loss in [Loss::MeanSquaredError, Loss::SoftmaxCrossEntropy] {
        for problem in problems() {
            let Problem { network, inputs, targets, theta, direction } = &problem;
            let examples = Examples::<f64>::from_targets(network, loss, inputs, targets).unwrap();
            let execution = Execution::new(1, 1 << 30).unwrap();
            let mut evaluator = Evaluator::new(network, loss, 0.01, &examples, &execution).unwrap();
            evaluator.set_point(theta).unwrap();
            let f = evaluator.value();
            let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            let slope = dot(evaluator.gradient(), direction);
            let mut hv = vec![0.0; theta.len()];
            evaluator.product(Curvature::Hessian, direction, &mut hv).unwrap();
            let curvature = dot(&hv, direction);
            let mut remainders = Vec::new();
            for power in 3..9 {
                let h = 0.5_f64.powi(power);
                let moved: Vec<f64> = theta.iter().zip(direction).map(|(t, v)| t + h * v).collect();
                evaluator.set_point(&moved).unwrap();
                let first = evaluator.value() - f - h * slope;
                remainders.push((first, first - 0.5 * h * h * curvature));
            }
            for pair in remainders.windows(2) {
                let order = |a: f64, b: f64| (a / b).abs().log2();
                let (one, two) = (order(pair[0].0, pair[1].0), order(pair[0].1, pair[1].1));
                assert!((one - 2.0).abs() < 0.2, "{loss:?}: order {one} with the gradient");
                assert!((two - 3.0).abs() < 0.3, "{loss:?}: order {two} with the Hessian");
            }
        }
    }
}

/// (g(θ + hv) − g(θ − hv))/2h − Hv is O(h²): halving h divides it by four.
#[test]
fn gradients_differ_by_the_hessian_product() {
    for problem in problems() {
        let Problem { network, inputs, targets, theta, direction } = &problem;
        let loss = Loss::MeanSquaredError;
        let examples = Examples::<f64>::from_targets(network, loss, inputs, targets).unwrap();
        let execution = Execution::new(1, 1 << 30).unwrap();
        let mut evaluator = Evaluator::new(network, loss, 0.0, &examples, &execution).unwrap();
        evaluator.set_point(theta).unwrap();
        let mut hv = vec![0.0; theta.len()];
        evaluator.product(Curvature::Hessian, direction, &mut hv).unwrap();
        let mut error = |h: f64| -> f64 {
            let mut at = |sign: f64| {
                let moved: Vec<f64> =
                    theta.iter().zip(direction).map(|(t, v)| t + sign * h * v).collect();
                evaluator.set_point(&moved).unwrap();
                evaluator.gradient().to_vec()
            };
            let (up, down) = (at(1.0), at(-1.0));
            let differences = up.iter().zip(down).map(|(u, d)| (u - d) / (2.0 * h));
            differences.zip(&hv).map(|(d, v)| (d - v).powi(2)).sum::<f64>().sqrt()
        };
        let ratio = error(0.02) / error(0.01);
        assert!((ratio - 4.0).abs() < 0.2, "ratio {ratio}");
    }
}
