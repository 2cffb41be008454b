//! Times the passes of the study's networks on random images: `cargo run --release -p
//! minimascope-net --example time_passes [threads] [n] [part of a pass's name]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network, presets};
use minimascope_record::training::{Initialization, Loss};

fn main() {
    let argument = |index: usize, default: usize| {
        std::env::args().nth(index).map_or(default, |text| text.parse().expect("a number"))
    };
    let (threads, n) = (argument(1, 2), argument(2, 1000));
    let chosen = std::env::args().nth(3).unwrap_or_default();
    for name in ["fashion-mnist-fnn", "cifar10-vgg"] {
        let network = Network::new(&presets::architecture(name).expect("a preset")).expect("fits");
        let loss = Loss::MeanSquaredError;
        let size = network.input().size();
        let pixel = |i: usize| ((i.wrapping_mul(2_654_435_761) >> 7) % 256) as f32 / 255.0;
        let images: Vec<f32> = (0..n * size).map(pixel).collect();
        let labels: Vec<u32> = (0..n).map(|i| (i % network.outputs()) as u32).collect();
        let examples =
            Examples::<f32>::from_classes(&network, loss, &images, &labels).expect("fits");
        let execution = Execution::new(threads, 8 << 30).expect("threads");
        let mut evaluator =
            Evaluator::new(&network, loss, 0.0, &examples, &execution).expect("fits in memory");
        let start = network.initialize(&Initialization::default(), 1);
        let theta: Vec<f32> = start.iter().map(|x| *x as f32).collect();
        let v: Vec<f32> = theta.iter().rev().copied().collect();
        let mut out = vec![0.0; v.len()];
        evaluator.set_point(&theta).expect("fits");
        let work = network.multiply_adds() as f64 * n as f64 * 2.0 / 1e9;
        println!("{name}, n = {n}, {threads} threads; one forward is {work:.2} Gflop");
        let report = |what: &str, gflop: f64, run: &mut dyn FnMut()| {
            if !what.contains(&chosen) {
                return;
            }
            run();
            let (mut times, mut used) = (Vec::new(), Vec::new());
            for _ in 0..9 {
                let (start, before) = (Instant::now(), processor_seconds());
                run();
                times.push(start.elapsed().as_secs_f64());
                used.push(processor_seconds() - before);
            }
            times.sort_by(f64::total_cmp);
            used.sort_by(f64::total_cmp);
            println!(
                "  {what:30} {:8.2} ms (least {:.2}), processors {:8.2} ms, {:6.1} Gflop/s a thread",
                times[4] * 1e3,
                times[0] * 1e3,
                used[4] * 1e3,
                gflop / used[4]
            );
        };
        // The first layer has no input derivative and no input tangent.
        let first = network
            .layers()
            .iter()
            .map(|layer| layer.multiply_adds)
            .find(|m| *m > 0)
            .expect("a layer with work") as f64
            * n as f64
            * 2.0
            / 1e9;
        let step = 3.0 * work - first;
        report("forward, backward, gradient", step, &mut || {
            evaluator.set_point(&theta).expect("fits");
        });
        let product = 6.0 * work - 4.0 * first;
        report("Hessian product, cached", product, &mut || {
            evaluator.product(Curvature::Hessian, &v, &mut out).expect("fits");
        });
        report("second moment, cached", 0.0, &mut || {
            evaluator.second_moment(Curvature::Hessian, &v, &mut out).expect("fits");
        });
        report("variance, cached", 0.0, &mut || {
            evaluator.variance(Curvature::Hessian, &v, &mut out).expect("fits");
        });
    }
}

/// Seconds that the threads of this process have run (Linux): on a busy machine, what the work
/// costs rather than how long it took.
fn processor_seconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
    let nanoseconds = |task: std::fs::DirEntry| -> Option<f64> {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.flatten().filter_map(nanoseconds).sum::<f64>() / 1e9
}
