//! Every operator of every trained point against the dense matrix of its definition: the product of
//! two lists, points × matrices. A new point or a new matrix is one more row.

use minimascope_curvature::{
    DensePoint, GramOperator, Matrix, PointOperator, ProductFailure, TrainedPoint,
};
use minimascope_linop::{Mat, as_matrix, largest_pair, symmetric_eigen};
use minimascope_net::{Evaluator, Examples, Execution, Network, Scalar};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss};

/// Examples of every point.
const N: usize = 6;
/// Sums of at most a few thousand rounded terms.
const ROUNDING: f64 = 1e-12;
/// The passes' relative error in f32 is 2e-4 at most.
const SINGLE: f64 = 2e-4;

const MATRICES: [Matrix; 4] =
    [Matrix::Hessian, Matrix::GaussNewton, Matrix::SecondMoment, Matrix::Variance];

/// A network on examples, with everything that its evaluator borrows.
struct Trained {
    network: Network,
    loss: Loss,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    theta: Vec<f64>,
    weight_decay: f64,
}

/// A convolution, a pool and two linear layers, P ≤ 60.
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

fn trained() -> Vec<(String, Trained)> {
    let losses = [
        (Loss::MeanSquaredError, 3, 0.0),
        (Loss::MeanSquaredError, 3, 0.3),
        (Loss::HalfSumOfSquares, 2, 0.0),
        (Loss::SoftmaxCrossEntropy, 3, 0.0),
        (Loss::BinaryLogistic, 1, 0.0),
    ];
    let wave = |count: usize, f: f64| (0..count).map(|i| (f * (i as f64 + 0.5)).sin()).collect();
    let problem = |(loss, outputs, weight_decay)| {
        let network = network(outputs);
        assert!(network.parameters() <= 60);
        let one_hot = |i: usize| f64::from(u8::from(i % outputs == (i / outputs * 2) % outputs));
        let logistic = |i: usize| f64::from(u8::from(i.is_multiple_of(2)));
        let target = |i| if outputs == 1 { logistic(i) } else { one_hot(i) };
        let trained = Trained {
            inputs: wave(N * network.input().size(), 0.83),
            targets: (0..N * outputs).map(target).collect(),
            theta: network.initialize(&Initialization { gain: 1.3 }, 8),
            network,
            loss,
            weight_decay,
        };
        (format!("{loss:?} with weight decay {weight_decay}"), trained)
    };
    losses.into_iter().map(problem).collect()
}

impl Trained {
    fn at<T: Scalar>(&self, memory: usize, work: &mut dyn FnMut(&mut dyn TrainedPoint)) {
        let execution = Execution::new(1, memory).unwrap();
        let (network, loss) = (&self.network, self.loss);
        let narrow = |x: &[f64]| x.iter().map(|x| T::from_f64(*x)).collect::<Vec<T>>();
        let (inputs, targets) = (&self.inputs, &self.targets);
        let examples = Examples::<T>::from_targets(network, loss, inputs, targets).unwrap();
        let mut evaluator =
            Evaluator::new(network, loss, self.weight_decay, &examples, &execution).unwrap();
        evaluator.set_point(&narrow(&self.theta)).unwrap();
        work(&mut evaluator);
    }
}

/// Six 4 × 4 matrices, one of them with a negative end.
fn dense_point() -> DensePoint {
    let entry = |i: usize, j: usize, k: usize| ((i * j + i + j + 3 * k) as f64 * 0.7).sin();
    let hessian = |k: usize| {
        (0..16).map(move |at| {
            let (i, j) = (at / 4, at % 4);
            0.5 * (entry(i, j, k) + entry(j, i, k)) + if i == j && k > 0 { 5.0 } else { 0.0 }
        })
    };
    let hessians: Vec<f64> = (0..N).flat_map(hessian).collect();
    DensePoint::new(4, &hessians).unwrap().moved_to(&[0.3, -1.0, 2.0, 0.7]).unwrap()
}

/// The first list: every point, with its accuracy.
fn for_every_point(mut check: impl FnMut(&str, f64, &mut dyn TrainedPoint)) {
    for (name, trained) in &trained() {
        trained.at::<f64>(1 << 30, &mut |point| check(&format!("{name}, f64"), ROUNDING, point));
        trained.at::<f32>(1 << 30, &mut |point| check(&format!("{name}, f32"), SINGLE, point));
    }
    check("dense", ROUNDING, &mut dense_point());
}

fn dense(point: &mut dyn TrainedPoint, matrix: Matrix) -> Mat<f64> {
    as_matrix(&mut PointOperator::new(point, matrix)).unwrap()
}

/// The matrix of each single unit.
fn of_units(point: &mut dyn TrainedPoint, matrix: Matrix) -> Vec<Mat<f64>> {
    let mut found = Vec::new();
    for unit in 0..N {
        let mut take = |single: &mut dyn TrainedPoint| -> Result<(), ProductFailure> {
            assert_eq!(single.shape().units, 1);
            found.push(dense(single, matrix));
            Ok(())
        };
        point.at_units(&[unit], &mut take).unwrap();
    }
    found
}

fn mean(matrices: impl Iterator<Item = Mat<f64>>) -> Mat<f64> {
    matrices.reduce(|sum, next| sum + next).unwrap() * faer::Scale(1.0 / N as f64)
}

/// ‖a − b‖ over the size of what was added up to b.
fn difference(a: &Mat<f64>, b: &Mat<f64>, scale: f64) -> f64 {
    (a - b).norm_l2() / scale
}

#[test]
fn operators_are_the_matrices_of_their_definitions() {
    for_every_point(|name, accuracy, point| {
        let each = of_units(point, Matrix::Hessian);
        let h = mean(each.iter().cloned());
        let square = mean(each.iter().map(|h| h * h));
        for matrix in MATRICES {
            let found = dense(point, matrix);
            let (expected, scale) = match matrix {
                Matrix::Hessian => (h.clone(), h.norm_l2()),
                Matrix::SecondMoment => (square.clone(), square.norm_l2()),
                Matrix::Variance => (&square - &h * &h, square.norm_l2()),
                Matrix::GaussNewton => {
                    let mean = mean(of_units(point, Matrix::GaussNewton).into_iter());
                    let scale = mean.norm_l2();
                    (mean, scale)
                }
            };
            let difference = difference(&found, &expected, scale);
            assert!(difference < 10.0 * accuracy, "{name}, {matrix:?}: {difference:e}");
        }
    });
}

/// AᵀA/n is the Gauss–Newton matrix without weight decay, AAᵀ and its blocks are what the rows give,
/// and λ_max of a block is that of the unit.
#[test]
fn square_root_factors_are_those_of_the_gauss_newton_matrices() {
    for_every_point(|name, accuracy, point| {
        let shape = point.shape();
        let (p, k, rows) = (shape.parameters, shape.outputs, shape.rows());
        let mut factors = Mat::<f64>::zeros(rows, p);
        let (mut unit, mut image) = (vec![0.0; p], vec![0.0; rows]);
        for column in 0..p {
            unit[column] = 1.0;
            point.factor_product(&unit, &mut image).unwrap();
            factors.col_as_slice_mut(column).copy_from_slice(&image);
            unit[column] = 0.0;
        }
        let decay = point.weight_decay();
        let shift = Mat::from_fn(p, p, |i, j| if i == j { decay } else { 0.0 });
        let gauss_newton = dense(point, Matrix::GaussNewton);
        let from_factors = factors.transpose() * &factors * faer::Scale(1.0 / N as f64);
        let scale = gauss_newton.norm_l2();
        let off = difference(&(from_factors + shift), &gauss_newton, scale);
        assert!(off < 10.0 * accuracy, "{name}, AᵀA/n: {off:e}");

        let (mut unit, mut image) = (vec![0.0; rows], vec![0.0; p]);
        for row in [0, rows / 2, rows - 1] {
            unit[row] = 1.0;
            point.factor_transposed(&unit, &mut image).unwrap();
            unit[row] = 0.0;
            for (column, value) in image.iter().enumerate() {
                let off = (value - factors[(row, column)]).abs() / factors.norm_l2();
                assert!(off < 10.0 * accuracy, "{name}, Aᵀ at ({row}, {column}): {off:e}");
            }
        }

        let exact = &factors * factors.transpose();
        let size = exact.norm_l2();
        let mut gram = vec![0.0; rows * rows];
        point.gram(&mut gram).unwrap();
        let found = Mat::from_fn(rows, rows, |i, j| gram[i * rows + j]);
        assert!(difference(&found, &exact, size) < 10.0 * accuracy, "{name}, the Gram matrix");
        let operator = as_matrix(&mut GramOperator::new(point)).unwrap();
        let operator = operator * faer::Scale(N as f64);
        assert!(difference(&operator, &exact, size) < 10.0 * accuracy, "{name}, as an operator");
        let mut blocks = vec![0.0; rows * k];
        point.blocks(&mut blocks).unwrap();
        let singles = of_units(point, Matrix::GaussNewton);
        for (i, single) in singles.iter().enumerate() {
            let block = Mat::from_fn(k, k, |a, b| blocks[(i * k + a) * k + b]);
            let inside = Mat::from_fn(k, k, |a, b| exact[(i * k + a, i * k + b)]);
            assert!(difference(&block, &inside, size) < 10.0 * accuracy, "{name}, block {i}");
            let top = |m: &Mat<f64>| *symmetric_eigen(m.as_ref()).unwrap().values.last().unwrap();
            let off = (top(&block) + decay - top(single)).abs() / size.sqrt();
            assert!(off < 10.0 * accuracy, "{name}, λ_max of unit {i}: {off:e}");
        }
    });
}

/// The gradient is the mean over units, and the facts are those of the units.
#[test]
fn losses_and_gradients_are_means_over_units() {
    for_every_point(|name, accuracy, point| {
        let p = point.shape().parameters;
        let facts = point.facts().unwrap();
        let mut losses = vec![0.0; N];
        point.unit_losses(&mut losses).unwrap();
        let mean_loss = losses.iter().sum::<f64>() / N as f64;
        let largest = losses.iter().fold(f64::MIN_POSITIVE, |most, loss| most.max(loss.abs()));
        assert!((facts.loss - mean_loss).abs() < 10.0 * accuracy * largest, "{name}: loss");
        let (mut gradient, mut sum) = (vec![0.0; p], vec![0.0; p]);
        point.gradient(&mut gradient).unwrap();
        for unit in 0..N {
            let mut one = vec![0.0; p];
            point.at_units(&[unit], &mut |single| single.gradient(&mut one)).unwrap();
            sum.iter_mut().zip(&one).for_each(|(sum, one)| *sum += one / N as f64);
        }
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!((norm - facts.gradient_norm).abs() < 10.0 * accuracy * norm, "{name}: norm");
        for (a, b) in gradient.iter().zip(&sum) {
            assert!((a - b).abs() < 10.0 * accuracy * norm, "{name}: {a} and {b}");
        }
    });
}

/// With nothing kept and with everything kept the products are the same to the last bit.
#[test]
fn memory_changes_no_bit() {
    for (name, trained) in &trained() {
        for matrix in MATRICES {
            let mut found = Vec::new();
            // The least that holds the vectors and one chunk.
            for memory in [1 << 30, 1 << 19] {
                trained.at::<f64>(memory, &mut |point| found.push(dense(point, matrix)));
            }
            assert!(found[0] == found[1], "{name}, {matrix:?}");
        }
    }
}

/// Sharpness and non-uniformity in f32 and f64 from the same parameters; the Lanczos tolerance adds
/// 1e-4.
#[test]
fn both_precisions_agree() {
    for (name, trained) in &trained() {
        for matrix in [Matrix::Hessian, Matrix::Variance] {
            let top = |point: &mut dyn TrainedPoint| {
                largest_pair(&mut PointOperator::new(point, matrix), 1e-4, None).unwrap().value
            };
            let (mut double, mut single) = (0.0, 0.0);
            trained.at::<f64>(1 << 30, &mut |point| double = top(point));
            trained.at::<f32>(1 << 30, &mut |point| single = top(point));
            assert!((double - single).abs() < 1e-3 * double, "{name}: {double} {single}");
        }
    }
}

/// An error of the point reaches whoever asked, through operator and solver.
#[test]
fn a_failing_point_is_heard() {
    struct Lost(DensePoint);
    impl TrainedPoint for Lost {
        fn shape(&self) -> minimascope_curvature::PointShape {
            self.0.shape()
        }
        fn precision(&self) -> minimascope_record::config::Precision {
            self.0.precision()
        }
        fn facts(&mut self) -> Result<minimascope_curvature::PointFacts, ProductFailure> {
            self.0.facts()
        }
        fn cost(&self, matrix: Matrix) -> minimascope_curvature::ProductCost {
            self.0.cost(matrix)
        }
        fn product(&mut self, _: Matrix, _: &[f64], _: &mut [f64]) -> Result<(), ProductFailure> {
            Err(std::io::Error::other("worker 2 is gone").into())
        }
        fn gradient(&mut self, g: &mut [f64]) -> Result<(), ProductFailure> {
            self.0.gradient(g)
        }
        fn unit_losses(&mut self, losses: &mut [f64]) -> Result<(), ProductFailure> {
            self.0.unit_losses(losses)
        }
        fn factor_product(&mut self, x: &[f64], u: &mut [f64]) -> Result<(), ProductFailure> {
            self.0.factor_product(x, u)
        }
        fn factor_transposed(&mut self, u: &[f64], y: &mut [f64]) -> Result<(), ProductFailure> {
            self.0.factor_transposed(u, y)
        }
        fn at_units(
            &mut self,
            units: &[usize],
            work: &mut dyn FnMut(&mut dyn TrainedPoint) -> Result<(), ProductFailure>,
        ) -> Result<(), ProductFailure> {
            self.0.at_units(units, work)
        }
    }
    let mut lost = Lost(dense_point());
    let error =
        largest_pair(&mut PointOperator::new(&mut lost, Matrix::Hessian), 1e-3, None).unwrap_err();
    assert_eq!(error.to_string(), "worker 2 is gone");
}
