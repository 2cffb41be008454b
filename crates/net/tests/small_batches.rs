//! Steps of at most sixteen examples are shared by threads: any number of them gives the same bits.

use std::ops::ControlFlow;

use minimascope_net::train::{CompletedStep, Settings, Trainer};
use minimascope_net::{Examples, Execution, Network, Scalar};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss, Stop};

const LOSS: Loss = Loss::MeanSquaredError;
/// Not a multiple of most batch sizes below, so that epochs end ragged.
const EXAMPLES: usize = 37;
const BATCH_SIZES: [usize; 8] = [1, 2, 3, 5, 7, 10, 11, 16];

const RELU: Layer = Layer::Activation { function: Activation::Relu };

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

/// Layers of which three parts are worth a thread at B = 1, and widths that no register divides.
fn fully_connected() -> Architecture {
    let input = Shape { channels: 1, height: 19, width: 19 };
    Architecture { input, layers: vec![linear(311), RELU, linear(177), RELU, linear(3)] }
}

/// Images large enough to be cut by positions, small ones that are taken in groups, a sum, and
/// pooling.
fn convolutional() -> Architecture {
    let convolution = |channels, kernel, stride| Layer::Convolution {
        channels,
        kernel,
        stride,
        padding: kernel / 2,
        bias: true,
    };
    let input = Shape { channels: 3, height: 21, width: 23 };
    let layers = vec![
        convolution(17, 3, 1),
        RELU,
        Layer::Residual { layers: vec![convolution(17, 3, 1), RELU], projection: false },
        Layer::MaxPool { window: 2, stride: None },
        convolution(35, 5, 2),
        Layer::Activation { function: Activation::Tanh },
        convolution(70, 3, 2),
        RELU,
        linear(311),
        RELU,
        linear(3),
    ];
    Architecture { input, layers }
}

/// θ after some epochs.
fn train<T: Scalar>(architecture: &Architecture, batch_size: usize, threads: usize) -> Vec<f64> {
    let network = Network::new(architecture).unwrap();
    let size = network.input().size();
    let pixel = |i: usize| ((i * 7919 % 251) as f32 / 251.0 + (i / size) as f32 * 0.37) % 1.0;
    let images: Vec<f32> = (0..EXAMPLES * size).map(pixel).collect();
    let labels: Vec<u32> = (0..EXAMPLES as u32).map(|i| i * 5 % 3).collect();
    let examples = Examples::<T>::from_classes(&network, LOSS, &images, &labels).unwrap();
    let start = network.initialize(&Initialization::default(), 2);
    let start = start.iter().map(|x| T::from_f64(*x)).collect();
    let steps = 2 * EXAMPLES.div_ceil(batch_size) as u64;
    let settings = Settings {
        stop: Stop::after(steps),
        weight_decay: 0.01,
        seed: 5,
        ..Settings::plain(0.02, batch_size)
    };
    let execution = Execution::new(threads, 1 << 30).unwrap();
    let mut trainer = Trainer::new(&network, LOSS, &examples, settings, start, &execution).unwrap();
    trainer.run(&mut |_: &CompletedStep<'_, T>, _: &Trainer<'_, T>| ControlFlow::Continue(()));
    assert_eq!(trainer.step(), steps, "the steps stay finite");
    trainer.parameters().iter().map(|x| x.to_f64()).collect()
}

fn bits(parameters: &[f64]) -> Vec<u64> {
    parameters.iter().map(|x| x.to_bits()).collect()
}

fn compare<T: Scalar>(architecture: &Architecture) {
    for batch_size in BATCH_SIZES {
        let one = bits(&train::<T>(architecture, batch_size, 1));
        for threads in [2, 3, 4] {
            let many = bits(&train::<T>(architecture, batch_size, threads));
            let differ = one.iter().zip(&many).filter(|(one, many)| one != many).count();
            assert_eq!(differ, 0, "{}, B = {batch_size}, {threads} threads", T::NAME);
        }
    }
}

#[test]
fn threads_change_no_bit_of_a_fully_connected_network() {
    compare::<f32>(&fully_connected());
    compare::<f64>(&fully_connected());
}

#[test]
fn threads_change_no_bit_of_a_convolutional_network() {
    compare::<f32>(&convolutional());
    compare::<f64>(&convolutional());
}
