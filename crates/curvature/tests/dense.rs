//! Rung five: every operator against the dense matrix it stands for, at P ≤ 60, and the dense
//! matrices against their definitions by single examples.

use minimascope_curvature::factors::{GramOperator, factor_blocks, gram_matrix};
use minimascope_curvature::{GaussNewton, Hessian, SecondMoment, Variance};
use minimascope_linop::{Mat, as_matrix, symmetric_eigen};
use minimascope_net::{Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss};

/// A convolution, a pool and two linear layers: P = 3·9 + 3 + 5·... ≤ 60.
fn network(outputs: usize) -> Network {
    let layers = vec![
        Layer::Convolution { channels: 2, kernel: 2, stride: 1, padding: 0, bias: true },
        Layer::Activation { function: Activation::Tanh },
        Layer::AveragePool { window: 2, stride: None },
        Layer::Linear { outputs: 4, bias: true },
        Layer::Activation { function: Activation::Softplus },
        Layer::Linear { outputs, bias: true },
    ];
    let input = Shape { channels: 2, height: 3, width: 5 };
    Network::new(&Architecture { input, layers }).unwrap()
}

struct Problem {
    network: Network,
    loss: Loss,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    theta: Vec<f64>,
}

const N: usize = 6;

fn problems() -> Vec<Problem> {
    let losses = [
        (Loss::MeanSquaredError, 3),
        (Loss::HalfSumOfSquares, 2),
        (Loss::SoftmaxCrossEntropy, 3),
        (Loss::BinaryLogistic, 1),
    ];
    let wave = |count: usize, f: f64| (0..count).map(|i| (f * (i as f64 + 0.5)).sin()).collect();
    losses
        .into_iter()
        .map(|(loss, outputs)| {
            let network = network(outputs);
            assert!(network.parameters() <= 60);
            let one_hot =
                |i: usize| f64::from(u8::from(i % outputs == (i / outputs * 2) % outputs));
            let logistic = |i: usize| f64::from(u8::from(i.is_multiple_of(2)));
            let target = |i| if outputs == 1 { logistic(i) } else { one_hot(i) };
            Problem {
                inputs: wave(N * network.input().size(), 0.83),
                targets: (0..N * outputs).map(target).collect(),
                theta: network.initialize(&Initialization { gain: 1.3 }, 8),
                network,
                loss,
            }
        })
        .collect()
}

fn difference(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (a - b).norm_l2() / b.norm_l2()
}

/// Sums of at most a few thousand rounded terms.
const ROUNDING: f64 = 1e-12;

#[test]
fn operators_are_the_matrices_of_their_definitions() {
    let execution = Execution::new(1, 1 << 30).unwrap();
    for Problem { network, loss, inputs, targets, theta } in &problems() {
        let outputs = network.outputs();
        let p = theta.len();
        let all = Examples::<f64>::from_targets(network, *loss, inputs, targets).unwrap();
        let mut evaluator = Evaluator::new(network, *loss, 0.0, &all, &execution).unwrap();
        evaluator.set_point(theta).unwrap();
        let hessian = as_matrix(&mut Hessian::new(&mut evaluator));
        let gauss_newton = as_matrix(&mut GaussNewton::new(&mut evaluator));
        let second_moment = as_matrix(&mut SecondMoment::new(&mut evaluator));
        let variance = as_matrix(&mut Variance::new(&mut evaluator));
        let gram = gram_matrix(&mut evaluator);
        let blocks = factor_blocks(&mut evaluator);

        let zero = Mat::<f64>::zeros(p, p);
        let (mut mean, mut square) = (zero.clone(), zero.clone());
        let mut mean_g = zero.clone();
        let mut tops = Vec::new();
        for i in 0..N {
            let one = all.select(&[i]);
            let mut single = Evaluator::new(network, *loss, 0.0, &one, &execution).unwrap();
            single.set_point(theta).unwrap();
            let h = as_matrix(&mut Hessian::new(&mut single));
            let g = as_matrix(&mut GaussNewton::new(&mut single));
            mean += &h * faer_scale(1.0 / N as f64);
            square += &h * &h * faer_scale(1.0 / N as f64);
            mean_g += &g * faer_scale(1.0 / N as f64);
            tops.push(*symmetric_eigen(g.as_ref()).unwrap().values.last().unwrap());
        }
        assert!(difference(&hessian, &mean) < ROUNDING, "{loss:?}: H");
        assert!(difference(&gauss_newton, &mean_g) < ROUNDING, "{loss:?}: G");
        assert!(difference(&second_moment, &square) < ROUNDING, "{loss:?}: mean H_i²");
        assert!(difference(&variance, &(&square - &mean * &mean)) < 10.0 * ROUNDING);

        // The Gram side: the same nonzero spectrum, the same blocks, the same matrix-free product.
        let count = N * outputs;
        let gram = Mat::from_fn(count, count, |i, j| gram[i * count + j]);
        let operator = as_matrix(&mut GramOperator::new(&mut evaluator));
        assert!(difference(&operator, &(&gram * faer_scale(1.0 / N as f64))) < ROUNDING);
        let spectrum = |m: &Mat<f64>| {
            let mut values = symmetric_eigen(m.as_ref()).unwrap().values.clone();
            values.reverse();
            values
        };
        let (ours, theirs) = (spectrum(&operator), spectrum(&gauss_newton));
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() < ROUNDING * theirs[0], "{loss:?}: {a} {b}");
        }
        for i in 0..N {
            let block =
                Mat::from_fn(outputs, outputs, |k, l| blocks[(i * outputs + k) * outputs + l]);
            let inside =
                Mat::from_fn(outputs, outputs, |k, l| gram[(i * outputs + k, i * outputs + l)]);
            assert!(difference(&block, &inside) < ROUNDING, "{loss:?}: block {i}");
            let top = *symmetric_eigen(block.as_ref()).unwrap().values.last().unwrap();
            assert!((top - tops[i]).abs() < ROUNDING * tops[i], "{loss:?}: λ_max of example {i}");
        }
    }
}

fn faer_scale(factor: f64) -> faer::Scale<f64> {
    faer::Scale(factor)
}

/// Sharpness and non-uniformity in f32 and f64 from the same parameters: the passes' relative error
/// in f32 is 2e-4 at most, an eigenvalue's no more, and the Lanczos tolerance adds 1e-4.
#[test]
fn both_precisions_agree() {
    use minimascope_linop::largest_pair;
    let execution = Execution::new(1, 1 << 30).unwrap();
    for Problem { network, loss, inputs, targets, theta } in &problems() {
        let (double, single) = (
            Examples::<f64>::from_targets(network, *loss, inputs, targets).unwrap(),
            Examples::<f32>::from_targets(network, *loss, inputs, targets).unwrap(),
        );
        let mut in_double = Evaluator::new(network, *loss, 0.0, &double, &execution).unwrap();
        in_double.set_point(theta).unwrap();
        let mut in_single = Evaluator::new(network, *loss, 0.0, &single, &execution).unwrap();
        let rounded: Vec<f32> = theta.iter().map(|x| *x as f32).collect();
        in_single.set_point(&rounded).unwrap();
        let pairs = [
            (
                largest_pair(&mut Hessian::new(&mut in_double), 1e-4, None).unwrap().value,
                largest_pair(&mut Hessian::new(&mut in_single), 1e-4, None).unwrap().value,
            ),
            (
                largest_pair(&mut Variance::new(&mut in_double), 1e-4, None).unwrap().value.sqrt(),
                largest_pair(&mut Variance::new(&mut in_single), 1e-4, None).unwrap().value.sqrt(),
            ),
        ];
        for (double, single) in pairs {
            assert!((double - single).abs() < 1e-3 * double, "{loss:?}: {double} {single}");
        }
    }
}
