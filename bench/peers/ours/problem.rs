//! What every driver computes with: a network of the study at a point on its way to a minimum,
//! 1,000 real images, one direction, and the batches of the first steps.

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use minimascope_data::{Request, load};
use minimascope_net::train::{Batches, CompletedStep, Settings, Trainer};
use minimascope_net::{Examples, Execution, Network, presets};
use minimascope_record::training::{Initialization, Loss, Sampling};

/// n.
const EXAMPLES: usize = 1000;
/// Steps of SGD that one run of a training operation takes.
pub(crate) const STEPS: usize = 400;
/// Batch sizes that are timed.
pub(crate) const BATCH_SIZES: [usize; 3] = [1, 4, 10];
/// η of the timed steps: small, so that no timed run leaves the neighbourhood it began in.
pub(crate) const LEARNING_RATE: f64 = 0.01;
/// The study's.
pub(crate) const LOSS: Loss = Loss::MeanSquaredError;

/// The same problem in both precisions; θ and the direction are exact in f32.
pub(crate) struct Problem {
    pub(crate) network: Network,
    pub(crate) single: Examples<f32>,
    pub(crate) double: Examples<f64>,
    pub(crate) theta: Vec<f64>,
    pub(crate) direction: Vec<f64>,
    pub(crate) threads: usize,
    images: Vec<f32>,
    labels: Vec<u32>,
}

impl Problem {
    pub(crate) fn new(name: &str, threads: usize) -> Result<Self, Box<dyn Error>> {
        let dataset = match name {
            "fashion-mnist-fnn" => "fashion-mnist",
            "cifar10-vgg" => "cifar10-airplane-automobile",
            _ => return Err(format!("no data set is known for the network {name}").into()),
        };
        let architecture = presets::architecture(name).ok_or("no such preset")?;
        let network = Network::new(&architecture)?;
        let request = Request { dataset: dataset.to_owned(), ..Request::default() };
        let data = load(&request)?.train().first(EXAMPLES)?;
        let (images, labels) = (data.images().to_vec(), data.labels().to_vec());
        let single = Examples::from_classes(&network, LOSS, &images, &labels)?;
        let double = Examples::from_classes(&network, LOSS, &images, &labels)?;
        let theta = trained(&network, &single, threads)?;
        // Any vector without structure will do: the weights of another seed.
        let other = network.initialize(&Initialization::default(), 2);
        let direction = other.iter().map(|x| f64::from(*x as f32)).collect();
        Ok(Self { network, single, double, theta, direction, threads, images, labels })
    }

    /// Raw little-endian numbers; parameters in PyTorch's order.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        write_numbers(&folder.join("theta.f64"), &self.network.to_torch_order(&self.theta))?;
        let direction = self.network.to_torch_order(&self.direction);
        write_numbers(&folder.join("direction.f64"), &direction)?;
        write_bytes(&folder.join("images.f32"), self.images.iter().map(|x| x.to_le_bytes()))?;
        write_bytes(&folder.join("labels.u32"), self.labels.iter().map(|x| x.to_le_bytes()))?;
        for size in BATCH_SIZES {
            let mut batches = Batches::new(Sampling::ReshuffledEpochs, EXAMPLES, size, 1);
            let (mut all, mut batch) = (Vec::new(), Vec::new());
            for step in 0..STEPS {
                batches.draw(step as u64, &mut batch);
                all.extend(batch.iter().map(|example| (*example as u32).to_le_bytes()));
            }
            write_bytes(&folder.join(format!("batches-{size}.u32")), all.into_iter())?;
        }
        Ok(())
    }
}

/// How the timed steps are taken; `batch_size` n is gradient descent.
pub(crate) fn settings(batch_size: usize, learning_rate: f64) -> Settings {
    Settings { seed: 1, ..Settings::plain(learning_rate, batch_size) }
}

/// θ after 2,000 steps of SGD with B = 10, η = 0.05.
fn trained(
    network: &Network,
    examples: &Examples<f32>,
    threads: usize,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let start = network.initialize(&Initialization::default(), 1);
    let start = start.iter().map(|x| *x as f32).collect();
    let execution = Execution::new(threads, 1 << 30)?;
    let settings = settings(10, 0.05);
    let mut trainer = Trainer::new(network, LOSS, examples, settings, start, &execution)?;
    trainer.run(&mut |step: &CompletedStep<'_, f32>, _: &Trainer<'_, f32>| match step.step {
        2000 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    Ok(trainer.parameters().iter().map(|x| f64::from(*x)).collect())
}

pub(crate) fn write_numbers(path: &Path, numbers: &[f64]) -> std::io::Result<()> {
    write_bytes(path, numbers.iter().map(|x| x.to_le_bytes()))
}

fn write_bytes<const N: usize>(
    path: &Path,
    numbers: impl Iterator<Item = [u8; N]>,
) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for number in numbers {
        file.write_all(&number)?;
    }
    file.flush()
}
