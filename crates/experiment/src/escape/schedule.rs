//! The evaluation schedule: at which steps the loss of the whole training set is evaluated.
//!
//! A launch of the network and its linearised twin have the same schedule. The twin's loss is known at
//! every step for nothing; a departure that the network's schedule misses must not count in the twin.

use super::leaving::LeavingRule;

/// The number of first steps that are all evaluated: most departures begin at once.
const FIRST_STEPS: u64 = 100;
/// The number of steps evaluated after the departure; the return of a catapult takes some tens of them.
const AFTER_DEPARTURE: u64 = 50;
/// Later evaluations are this share of the steps so far apart.
const THINNING: u64 = 40;
/// The average of batch losses, relative to the loss of the minimum, at which the whole set is
/// evaluated: it scatters by a factor of two about the loss of a minimum that holds.
const SUSPICION: f64 = 3.0;
/// Batches of one example raise false suspicion often; then a few steps pass without another evaluation.
const SUSPICION_REST: u64 = 5;

/// How much of a launch is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// Loss, accuracies, distance and curvature.
    Everything,
    /// The same, with curvature at the end alone.
    WithoutCurvature,
    /// Whether it leaves, and no longer than that.
    Departure,
}

/// What was evaluated so far, and when the next evaluation is due.
pub(super) struct EvaluationSchedule {
    rule: LeavingRule,
    observation: Observation,
    next: u64,
    /// Step and loss of the last evaluation.
    last: (u64, f64),
    left_at: Option<u64>,
}

impl EvaluationSchedule {
    pub(super) fn new(rule: LeavingRule, observation: Observation) -> Self {
        Self { rule, observation, next: FIRST_STEPS, last: (0, f64::NAN), left_at: None }
    }

    /// The step of the first evaluation at which the launch had left.
    pub(super) fn left_at(&self) -> Option<u64> {
        self.left_at
    }

    /// The step of the last evaluation.
    pub(super) fn last(&self) -> u64 {
        self.last.0
    }

    /// Whether the schedule has this step.
    pub(super) fn is_due(&self, step: u64) -> bool {
        // Where only the departure is asked for, batch losses are the alarm in between.
        let sparse = self.is_sparse() && !step.is_multiple_of(SUSPICION_REST);
        step <= FIRST_STEPS && !sparse || step >= self.next
    }

    /// Whether the launch has just left.
    pub(super) fn is_departing(&self, step: u64) -> bool {
        self.left_at.is_some_and(|at| step <= at + AFTER_DEPARTURE)
    }

    /// Whether to evaluate after this step, at this average of batch losses.
    pub(super) fn is_wanted(&self, step: u64, average_loss: f64) -> bool {
        let (last, loss) = self.last;
        let suspect = (SUSPICION * self.rule.loss()).min(self.rule.limit());
        // A departure seen once is followed from there, unless only its fact is asked for.
        let follow = !self.is_sparse() && self.rule.has_begun(loss);
        let rested = step >= last + SUSPICION_REST;
        let suspicious = self.left_at.is_none() && (follow || rested && average_loss > suspect);
        self.is_due(step) || self.is_departing(step) || suspicious
    }

    /// Takes the loss that the evaluation at a step gave.
    pub(super) fn record(&mut self, step: u64, loss: f64) {
        self.last = (step, loss);
        if self.left_at.is_none() && self.rule.has_left(loss) {
            self.left_at = Some(step);
        }
        if step >= self.next {
            self.next = step + (step / THINNING).max(1);
        }
    }

    fn is_sparse(&self) -> bool {
        self.observation == Observation::Departure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(observation: Observation, average: impl Fn(u64) -> f64, last: u64) -> Vec<u64> {
        let mut schedule =
            EvaluationSchedule::new(LeavingRule::new(1e-4, 0.1).unwrap(), observation);
        let wanted = (0..=last).filter(|step| {
            let wanted = schedule.is_wanted(*step, average(*step));
            if wanted {
                schedule.record(*step, average(*step));
            }
            wanted
        });
        wanted.collect()
    }

    #[test]
    fn first_every_step_then_a_fortieth_of_the_steps_apart() {
        let quiet = |_| 1e-4;
        let all = seen(Observation::Everything, quiet, 210);
        let later: Vec<u64> = all.iter().copied().filter(|step| *step > 100).collect();
        assert_eq!(all[..101], (0..=100).collect::<Vec<_>>());
        assert_eq!(later[..3], [102, 104, 106]);
        assert!(later.ends_with(&[194, 198, 202, 207]), "{later:?}");
        let departure = seen(Observation::Departure, quiet, 106);
        assert_eq!(departure[..3], [0, 5, 10]);
        assert!(departure.ends_with(&[95, 100, 102, 104, 106]), "{departure:?}");
    }

    /// Batches that look suspicious are an alarm, but not at every step; a departure is evaluated
    /// for fifty steps.
    #[test]
    fn an_alarm_and_a_departure() {
        let alarm = |step| if (2_001..2_100).contains(&step) { 4e-4 } else { 1e-4 };
        let steps = seen(Observation::Departure, alarm, 2_500);
        let gaps = |from: u64, to: u64| {
            let near: Vec<u64> = steps.iter().copied().filter(|s| (from..to).contains(s)).collect();
            near.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
        };
        // A fortieth of the steps where nothing is heard.
        assert_eq!((gaps(2_010, 2_095), gaps(1_900, 2_000), gaps(2_200, 2_500)), (5, 48, 60));
        let heard = steps.iter().filter(|step| (2_001..2_100).contains(*step)).count();
        assert!(heard <= 100 / 5 + 2, "{heard}");
        let late = |step| if step >= 151 { 5e-3 } else { 1e-4 };
        let steps = seen(Observation::Everything, late, 215);
        let follows: Vec<u64> = steps.into_iter().filter(|step| *step > 148).collect();
        assert_eq!(follows[..2], [150, 153]);
        assert!(follows[1..52].iter().copied().eq(153..=203), "{follows:?}");
    }
}
