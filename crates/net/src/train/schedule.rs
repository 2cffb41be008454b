//! Learning-rate schedules.

use minimascope_record::training::Schedule;

/// The multiple of η at step t, counted from 0.
pub fn learning_rate_factor(schedule: Schedule, step: u64) -> f64 {
    let t = step as f64;
    match schedule {
        Schedule::Constant => 1.0,
        Schedule::WarmUp { steps } => ((t + 1.0) / steps.max(1) as f64).min(1.0),
        Schedule::Step { every, factor } => factor.powf((step / every.max(1)) as f64),
        Schedule::Cosine { steps, floor } => {
            let part = (t / steps.max(1) as f64).min(1.0);
            floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_take_their_closed_forms() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        let factor = learning_rate_factor;
        close(factor(Schedule::Constant, 7), 1.0);
        close(factor(Schedule::WarmUp { steps: 4 }, 0), 0.25);
        close(factor(Schedule::WarmUp { steps: 4 }, 9), 1.0);
        close(factor(Schedule::Step { every: 10, factor: 0.5 }, 25), 0.25);
        let cosine = Schedule::Cosine { steps: 10, floor: 0.2 };
        close(factor(cosine, 0), 1.0);
        close(factor(cosine, 5), 0.6);
        close(factor(cosine, 50), 0.2);
    }
}
