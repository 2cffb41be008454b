//! Architectures that are laid out with care, and those that are refused.

use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss};

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

fn relu() -> Layer {
    Layer::Activation { function: Activation::Relu }
}

const VECTOR: Shape = Shape { channels: 3, height: 1, width: 1 };

/// A block reads its input twice: nothing inside may write over it, not even behind layers that
/// change nothing.
#[test]
fn a_flatten_that_changes_nothing_changes_nothing() {
    let block = |inner: Vec<Layer>| Layer::Residual { layers: inner, projection: false };
    let plain = block(vec![relu(), linear(4)]);
    let behind = [
        block(vec![Layer::Flatten, relu(), linear(4)]),
        block(vec![Layer::Flatten, Layer::Flatten, relu(), linear(4)]),
        block(vec![block(vec![Layer::Flatten, relu(), linear(4)]), relu(), linear(4)]),
    ];
    let nested = block(vec![block(vec![relu(), linear(4)]), relu(), linear(4)]);
    let run = |layer: &Layer| {
        let layers = vec![linear(4), layer.clone(), linear(2)];
        let network = Network::new(&Architecture { input: VECTOR, layers }).unwrap();
        let inputs: Vec<f64> = (0..12).map(|i| (1.7 * f64::from(i)).sin()).collect();
        let targets: Vec<f64> = (0..8).map(|i| f64::from(i % 3)).collect();
        let loss = Loss::HalfSumOfSquares;
        let examples = Examples::<f64>::from_targets(&network, loss, &inputs, &targets).unwrap();
        let execution = Execution::new(1, 1 << 24).unwrap();
        let mut evaluator = Evaluator::new(&network, loss, 0.0, &examples, &execution).unwrap();
        let theta = network.initialize(&Initialization { gain: 2.0 }, 3);
        let v = vec![1.0; theta.len()];
        let mut out = vec![0.0; theta.len()];
        assert!(evaluator.product(Curvature::Hessian, &v, &mut out).is_err(), "no point yet");
        evaluator.set_point(&theta).unwrap();
        evaluator.second_moment(Curvature::Hessian, &v, &mut out).unwrap();
        (evaluator.value(), evaluator.gradient().to_vec(), out)
    };
    assert_eq!(run(&behind[0]), run(&plain));
    assert_eq!(run(&behind[1]), run(&plain));
    assert_eq!(run(&behind[2]), run(&nested));
}

#[test]
fn sizes_without_sense_are_refused_by_layer() {
    let convolution = |channels, kernel, stride, padding| Layer::Convolution {
        channels,
        kernel,
        stride,
        padding,
        bias: true,
    };
    let image = Shape { channels: 2, height: 8, width: 8 };
    let cases = [
        (vec![linear(0)], "layer 0 (linear): outputs = 0; it must be from 1 to 1048576"),
        (vec![linear(10_usize.pow(18))], "layer 0 (linear): outputs = 1000000000000000000"),
        (vec![linear(1 << 20), linear(1 << 20)], "layer 1 (linear): it would have more than"),
        (vec![convolution(4, 3, 1, 1 << 63)], "layer 0 (convolution): padding = "),
        (vec![convolution(4, 3, 1, 70_000)], "layer 0 (convolution): it would have more than"),
        (
            vec![convolution(4, 3, 1, 5_000)],
            "layer 0 (convolution): it would have more than 16777216 positions",
        ),
        (vec![convolution(0, 3, 1, 1)], "layer 0 (convolution): channels = 0"),
        (vec![convolution(4, 3, 0, 1)], "layer 0 (convolution): stride = 0"),
        (vec![convolution(4, 11, 1, 1)], "layer 0 (convolution): a kernel of 11 is larger"),
        (vec![Layer::MaxPool { window: 9, stride: None }], "layer 0 (max-pool): a window of 9"),
        (vec![relu()], "the network has no parameters"),
        (
            vec![Layer::Residual { layers: vec![linear(3)], projection: false }],
            "layer 0 (residual): the inner chain maps 2×8×8 to 3",
        ),
    ];
    for (layers, expected) in cases {
        let error = Network::new(&Architecture { input: image, layers }).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let empty = Shape { channels: 0, height: 1, width: 1 };
    let error = Network::new(&Architecture { input: empty, layers: vec![linear(2)] }).unwrap_err();
    assert!(error.to_string().starts_with("layer input (shape): channels, height and width"));
}
