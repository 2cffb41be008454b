//! Chooses whether the next step is taken by a team of threads or by one thread.
//!
//! The faster way is measured while the run goes on. On a machine with other work the system takes
//! the processor from a helper in the middle of its part, and the other threads wait for
//! milliseconds: two threads are then slower than one. Both ways give the same bits, so that the
//! clock may choose.

use std::time::Duration;

/// How long steps of the team are timed: some of a scheduler's time slices.
const TOGETHER: Duration = Duration::from_millis(10);
/// How long steps of one thread are timed: no thread waits there, so that fewer are enough.
const ALONE: Duration = Duration::from_millis(2);
/// How long the faster way is kept before the other is tried again, at first.
const KEPT: Duration = Duration::from_millis(60);
/// The same, at most: the time doubles whenever the other way turns out slower.
const KEPT_AT_MOST: Duration = Duration::from_secs(1);

/// Times the steps of a run and chooses how the next is taken.
#[derive(Debug)]
pub(super) struct TeamChoice {
    is_together: bool,
    /// Time of the steps taken this way so far.
    time: Duration,
    /// Their number.
    steps: u32,
    /// The time after which this way is compared with the other.
    until: Duration,
    /// The mean step of the other way, while this one is tried.
    other: Option<Duration>,
    kept: Duration,
}

impl TeamChoice {
    /// Begins with the team.
    pub(super) fn new() -> Self {
        let (time, until) = (Duration::ZERO, TOGETHER);
        Self { is_together: true, time, steps: 0, until, other: None, kept: KEPT }
    }

    /// Whether the next step is the team's.
    pub(super) fn is_together(&self) -> bool {
        self.is_together
    }

    /// After a step that took `time`.
    pub(super) fn took(&mut self, time: Duration) {
        self.time += time;
        self.steps += 1;
        if self.time < self.until {
            return;
        }
        let mean = self.time / self.steps;
        (self.time, self.steps) = (Duration::ZERO, 0);
        if let Some(other) = self.other.take() {
            if mean < other {
                self.kept = KEPT;
            } else {
                self.is_together = !self.is_together;
                self.kept = (2 * self.kept).min(KEPT_AT_MOST);
            }
            self.until = self.kept;
        } else {
            self.is_together = !self.is_together;
            self.other = Some(mean);
            self.until = if self.is_together { TOGETHER } else { ALONE };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of a minute's time that is spent together.
    fn share_together(together: Duration, alone: Duration) -> f64 {
        let mut choice = TeamChoice::new();
        let (mut shared, mut all) = (Duration::ZERO, Duration::ZERO);
        while all < Duration::from_secs(60) {
            let time = if choice.is_together() { together } else { alone };
            shared += if choice.is_together() { time } else { Duration::ZERO };
            all += time;
            choice.took(time);
        }
        shared.as_secs_f64() / all.as_secs_f64()
    }

    /// What is slower is tried for 10 ms or one step in about a second.
    #[test]
    fn nearly_all_time_is_spent_the_faster_way() {
        let micros = Duration::from_micros;
        for step in [20, 300, 5000] {
            assert!(share_together(micros(step), micros(2 * step)) > 0.98);
            assert!(share_together(micros(2 * step), micros(step)) < 0.02);
        }
    }

    #[test]
    fn a_machine_that_becomes_busy_or_quiet_is_noticed() {
        let mut choice = TeamChoice::new();
        for (together, is_better) in [(50, true), (400, false), (50, true)] {
            for _ in 0..40_000 {
                choice.took(Duration::from_micros(if choice.is_together() {
                    together
                } else {
                    100
                }));
            }
            // The last moment may be a trial of the other way.
            let mut times = [Duration::ZERO; 2];
            for _ in 0..10_000 {
                let time = Duration::from_micros(if choice.is_together() { together } else { 100 });
                times[usize::from(choice.is_together())] += time;
                choice.took(time);
            }
            assert_eq!(times[1] > times[0], is_better, "{times:?}");
        }
    }
}
