//! Rung four: what must hold for any network, any point and any examples.

use minimascope_net::train::Assessor;
use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss};
use proptest::prelude::*;

const KINDS: [Curvature; 2] = [Curvature::Hessian, Curvature::GaussNewton];

fn activations() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![
        Activation::Relu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
    ])
}

fn losses() -> impl Strategy<Value = Loss> {
    prop::sample::select(vec![
        Loss::MeanSquaredError,
        Loss::HalfSumOfSquares,
        Loss::SoftmaxCrossEntropy,
    ])
}

/// A convolutional network with a residual block, and the size of everything drawn.
fn network(function: Activation, channels: usize, side: usize, outputs: usize) -> Network {
    let convolution = |channels, stride| Layer::Convolution {
        channels,
        kernel: 3,
        stride,
        padding: 1,
        bias: true,
    };
    let activation = Layer::Activation { function };
    let layers = vec![
        convolution(channels, 1),
        activation.clone(),
        Layer::MaxPool { window: 2, stride: None },
        Layer::Residual {
            layers: vec![convolution(channels + 1, 2), activation.clone()],
            projection: true,
        },
        Layer::Flatten,
        Layer::Linear { outputs: 5, bias: true },
        activation,
        Layer::Linear { outputs, bias: true },
    ];
    let input = Shape { channels: 2, height: side, width: side + 1 };
    Network::new(&Architecture { input, layers }).unwrap()
}

fn wave(count: usize, frequency: f64) -> Vec<f64> {
    (0..count).map(|i| (frequency * (i as f64 + 0.5)).sin()).collect()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Products of a few hundred thousand rounded operations: 1e-12 of the sizes involved is some
/// 5,000 units in the last place.
const ROUNDING: f64 = 1e-12;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn matrices_are_symmetric_linear_and_means_over_examples(
        function in activations(),
        loss in losses(),
        channels in 1_usize..4,
        side in 4_usize..8,
        outputs in 2_usize..4,
        n in 1_usize..7,
        seed in 0_u64..1000,
        weight_decay in prop::sample::select(vec![0.0, 0.3]),
    ) {
        let network = network(function, channels, side, outputs);
        let theta = network.initialize(&Initialization { gain: 1.5 }, seed);
        let inputs = wave(n * network.input().size(), 0.37 + seed as f64);
        let labels: Vec<usize> = (0..n).map(|i| (i + seed as usize) % outputs).collect();
        let mut targets = vec![0.0; n * outputs];
        labels.iter().enumerate().for_each(|(i, label)| targets[i * outputs + label] = 1.0);
        let execution = Execution::new(1, 1 << 30).unwrap();
        let all = Examples::<f64>::from_targets(&network, loss, &inputs, &targets).unwrap();
        let mut whole = Evaluator::new(&network, loss, weight_decay, &all, &execution).unwrap();
        whole.set_point(&theta).unwrap();
        let p = theta.len();
        let (v, w) = (wave(p, 0.91), wave(p, 1.7));
        let mixed: Vec<f64> = v.iter().zip(&w).map(|(v, w)| 2.0 * v - 0.5 * w).collect();

        type Product = fn(&mut Evaluator<'_, f64>, Curvature, &[f64], &mut [f64]);
        let products: [Product; 3] = [
            |e, k, v, out| e.product(k, v, out).unwrap(),
            |e, k, v, out| e.second_moment(k, v, out).unwrap(),
            |e, _, v, out| e.variance(v, out).unwrap(),
        ];
        for kind in KINDS {
            let mut size: f64 = 0.0;
            // Σ is of Hessians alone.
            let count = if kind == Curvature::Hessian { 3 } else { 2 };
            for (index, product) in products[..count].iter().enumerate() {
                let mut of = |x: &[f64]| {
                    let mut out = vec![0.0; p];
                    product(&mut whole, kind, x, &mut out);
                    out
                };
                let (av, aw, am) = (of(&v), of(&w), of(&mixed));
                // The variance is a difference of terms of the second moment's size, and can be 0.
                let least = if index == 2 { size } else { 0.0 };
                size = (norm(&av).max(norm(&aw)) * norm(&v).max(norm(&w))).max(least);
                prop_assert!((dot(&av, &w) - dot(&v, &aw)).abs() <= ROUNDING * size, "symmetry");
                let combined: Vec<f64> =
                    av.iter().zip(&aw).zip(&am).map(|((a, b), m)| 2.0 * a - 0.5 * b - m).collect();
                prop_assert!(norm(&combined) <= 4.0 * ROUNDING * size, "linearity");
                // Gauss–Newton, second moment and variance are positive semidefinite.
                if index > 0 || kind == Curvature::GaussNewton {
                    prop_assert!(dot(&av, &v) >= -ROUNDING * size, "positive semidefinite");
                }
            }
        }

        // Means over single examples, and Σ = mean H_i² − H² up to cancellation.
        let inputs_of = |i: usize| &inputs[i * network.input().size()..][..network.input().size()];
        for kind in KINDS {
            let (mut mean, mut square) = (vec![0.0; p], vec![0.0; p]);
            for i in 0..n {
                let one = Examples::<f64>::from_targets(
                    &network, loss, inputs_of(i), &targets[i * outputs..][..outputs],
                ).unwrap();
                let mut single =
                    Evaluator::new(&network, loss, weight_decay, &one, &execution).unwrap();
                single.set_point(&theta).unwrap();
                let (mut u, mut uu) = (vec![0.0; p], vec![0.0; p]);
                single.product(kind, &v, &mut u).unwrap();
                single.product(kind, &u, &mut uu).unwrap();
                for j in 0..p {
                    mean[j] += u[j] / n as f64;
                    square[j] += uu[j] / n as f64;
                }
            }
            let mut out = vec![0.0; p];
            whole.product(kind, &v, &mut out).unwrap();
            let difference: Vec<f64> = out.iter().zip(&mean).map(|(a, b)| a - b).collect();
            prop_assert!(norm(&difference) <= ROUNDING * norm(&mean).max(1e-3), "mean of H_i");
            whole.second_moment(kind, &v, &mut out).unwrap();
            let difference: Vec<f64> = out.iter().zip(&square).map(|(a, b)| a - b).collect();
            let size = norm(&square).max(1e-3);
            prop_assert!(norm(&difference) <= ROUNDING * size, "mean of H_i²");
            if kind == Curvature::GaussNewton {
                continue;
            }
            let mut hh = vec![0.0; p];
            whole.product(kind, &mean, &mut hh).unwrap();
            whole.variance(&v, &mut out).unwrap();
            let difference: Vec<f64> =
                (0..p).map(|j| out[j] - (square[j] - hh[j])).collect();
            prop_assert!(norm(&difference) <= 4.0 * ROUNDING * size, "variance");
        }

        // The order of the examples changes nothing but rounding.
        let reversed = all.select(&(0..n).rev().collect::<Vec<_>>());
        let mut other = Evaluator::new(&network, loss, weight_decay, &reversed, &execution).unwrap();
        other.set_point(&theta).unwrap();
        let difference: Vec<f64> =
            other.gradient().iter().zip(whole.gradient()).map(|(a, b)| a - b).collect();
        prop_assert!(norm(&difference) <= ROUNDING * norm(whole.gradient()).max(1e-3));
    }
}

/// Each is the loss of its example alone, in the order of the set; 70 examples are several chunks.
#[test]
fn losses_of_single_examples() {
    let (network, loss, n) = (network(Activation::Tanh, 2, 5, 3), Loss::MeanSquaredError, 70);
    let theta = network.initialize(&Initialization { gain: 1.5 }, 4);
    let size = network.input().size();
    let (inputs, targets) = (wave(n * size, 0.37), wave(n * 3, 1.1));
    let execution = Execution::new(2, 1 << 30).unwrap();
    let examples = |range: std::ops::Range<usize>| {
        let (x, y) = (
            &inputs[range.start * size..range.end * size],
            &targets[3 * range.start..3 * range.end],
        );
        Examples::<f64>::from_targets(&network, loss, x, y).unwrap()
    };
    let all = examples(0..n);
    let losses = Assessor::new(&network, loss, &all, &execution).example_losses(&theta);
    assert_eq!(losses.len(), n);
    for (i, found) in losses.iter().enumerate() {
        let one = examples(i..i + 1);
        let expected = Assessor::new(&network, loss, &one, &execution).assess(&theta).loss;
        assert!((found - expected).abs() <= ROUNDING * expected, "{i}: {found} {expected}");
    }
}

/// The products in double precision are those in the precision of the passes, to the last bit, also
/// in f32 and with weight decay.
fn double_precision<T: minimascope_net::Scalar>() {
    let (network, loss, n) = (network(Activation::Tanh, 2, 5, 3), Loss::SoftmaxCrossEntropy, 70);
    let convert = |x: &[f64]| x.iter().map(|x| T::from_f64(*x)).collect::<Vec<T>>();
    let widened = |x: &[T]| x.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
    let theta = convert(&network.initialize(&Initialization { gain: 1.5 }, 4));
    let (inputs, targets) = (wave(n * network.input().size(), 0.37), wave(n * 3, 1.1));
    let targets: Vec<f64> = targets.iter().map(|y| y.abs()).collect();
    let all = Examples::<T>::from_targets(&network, loss, &inputs, &targets).unwrap();
    let execution = Execution::new(2, 1 << 30).unwrap();
    let mut evaluator = Evaluator::new(&network, loss, 0.3, &all, &execution).unwrap();
    let p = theta.len();
    let x = widened(&convert(&wave(p, 0.91)));
    let (mut y, mut out, mut u) = (vec![0.0; p], vec![T::ZERO; p], vec![0.0; n * 3]);
    assert!(evaluator.product(KINDS[0], &x, &mut y).is_err(), "no point yet");
    assert!(evaluator.factor_blocks(&mut [0.0; 9]).is_err(), "no point yet");
    assert!(evaluator.factor_gram(&mut [0.0; 9]).is_err(), "no point yet");
    assert!(evaluator.write_gradient(&mut y).is_err());
    evaluator.set_point(&theta).unwrap();
    assert!(evaluator.variance(&x[1..], &mut y).is_err(), "a direction too short");
    assert!(evaluator.factor_product(&x, &mut u[1..]).is_err(), "a product too short");
    let v = convert(&x);
    for kind in KINDS {
        evaluator.product(kind, &v, &mut out).unwrap();
        evaluator.product(kind, &x, &mut y).unwrap();
        assert_eq!(y, widened(&out));
        evaluator.second_moment(kind, &v, &mut out).unwrap();
        evaluator.second_moment(kind, &x, &mut y).unwrap();
        assert_eq!(y, widened(&out));
    }
    evaluator.variance(&v, &mut out).unwrap();
    evaluator.variance(&x, &mut y).unwrap();
    assert_eq!(y, widened(&out));
    evaluator.write_gradient(&mut y).unwrap();
    assert_eq!(y, widened(evaluator.gradient()));
    let mut plain = vec![0.0; n * 3];
    evaluator.factor_product(&v, &mut plain).unwrap();
    evaluator.factor_product(&x, &mut u).unwrap();
    assert_eq!(u, plain);
    evaluator.factor_transposed(&u, &mut out).unwrap();
    evaluator.factor_transposed(&u, &mut y).unwrap();
    assert_eq!(y, widened(&out));
}

/// Vectors of single precision at a point of double precision: the exact direction, and the result
/// rounded once.
#[test]
fn products_of_narrower_vectors_are_rounded_once() {
    let (network, loss, n) = (network(Activation::Tanh, 2, 5, 3), Loss::SoftmaxCrossEntropy, 70);
    let theta = network.initialize(&Initialization { gain: 1.5 }, 4);
    let (inputs, targets) = (wave(n * network.input().size(), 0.37), wave(n * 3, 1.1));
    let targets: Vec<f64> = targets.iter().map(|y| y.abs()).collect();
    let all = Examples::<f64>::from_targets(&network, loss, &inputs, &targets).unwrap();
    let execution = Execution::new(2, 1 << 30).unwrap();
    let mut evaluator = Evaluator::new(&network, loss, 0.3, &all, &execution).unwrap();
    evaluator.set_point(&theta).unwrap();
    let narrow: Vec<f32> = wave(theta.len(), 0.91).iter().map(|x| *x as f32).collect();
    let wide: Vec<f64> = narrow.iter().map(|x| f64::from(*x)).collect();
    let (mut rounded, mut exact) = (vec![0.0_f32; narrow.len()], vec![0.0; narrow.len()]);
    evaluator.variance(&narrow, &mut rounded).unwrap();
    evaluator.variance(&wide, &mut exact).unwrap();
    assert_eq!(rounded, exact.iter().map(|x| *x as f32).collect::<Vec<_>>());
    assert!(exact.iter().any(|x| f64::from(*x as f32) != *x), "rounding has something to do");
}

#[test]
fn products_in_double_precision() {
    double_precision::<f32>();
    double_precision::<f64>();
}
