//! Our side of `make bench-peers`: writes the network, the data and the batches that every driver
//! reads, then answers requests on standard input, one line each. `README.md` beside this file has
//! the protocol.
#![allow(clippy::print_stdout)]

mod problem;
#[path = "../../../crates/net/benches/roofline/mod.rs"]
#[allow(dead_code, reason = "the peers have no floors, only a share of the peak")]
mod roofline;
mod run;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use problem::Problem;
use roofline::Roofline;
use run::{Run, TimedOperation, prepare};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, network, threads] = &arguments[..] else {
        return Err("usage: ours FOLDER NETWORK THREADS".into());
    };
    let (folder, threads) = (Path::new(folder), threads.parse()?);
    let problem = Problem::new(network, threads)?;
    problem.write(folder)?;
    println!("ready minimascope {}", env!("CARGO_PKG_VERSION"));
    let mut prepared: Option<(TimedOperation, Box<dyn Run + '_>)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["forms", _] => "forms library".to_owned(),
            ["work", operation] => {
                let work =
                    TimedOperation::parse(operation)?.work(&problem.network, problem.single.len());
                format!("flop {work:e}")
            }
            ["peak"] => format!("flops {:e}", Roofline::new(threads).peak),
            ["value", operation, _, precision] => {
                let operation = TimedOperation::parse(operation)?;
                drop(prepared.take());
                let mut run = match precision {
                    "f64" => prepare(operation, &problem, &problem.double)?,
                    _ => prepare(operation, &problem, &problem.single)?,
                };
                run.run();
                problem::write_numbers(&folder.join("ours.f64"), &run.value())?;
                if precision == "f32" {
                    prepared = Some((operation, run));
                }
                "done".to_owned()
            }
            ["time", operation, _, repeats] => {
                let operation = TimedOperation::parse(operation)?;
                let mut run = match prepared.take() {
                    Some((before, run)) if before == operation => run,
                    _ => prepare(operation, &problem, &problem.single)?,
                };
                let start = Instant::now();
                for _ in 0..repeats.parse()? {
                    run.run();
                }
                let seconds = start.elapsed().as_secs_f64();
                prepared = Some((operation, run));
                format!("seconds {seconds:e}")
            }
            _ => format!("error unknown request: {line}"),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
