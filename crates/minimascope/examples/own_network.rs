//! A network at given parameters, without any folder: a, s, η* and the verdict.
//!
//! `cargo run --release --example own_network`

use minimascope::{
    Budget, Evaluator, Examples, Execution, Loss, Minimum, Network, Request, StabilityQuestion,
    files, load, mean_square, presets,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let images = load(&Request { dataset: "fashion-mnist".into(), ..Default::default() })?;
    let (images, loss) = (images.train().first(100)?, Loss::MeanSquaredError);
    let network = Network::new(&presets::architecture("fashion-mnist-fnn").ok_or("no preset")?)?;
    let parameters = match std::env::args().nth(1) {
        Some(file) => files::read_parameters(file.as_ref(), &network)?,
        None => network.initialize(&Default::default(), 0), // without a file: where training starts
    };
    let examples = Examples::from_classes(&network, loss, images.images(), images.labels())?;
    let mut evaluator =
        Evaluator::new(&network, loss, 0.0, &examples, &Execution::new(0, 1 << 30)?)?;
    evaluator.set_point(&parameters)?;
    let mut minimum = Minimum::of(&mut evaluator, &Budget::default())?;
    let asked =
        StabilityQuestion { learning_rate: Some(0.1), batch_size: Some(10), ..Default::default() };
    let answer = minimum.ask(&StabilityQuestion { quick: true, ..asked })?;
    let (a, s) = (answer.point.sharpness.value, answer.point.non_uniformity.value);
    let exact = mean_square(&answer.thresholds).ok_or("no threshold")?.learning_rate;
    println!(
        "a = {a}, s = {s}, η* = {exact} at B = 10; η = 0.1: {}",
        answer.verdict.ok_or("none")?
    );
    Ok(())
}
