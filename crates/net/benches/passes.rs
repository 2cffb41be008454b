//! Passes, products and steps of the study's networks, beside their floors:
//! `cargo bench -p minimascope-net --bench passes`. `THREADS` chooses the threads (else all).

mod roofline;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use divan::Bencher;
use minimascope_net::train::{CompletedStep, Settings, Trainer};
use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network, presets};
use minimascope_record::training::{Initialization, Loss};
use roofline::{Floor, Roofline};

static THREADS: LazyLock<usize> = LazyLock::new(|| {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    std::env::var("THREADS").map_or_else(|_| all(), |text| text.parse().expect("a number"))
});
static MACHINE: LazyLock<Roofline> = LazyLock::new(|| Roofline::new(*THREADS));
/// Small batches are timed on one thread.
static ONE_THREAD: LazyLock<Roofline> = LazyLock::new(|| Roofline::new(1));

#[allow(clippy::print_stdout)]
fn main() {
    println!("{}\n{}", *ONE_THREAD, *MACHINE);
    println!("n = {EXAMPLES}; small batches: {STEPS} steps, on one thread");
    divan::main();
}

const LOSS: Loss = Loss::MeanSquaredError;
const EXAMPLES: usize = 1000;
const NETWORKS: [&str; 2] = ["fashion-mnist-fnn", "cifar10-vgg"];

/// A network with an operation's floor and, for steps, its batch size.
struct Case {
    name: &'static str,
    batch_size: usize,
    floor: Floor,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.batch_size {
            EXAMPLES => write!(f, "{}, {}", self.name, self.floor),
            size => write!(f, "{}, B = {size}, {}", self.name, self.floor),
        }
    }
}

fn network(name: &str) -> Network {
    Network::new(&presets::architecture(name).expect("a preset")).expect("fits")
}

fn examples(network: &Network, n: usize) -> Examples<f32> {
    let pixel = |i: usize| ((i.wrapping_mul(2_654_435_761) >> 7) % 256) as f32 / 255.0;
    let images: Vec<f32> = (0..n * network.input().size()).map(pixel).collect();
    let labels: Vec<u32> = (0..n).map(|i| (i % network.outputs()) as u32).collect();
    Examples::from_classes(network, LOSS, &images, &labels).expect("fits")
}

fn start(network: &Network) -> Vec<f32> {
    network.initialize(&Initialization::default(), 1).iter().map(|x| *x as f32).collect()
}

/// Multiply–adds of a forward pass of one example in all layers, and in the first: that one has no
/// input derivative and no input tangent.
fn multiply_adds(network: &Network) -> (f64, f64) {
    let first = network.layers().iter().map(|layer| layer.multiply_adds).find(|count| *count > 0);
    (network.multiply_adds() as f64, first.expect("a layer with work") as f64)
}

/// Both networks, with the floor of `all`·(all layers) − `first`·(the first one) products.
fn cases(count: impl Fn(bool) -> (f64, f64)) -> Vec<Case> {
    let case = |name| {
        let network = network(name);
        let (all, first) = multiply_adds(&network);
        let (times, without) = count(network.materialises_directions());
        let operations = 2.0 * EXAMPLES as f64 * (times * all - without * first);
        Case { name, batch_size: EXAMPLES, floor: MACHINE.floor(operations, 0.0, 0.0) }
    };
    NETWORKS.into_iter().map(case).collect()
}

fn bench(
    bencher: Bencher<'_, '_>,
    case: &Case,
    mut operation: impl FnMut(&mut Evaluator<'_, f32>, &[f32], &mut [f32]),
) {
    let network = network(case.name);
    let examples = examples(&network, EXAMPLES);
    let execution = Execution::new(*THREADS, 8 << 30).expect("threads");
    let mut evaluator =
        Evaluator::new(&network, LOSS, 0.0, &examples, &execution).expect("fits in memory");
    let theta = start(&network);
    evaluator.set_point(&theta).expect("fits");
    let v: Vec<f32> = theta.iter().rev().copied().collect();
    let mut out = vec![0.0; v.len()];
    bencher.bench_local(|| operation(&mut evaluator, &v, &mut out));
}

/// Forward, backward and gradient: three products a layer.
#[divan::bench(args = cases(|_| (3.0, 1.0)))]
fn point(bencher: Bencher<'_, '_>, case: &Case) {
    bench(bencher, case, |evaluator, v, _| evaluator.set_point(v).expect("fits"));
}

/// W·Ra, V·a, WᵀRδ, Vᵀδ and two gradients.
#[divan::bench(args = cases(|_| (6.0, 4.0)))]
fn hessian_product(bencher: Bencher<'_, '_>, case: &Case) {
    bench(bencher, case, |evaluator, v, out| {
        evaluator.product(Curvature::Hessian, v, out).expect("fits");
    });
}

/// Two such without the first gradients and the second V; a convolution materialises U_i from two
/// pairs and applies it twice.
#[divan::bench(args = cases(|filters| if filters { (12.0, 8.0) } else { (8.0, 6.0) }))]
fn second_moment(bencher: Bencher<'_, '_>, case: &Case) {
    bench(bencher, case, |evaluator, v, out| {
        evaluator.second_moment(Curvature::Hessian, v, out).expect("fits");
    });
}

/// Two whole Hessian products; a convolution adds the shared direction to U_i.
#[divan::bench(args = cases(|filters| if filters { (14.0, 9.0) } else { (12.0, 8.0) }))]
fn variance(bencher: Bencher<'_, '_>, case: &Case) {
    bench(bencher, case, |evaluator, v, out| {
        evaluator.variance(v, out).expect("fits");
    });
}

/// Steps that are timed together.
const STEPS: u64 = 100;
/// Few, so that looking for a dead network every 500 steps does not show.
const FEW: usize = 40;

fn small_batches() -> Vec<Case> {
    let case = |(name, batch_size): (&'static str, usize)| {
        let network = network(name);
        let (all, first) = multiply_adds(&network);
        let operations = 2.0 * batch_size as f64 * (3.0 * all - first);
        // The weights are read twice and written once.
        let step = ONE_THREAD.floor(operations, 3.0, 4.0 * network.parameters() as f64);
        Case { name, batch_size, floor: Floor { seconds: STEPS as f64 * step.seconds } }
    };
    NETWORKS.into_iter().flat_map(|name| [1, 4, 10].map(|b| (name, b))).map(case).collect()
}

#[divan::bench(args = small_batches())]
fn steps_of_small_batches(bencher: Bencher<'_, '_>, case: &Case) {
    let network = network(case.name);
    let examples = examples(&network, FEW);
    let execution = Execution::new(1, 1 << 30).expect("threads");
    let settings = Settings { seed: 1, ..Settings::plain(1e-3, case.batch_size) };
    let theta = start(&network);
    let mut trainer =
        Trainer::new(&network, LOSS, &examples, settings, theta, &execution).expect("fits");
    bencher.bench_local(|| {
        let mut observer = |step: &CompletedStep<'_, f32>, _: &Trainer<'_, f32>| {
            if step.step.is_multiple_of(STEPS) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        trainer.run(&mut observer)
    });
}
