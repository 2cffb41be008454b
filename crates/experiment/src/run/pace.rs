//! How fast training goes and when it will end, for people to look at.

use std::time::{Duration, Instant};

use crate::progress::StepProgress;

/// Samples of the way so far.
#[derive(Debug)]
pub(super) struct Pace {
    max_steps: u64,
    target: Option<f64>,
    samples: Vec<Sample>,
    last_shown: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    step: u64,
    loss: f64,
}

/// Between two events: a person reads no faster.
const EVERY: Duration = Duration::from_millis(100);

impl Pace {
    pub(super) fn new(step: u64, max_steps: u64, target: Option<f64>) -> Self {
        let at = Instant::now();
        let first = Sample { at, step, loss: f64::NAN };
        Self { max_steps, target, samples: vec![first], last_shown: at }
    }

    /// Whether it is time to show something.
    pub(super) fn is_due(&self) -> bool {
        self.last_shown.elapsed() >= EVERY
    }

    pub(super) fn progress(&mut self, step: u64, loss: f64, accuracy: Option<f64>) -> StepProgress {
        let at = Instant::now();
        self.last_shown = at;
        self.samples.push(Sample { at, step, loss });
        let recent = self.samples[self.samples.len().saturating_sub(50)];
        let seconds = at.duration_since(recent.at).as_secs_f64();
        let steps_per_second =
            if seconds > 0.0 { (step - recent.step) as f64 / seconds } else { 0.0 };
        let remaining = self.remaining_steps(step, loss);
        let remaining_seconds =
            (steps_per_second > 0.0).then(|| remaining.map(|steps| steps / steps_per_second));
        StepProgress {
            step,
            max_steps: self.max_steps,
            average_loss: loss,
            train_accuracy: accuracy,
            steps_per_second,
            remaining_seconds: remaining_seconds.flatten(),
        }
    }

    /// To the last step; or earlier, to the target, along the line through log loss now and at half
    /// the steps. `None` while that says nothing.
    fn remaining_steps(&self, step: u64, loss: f64) -> Option<f64> {
        let last = self.max_steps.saturating_sub(step) as f64;
        let Some(target) = self.target else { return Some(last) };
        let middle = self.samples.partition_point(|sample| 2 * sample.step < step);
        let half = self.samples.get(middle).filter(|half| half.step < step)?;
        let slope = (loss.ln() - half.loss.ln()) / (step - half.step) as f64;
        let to_target = (target.ln() - loss.ln()) / slope;
        (slope < 0.0 && to_target >= 0.0).then(|| to_target.min(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_loss_is_extrapolated_to_its_target() {
        let loss = |step: u64| (-(step as f64) / 100.0).exp();
        let mut pace = Pace::new(0, 100_000, Some(loss(2_000)));
        for step in (10..=1_000).step_by(10) {
            pace.progress(step, loss(step), None);
        }
        let remaining = pace.remaining_steps(1_000, loss(1_000)).unwrap();
        assert!((remaining - 1_000.0).abs() < 1e-6, "{remaining}");
        let limited = Pace::new(0, 50, None);
        assert_eq!(limited.remaining_steps(20, 1.0), Some(30.0));
    }

    #[test]
    fn a_rising_loss_has_no_end_in_sight() {
        let mut pace = Pace::new(0, 1_000, Some(1e-4));
        for step in 1..=10 {
            pace.progress(step, step as f64, None);
        }
        assert_eq!(pace.remaining_steps(10, 10.0), None);
    }
}
