//! The exact mean-square threshold of one's own H_i, with its bracket.
//!
//! `cargo run --release --example own_hessians`
#![allow(clippy::print_stdout)]

use minimascope::{Budget, DensePoint, Minimum, StabilityQuestion, mean_square};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three examples of two parameters, one 2 × 2 matrix after the other.
    let hessians = [4.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.5, 1.0, -1.0, -1.0, 2.0];
    let mut point = DensePoint::new(2, &hessians)?;
    let mut minimum = Minimum::of(&mut point, &Budget::default())?;
    for batch_size in 1..=3 {
        let question = StabilityQuestion { batch_size: Some(batch_size), ..Default::default() };
        let answer = minimum.ask(&question)?;
        let exact = mean_square(&answer.thresholds).ok_or("no threshold")?;
        let (eta, ends) = (exact.learning_rate, exact.ends());
        println!(
            "B = {batch_size}: η* = {eta:.6}, proved in [{:.6}, {:.6}]",
            ends.lower, ends.upper
        );
    }
    Ok(())
}
