//! Nothing is allocated inside a step or a product once their memory is there, and it is no more
//! than was said before.
//!
//! Two libraries do allocate, and are counted here to the last block. `gemm` takes up to two blocks
//! for each product (a buffer to pack into and a list of what is packed) and cannot be lent them. `rayon` takes one block for every 63 times that work is handed to its threads from
//! outside, so the work here is done inside them.

use std::alloc::System;
use std::ops::ControlFlow;

use minimascope_net::train::{CompletedStep, Settings, Trainer, training_memory};
use minimascope_net::{Curvature, Evaluator, Examples, Execution, MemoryEstimate, Network};
use minimascope_record::architecture::{Activation, Architecture, Layer, Shape};
use minimascope_record::training::{Initialization, Loss, Optimizer, Sampling, Stop};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LOSS: Loss = Loss::SoftmaxCrossEntropy;
/// The most blocks that `gemm` allocates for a product: as many with AVX-512 and the sizes here.
const BLOCKS_OF_GEMM: usize = 2;

fn allocations() -> usize {
    let stats = GLOBAL.stats();
    stats.allocations + stats.reallocations
}

/// Bytes that are held now.
fn held() -> usize {
    let stats = GLOBAL.stats();
    // These count what a block grows and shrinks by too.
    stats.bytes_allocated - stats.bytes_deallocated
}

fn network(image: bool) -> Network {
    let relu = Layer::Activation { function: Activation::Relu };
    let linear = |outputs| Layer::Linear { outputs, bias: true };
    let convolution =
        |channels| Layer::Convolution { channels, kernel: 3, stride: 1, padding: 1, bias: true };
    let input = Shape { channels: 3, height: 8, width: 8 };
    let layers = if image {
        // No linear layer: no product of `gemm`.
        vec![
            convolution(20),
            relu.clone(),
            Layer::MaxPool { window: 2, stride: None },
            Layer::Residual { layers: vec![convolution(20), relu], projection: false },
            convolution(3),
            Layer::GlobalAveragePool,
        ]
    } else {
        vec![linear(90), relu.clone(), linear(70), relu, linear(3)]
    };
    Network::new(&Architecture { input, layers }).unwrap()
}

/// Sets that the two networks cut into several chunks, at most 500 rows each of the fully connected.
fn many(image: bool) -> usize {
    if image { 300 } else { 1100 }
}
const CHUNKS: usize = 3;
/// Bytes: more than anything here takes.
const BUDGET: usize = 1 << 30;
/// A set for small batches.
const FEW: usize = 60;

fn examples(network: &Network, n: usize) -> Examples<f32> {
    let pixel = |i: usize| (i * 7919 % 251) as f32 / 251.0;
    let images: Vec<f32> = (0..n * network.input().size()).map(pixel).collect();
    let labels: Vec<u32> = (0..n as u32).map(|i| i * 5 % 3).collect();
    Examples::from_classes(network, LOSS, &images, &labels).unwrap()
}

fn start(network: &Network) -> Vec<f32> {
    network.initialize(&Initialization::default(), 2).iter().map(|x| *x as f32).collect()
}

/// Threads that hold what `gemm` keeps for each of them, a buffer of a second-level cache's size.
fn warm_threads(threads: usize) -> Execution {
    let execution = Execution::new(threads, BUDGET).unwrap();
    let network = network(false);
    let few = examples(&network, FEW);
    let theta = start(&network);
    execution.run(|| {
        rayon::broadcast(|_| {
            let mut evaluator = Evaluator::new(&network, LOSS, 0.0, &few, &execution).unwrap();
            evaluator.set_point(&theta).unwrap();
        })
    });
    execution
}

/// The fewest allocations of `work` in five turns after a first one. What allocates in every turn
/// is in the fewest too; a thread that joins late and takes its own memory then is not.
fn fewest(execution: &Execution, mut work: impl FnMut() + Send) -> usize {
    execution.run(|| {
        work();
        let turns = (0..5).map(|_| {
            let before = allocations();
            work();
            allocations() - before
        });
        turns.min().expect("there are five")
    })
}

fn products(warm: &Execution, image: bool) {
    let threads = warm.threads();
    let network = network(image);
    let data = examples(&network, many(image));
    let theta = start(&network);
    let v: Vec<f32> = theta.iter().rev().copied().collect();
    let mut out = vec![0.0; v.len()];
    let x: Vec<f64> = v.iter().map(|v| f64::from(*v)).collect();
    let mut y = vec![0.0; x.len()];
    let mut u = vec![0.0; data.len() * network.outputs()];
    let estimate = MemoryEstimate::of(&network, &data);
    let budgets = [
        // Nothing kept; forward and backward; also the tangents.
        (estimate.least(), false, false),
        (estimate.least() + estimate.first, true, false),
        (estimate.most(), true, true),
    ];
    for (memory, keeps_first, keeps_tangent) in budgets {
        let execution = warm.beside(BUDGET - memory);
        let before = held();
        let mut evaluator = Evaluator::new(&network, LOSS, 0.01, &data, &execution).unwrap();
        // Matrix products of a chunk. Of the three layers the first has neither an input
        // derivative nor an input tangent.
        let (forward, backward, gradient) = (3, 2, 3);
        let first = if keeps_first { 0 } else { forward + backward };
        // With W and with the direction, but nothing in the first layer's input.
        let tangent = (2 + 3) + (2 + 2);
        let sum = 3 + 2;
        let tangent_again = if keeps_tangent { 0 } else { tangent };
        let product = first + tangent + sum;
        let both = product + first + tangent_again + tangent + sum;
        let check = |what: &str, per_chunk: usize, count: usize| {
            let gemm = if image { 0 } else { CHUNKS * BLOCKS_OF_GEMM * per_chunk };
            let case = format!("{what}, image {image}, {threads} threads, {memory} bytes");
            assert!(count <= gemm, "{case}: {count} allocations, {gemm} by gemm");
        };
        let count = fewest(&execution, || evaluator.set_point(&theta).unwrap());
        check("set_point", forward + backward + gradient, count);
        let kind = Curvature::Hessian;
        let count = fewest(&execution, || evaluator.product(kind, &v, &mut out).unwrap());
        check("product", product, count);
        let count = fewest(&execution, || evaluator.product(kind, &x, &mut y).unwrap());
        check("product in f64", product, count);
        let count = fewest(&execution, || evaluator.second_moment(kind, &x, &mut y).unwrap());
        check("second moment in f64", both, count);
        let count = fewest(&execution, || evaluator.variance(&x, &mut y).unwrap());
        check("variance in f64", both, count);
        let count = fewest(&execution, || evaluator.factor_product(&x, &mut u).unwrap());
        check("product with the factors", first + tangent, count);
        let count = fewest(&execution, || evaluator.factor_transposed(&u, &mut y).unwrap());
        check("product with the transposed factors", first + backward + gradient, count);
        let count = fewest(&execution, || evaluator.write_gradient(&mut y).unwrap());
        check("gradient in f64", 0, count);
        // The estimate counts the examples and two vectors of whoever asks as well.
        let most = estimate.least()
            + if keeps_first { estimate.first } else { 0 }
            + if keeps_tangent { estimate.tangent } else { 0 }
            - data.bytes()
            - 2 * size_of_val(&theta[..]);
        let held = held() - before;
        assert!(held <= most, "image {image}, {threads} threads: {held} bytes, {most} said");
    }
}

/// Steps of small batches that are counted together: at least an epoch, so that the examples are
/// shuffled in every turn.
const TURN: usize = FEW;

fn steps(execution: &Execution, image: bool, batch_size: usize, optimizer: Optimizer) {
    let threads = execution.threads();
    let network = network(image);
    let in_place = batch_size < FEW;
    let (n, turn) = if in_place { (FEW, TURN) } else { (batch_size, 1) };
    let data = examples(&network, n);
    for sampling in [Sampling::ReshuffledEpochs, Sampling::IndependentBatches] {
        let settings = Settings {
            optimizer,
            sampling,
            stop: Stop::after(4 * turn as u64),
            weight_decay: 0.01,
            seed: 5,
            ..Settings::plain(1e-3, batch_size)
        };
        let before = held();
        let mut trainer =
            Trainer::new(&network, LOSS, &data, settings, start(&network), execution).unwrap();
        let mut counts = [0; 5];
        let mut most = 0;
        let mut observer = |step: &CompletedStep<'_, f32>, _: &Trainer<'_, f32>| {
            most = most.max(held() - before);
            counts[step.step as usize / turn] = allocations();
            ControlFlow::Continue(())
        };
        execution.run(|| trainer.run(&mut observer));
        let turns = counts[1..].windows(2).map(|pair| pair[1] - pair[0]);
        // Forward, backward and gradient of three layers.
        let gemm = if image || in_place { 0 } else { CHUNKS * BLOCKS_OF_GEMM * (3 + 2 + 3) };
        let count = turns.min().expect("there are three");
        let case = format!("{optimizer:?}, B = {batch_size}, image {image}, {threads} threads");
        assert!(count <= gemm, "{case}: {count} allocations, {gemm} by gemm");
        let said = training_memory::<f32>(&network, optimizer, (batch_size, n), threads);
        assert!(most <= said, "{case}: {most} bytes, {said} said");
    }
}

/// One test in this program: another at the same time would be counted too.
#[test]
fn steps_and_products_allocate_nothing_but_what_gemm_takes_and_hold_what_was_said() {
    let heavy_ball = Optimizer::HeavyBall { momentum: 0.7 };
    let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };
    // All at first: what threads hold is given back when they end, which is not at once.
    for execution in &[1, 2].map(warm_threads) {
        for image in [false, true] {
            for optimizer in [Optimizer::Sgd, heavy_ball, adam] {
                steps(execution, image, many(image), optimizer);
            }
            for batch_size in [1, 4, 10] {
                steps(execution, image, batch_size, Optimizer::Sgd);
            }
            products(execution, image);
        }
    }
}
