//! A network at given parameters, without any folder: a, s, η* and the verdict.
//!
//! `cargo run --release --example own_network [parameters.safetensors]`
#![allow(clippy::print_stdout)]

use minimascope::{
    Budget, Evaluator, Examples, Execution, Loss, Minimum, Network, Request, StabilityQuestion,
    files, load, mean_square, presets,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = load(&Request { dataset: "fashion-mnist".into(), ..Default::default() })?;
    let (data, loss) = (data.train().first(100)?, Loss::MeanSquaredError);
    let network = Network::new(&presets::architecture("fashion-mnist-fnn").ok_or("no preset")?)?;
    let parameters = match std::env::args().nth(1) {
        Some(file) => files::read_parameters(file.as_ref(), &network)?,
        None => network.initialize(&Default::default(), 0), // where training starts
    };
    let examples = Examples::from_classes(&network, loss, data.images(), data.labels())?;
    let execution = Execution::new(0, 1 << 30)?;
    let mut point = Evaluator::new(&network, loss, 0.0, &examples, &execution)?;
    point.set_point(&parameters)?;
    let mut minimum = Minimum::of(&mut point, &Budget::default())?;
    let answer = minimum.ask(&StabilityQuestion::about(0.1, 10).quick())?;
    println!("a = {}, s = {}", answer.point.sharpness.value, answer.point.non_uniformity.value);
    let exact = mean_square(&answer.thresholds).ok_or("no threshold")?;
    println!("η* = {} at B = 10; η = 0.1: {}", exact.learning_rate, answer.verdict.ok_or("none")?);
    Ok(())
}
