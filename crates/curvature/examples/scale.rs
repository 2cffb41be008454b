//! Time and memory against the number of examples and of parameters: `make bench-scale`.
//!
//! Networks 784-w-w-w-10 on Fashion-MNIST, whose embedded images are repeated where more are asked
//! for. Every line is a process of its own, so that its peak of resident memory is its own.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::Command;
use std::time::Instant;

use minimascope_curvature::{Matrix, PointOperator};
use minimascope_data::Request;
use minimascope_linop::{LanczosParameters, SpectrumEnd, lanczos, silent};
use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::dataset::Subset;
use minimascope_record::training::{Initialization, Loss};

const LOSS: Loss = Loss::MeanSquaredError;
/// Hidden units for 10⁴ to 10⁷ parameters; the study has 500.
const WIDTHS: [usize; 4] = [12, 100, 500, 2000];
const STUDY: usize = 500;
const EXAMPLES: [usize; 4] = [1000, 4000, 16_000, 60_000];
const BUDGET: usize = 1 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            times()?;
            memory()
        }
        ["times"] => times(),
        ["memory"] => memory(),
        [what, numbers @ ..] => {
            let numbers: Vec<usize> =
                numbers.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
            let [width, n, threads] = numbers[..] else { return Err("three numbers".into()) };
            let case = Case { width, n, threads };
            match *what {
                "time" => case.time(),
                "measure" => case.measure(),
                _ => Err(format!("{what}: it must be times or memory").into()),
            }
        }
    }
}

/// Runs one case in a process of its own and passes on the line it prints.
fn line(what: &str, width: usize, n: usize, threads: usize) -> Result<(), Box<dyn Error>> {
    let numbers = [width, n, threads].map(|number| number.to_string());
    let status = Command::new(std::env::current_exe()?).arg(what).args(numbers).status()?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}").into()) }
}

fn times() -> Result<(), Box<dyn Error>> {
    println!("| n | P | threads | step, ms | Hv, ms | Σv, ms | Σv, µs for one example | Gflop/s |");
    println!("|---|---|---|---|---|---|---|---|");
    for threads in [1, 2] {
        for n in EXAMPLES {
            line("time", STUDY, n, threads)?;
        }
    }
    for threads in [1, 2] {
        for width in WIDTHS {
            line("time", width, EXAMPLES[0], threads)?;
        }
    }
    Ok(())
}

fn memory() -> Result<(), Box<dyn Error>> {
    println!("\n| n | P | budget, MB | s | products | seconds | peak of resident memory, MB |");
    println!("|---|---|---|---|---|---|---|");
    for n in [EXAMPLES[0], EXAMPLES[3]] {
        line("measure", STUDY, n, 2)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Case {
    width: usize,
    n: usize,
    threads: usize,
}

impl Case {
    fn network(self) -> Result<Network, Box<dyn Error>> {
        let relu = || Layer::Activation { function: Activation::Relu };
        let linear = |outputs| Layer::Linear { outputs, bias: true };
        let hidden = (0..3).flat_map(|_| [linear(self.width), relu()]);
        let layers = hidden.chain([linear(10)]).collect();
        let input = Shape { channels: 1, height: 28, width: 28 };
        Ok(Network::new(&Architecture { input, layers })?)
    }

    /// The first n training images; repeated from the first on when there are fewer.
    fn examples(self, network: &Network) -> Result<Examples<f32>, Box<dyn Error>> {
        let request = Request {
            dataset: "fashion-mnist".to_owned(),
            data_dir: None,
            classes: None,
            train: Subset::First(self.n.min(5000)),
            test: Subset::First(1),
        };
        let (embedded, _) = minimascope_data::load(&request)?.into_parts();
        let all = Examples::from_classes(network, LOSS, embedded.images(), embedded.labels())?;
        let repeated: Vec<usize> = (0..self.n).map(|i| i % all.len()).collect();
        Ok(all.select(&repeated))
    }

    /// The fewest milliseconds of a few turns of a step, a Hessian product and a Σ product.
    fn time(self) -> Result<(), Box<dyn Error>> {
        let network = self.network()?;
        let examples = self.examples(&network)?;
        let execution = Execution::new(self.threads, 8 << 30)?;
        let mut evaluator = Evaluator::new(&network, LOSS, 0.0, &examples, &execution)?;
        let theta: Vec<f32> = start(&network);
        let v: Vec<f32> = theta.iter().rev().copied().collect();
        let mut out = vec![0.0; v.len()];
        let kind = Curvature::Hessian;
        let step = fewest(|| Ok(evaluator.set_point(&theta)?))?;
        let product = fewest(|| Ok(evaluator.product(kind, &v, &mut out)?))?;
        let variance = fewest(|| Ok(evaluator.variance(&v, &mut out)?))?;
        // Twelve products with each layer's weights but four with the first one's.
        let first = 784 * self.width;
        let multiply_adds = self.n * (12 * network.multiply_adds() - 8 * first);
        println!(
            "| {} | {} | {} | {step:.2} | {product:.2} | {variance:.2} | {:.2} | {:.0} |",
            self.n,
            network.parameters(),
            self.threads,
            variance * 1e3 / self.n as f64,
            2.0 * multiply_adds as f64 / variance / 1e6,
        );
        Ok(())
    }

    /// s at the start, by the program's way to it, under a budget that is kept.
    fn measure(self) -> Result<(), Box<dyn Error>> {
        let network = self.network()?;
        let examples = self.examples(&network)?;
        let parameters = LanczosParameters::new(SpectrumEnd::Largest, 1);
        let basis = parameters.memory(network.parameters());
        let execution = Execution::new(self.threads, BUDGET)?.beside(basis);
        let mut evaluator = Evaluator::new(&network, LOSS, 0.0, &examples, &execution)?;
        evaluator.set_point(&start(&network))?;
        let begin = Instant::now();
        let spectrum = lanczos(
            &mut PointOperator::new(&mut evaluator, Matrix::Variance),
            &parameters,
            None,
            &mut silent,
        )?;
        let largest = spectrum.largest().ok_or("no eigenvalue")?;
        println!(
            "| {} | {} | {:.0} | {:.4} | {} | {:.1} | {:.0} |",
            self.n,
            network.parameters(),
            BUDGET as f64 / 1e6,
            largest.value.sqrt(),
            spectrum.products,
            begin.elapsed().as_secs_f64(),
            peak_bytes().map_or(f64::NAN, |bytes| bytes as f64 / 1e6),
        );
        Ok(())
    }
}

fn start(network: &Network) -> Vec<f32> {
    network.initialize(&Initialization::default(), 1).iter().map(|x| *x as f32).collect()
}

/// Milliseconds: the fewest of at least three turns and at most half a second of them.
fn fewest(mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    work()?;
    let (mut best, mut total, mut turns) = (f64::INFINITY, 0.0, 0);
    while turns < 3 || total < 0.5 {
        let begin = Instant::now();
        work()?;
        let seconds = begin.elapsed().as_secs_f64();
        (best, total, turns) = (seconds.min(best), total + seconds, turns + 1);
    }
    Ok(best * 1e3)
}

/// The most resident memory that this process has had (Linux).
fn peak_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? << 10)
}
