//! Rung one: networks whose derivatives can be written down.

use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::Loss;

const INPUTS: [[f64; 3]; 4] =
    [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [-0.75, 1.0, 1.0], [0.1, 0.2, -1.2]];

fn vector(size: usize) -> Shape {
    Shape { channels: size, height: 1, width: 1 }
}

fn regression(outputs: usize) -> Network {
    let layers = vec![Layer::Linear { outputs, bias: false }];
    Network::new(&Architecture { input: vector(3), layers }).unwrap()
}

/// Σ_i w_i x_i x_iᵀ ⊗ L_i applied to v, for z = W x: (L_i V x_i) x_iᵀ with V = v as outputs × 3.
fn kronecker(curvatures: &[Vec<f64>], outputs: usize, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = INPUTS.len() as f64;
    let (mut first, mut second) = (vec![0.0; v.len()], vec![0.0; v.len()]);
    for (x, l) in INPUTS.iter().zip(curvatures) {
        let apply = |v: &[f64]| -> Vec<f64> {
            let vx: Vec<f64> =
                (0..outputs).map(|o| (0..3).map(|j| v[o * 3 + j] * x[j]).sum()).collect();
            let lvx: Vec<f64> = (0..outputs)
                .map(|o| (0..outputs).map(|q| l[o * outputs + q] * vx[q]).sum())
                .collect();
            (0..outputs * 3).map(|i| lvx[i / 3] * x[i % 3]).collect()
        };
        let u = apply(v);
        for (sum, x) in first.iter_mut().zip(&u) {
            *sum += x / n;
        }
        for (sum, x) in second.iter_mut().zip(apply(&u)) {
            *sum += x / n;
        }
    }
    (first, second)
}

fn outputs_of(theta: &[f64], outputs: usize) -> Vec<Vec<f64>> {
    let row = |x: &[f64; 3], o: usize| (0..3).map(|j| theta[o * 3 + j] * x[j]).sum();
    INPUTS.iter().map(|x| (0..outputs).map(|o| row(x, o)).collect()).collect()
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let total: f64 = z.iter().map(|z| z.exp()).sum();
    z.iter().map(|z| z.exp() / total).collect()
}

fn check(loss: Loss, outputs: usize, targets: &[f64], curvature: impl Fn(&[f64]) -> Vec<f64>) {
    let network = regression(outputs);
    let inputs = INPUTS.concat();
    let examples = Examples::<f64>::from_targets(&network, loss, &inputs, targets).unwrap();
    let execution = Execution::new(1, 1 << 30).unwrap();
    let mut evaluator = Evaluator::new(&network, loss, 0.0, &examples, &execution).unwrap();
    let theta: Vec<f64> = (0..3 * outputs).map(|i| 0.3 - 0.17 * i as f64).collect();
    let v: Vec<f64> = (0..3 * outputs).map(|i| 0.9 - 0.4 * i as f64).collect();
    evaluator.set_point(&theta).unwrap();
    let curvatures: Vec<_> = outputs_of(&theta, outputs).iter().map(|z| curvature(z)).collect();
    let (first, second) = kronecker(&curvatures, outputs, &v);
    let mut out = vec![0.0; v.len()];
    // A linear model has H_i = G_i.
    for kind in [Curvature::Hessian, Curvature::GaussNewton] {
        evaluator.product(kind, &v, &mut out).unwrap();
        close(&out, &first);
        evaluator.second_moment(kind, &v, &mut out).unwrap();
        close(&out, &second);
    }
}

/// A few dozen operations on numbers of size 1 to 10.
fn close(ours: &[f64], closed: &[f64]) {
    for (a, b) in ours.iter().zip(closed) {
        assert!((a - b).abs() < 1e-13 * (1.0 + b.abs()), "{a} is not {b}, ratio {}", a / b);
    }
}

#[test]
fn linear_regression_has_the_gram_matrix_for_hessian() {
    let targets = [1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 2.0, -1.0];
    let scaled = |scale: f64| move |_: &[f64]| vec![scale, 0.0, 0.0, scale];
    check(Loss::MeanSquaredError, 2, &targets, scaled(2.0 / 2.0));
    check(Loss::HalfSumOfSquares, 2, &targets, scaled(1.0));
    let three = [0.0; 12];
    let mean = |_: &[f64]| (0..9).map(|i| if i % 4 == 0 { 2.0 / 3.0 } else { 0.0 }).collect();
    check(Loss::MeanSquaredError, 3, &three, mean);
}

#[test]
fn logistic_regression_has_p_times_one_minus_p() {
    check(Loss::BinaryLogistic, 1, &[1.0, 0.0, 0.0, 1.0], |z| {
        let p = 1.0 / (1.0 + (-z[0]).exp());
        vec![p * (1.0 - p)]
    });
}

#[test]
fn softmax_regression_has_the_covariance_of_its_distribution() {
    let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    check(Loss::SoftmaxCrossEntropy, 3, &targets, |z| {
        let p = softmax(z);
        let at = |o: usize, q: usize| if o == q { p[o] - p[o] * p[q] } else { -p[o] * p[q] };
        (0..9).map(|i| at(i / 3, i % 3)).collect()
    });
}

/// z = b tanh(a x), one example, ½(z − y)²: with t = tanh(ax), s = 1 − t²,
/// f_aa = (b x s)² − 2 r b x² t s, f_ab = b x s t + r x s, f_bb = t², r = bt − y.
#[test]
fn a_network_of_two_parameters_by_hand() {
    let layers = vec![
        Layer::Linear { outputs: 1, bias: false },
        Layer::Activation { function: Activation::Tanh },
        Layer::Linear { outputs: 1, bias: false },
    ];
    let network = Network::new(&Architecture { input: vector(1), layers }).unwrap();
    let loss = Loss::HalfSumOfSquares;
    let (x, y, a, b) = (0.8, 1.7, 0.6, -1.3);
    let examples = Examples::<f64>::from_targets(&network, loss, &[x], &[y]).unwrap();
    let execution = Execution::new(1, 1 << 30).unwrap();
    let mut evaluator = Evaluator::new(&network, loss, 0.0, &examples, &execution).unwrap();
    evaluator.set_point(&[a, b]).unwrap();
    let t = (a * x).tanh();
    let (s, r) = (1.0 - t * t, b * t - y);
    close(&[evaluator.value()], &[0.5 * r * r]);
    close(evaluator.gradient(), &[r * b * x * s, r * t]);
    let f_aa = (b * x * s).powi(2) - 2.0 * r * b * x * x * t * s;
    let f_ab = b * x * s * t + r * x * s;
    let hessian = [[f_aa, f_ab], [f_ab, t * t]];
    let mut out = [0.0; 2];
    for (column, unit) in [[1.0, 0.0], [0.0, 1.0]].iter().enumerate() {
        evaluator.product(Curvature::Hessian, unit, &mut out).unwrap();
        close(&out, &[hessian[0][column], hessian[1][column]]);
        // One example: the second moment is H², the variance 0.
        evaluator.second_moment(Curvature::Hessian, unit, &mut out).unwrap();
        let square = |i: usize| (0..2).map(|j| hessian[i][j] * hessian[j][column]).sum();
        close(&out, &[square(0), square(1)]);
        evaluator.variance(unit, &mut out).unwrap();
        close(&out, &[0.0, 0.0]);
    }
}
