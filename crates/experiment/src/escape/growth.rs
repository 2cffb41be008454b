//! The growth rate of a departure.
//!
//! The logarithm of a loss that departs is a random walk with drift, not a line with noise about
//! it: every step multiplies by a random factor and its deviation stays. So the rate is the mean
//! increment, and its error comes from the scatter of increments, sd/√N; the residuals of a
//! straight line are correlated along the whole path, and their least squares would claim several
//! times too much.

use minimascope_record::escape::{FittedGrowth, Growth};
use minimascope_record::measured::finite;

use super::leaving::LeavingRule;

/// Of the excess at which the window begins; see [`fit`].
const FLOOR: f64 = 0.1;

/// The growth of the excess loss − minimum's loss: from the first step at which the loss has begun
/// to grow to the first at which it is half of the way to a constant output's, or where it left if
/// it never comes so far. A departure faster than that is judged by its one step.
///
/// Between two *first* passages the paths that fell back in between are included. Then the sum of
/// increments is, by Wald's identity, the drift times the mean number of steps, and [`pooled`]
/// has no bias from having chosen the windows by their outcome. An excess that falls below a tenth
/// of the beginning's counts as that tenth: what grows later is not what shrank.
///
/// `losses` holds (step, loss), steps rising; `left_at` the departure. `None` for a factor beyond f64.
pub(super) fn fit(losses: &[(u64, f64)], rule: LeavingRule, left_at: u64) -> Option<FittedGrowth> {
    let end_of_finite =
        losses.iter().position(|(_, loss)| !loss.is_finite()).unwrap_or(losses.len());
    let losses = &losses[..end_of_finite];
    let left = losses.iter().position(|(step, _)| *step >= left_at)?;
    let begun = losses.iter().position(|(_, loss)| rule.has_begun(*loss))?;
    // Until the loss falls back below the limit this is one departure.
    let back = losses[left..].iter().position(|(_, loss)| !rule.has_left(*loss));
    let until = back.map_or(losses.len(), |back| left + back);
    let far = losses[left..until].iter().position(|(_, loss)| *loss >= rule.halfway());
    let last = left + far.unwrap_or(0);
    let least = FLOOR * (rule.beginning() - rule.loss());
    let height = |loss: f64| (loss - rule.loss()).max(least).ln();
    if begun >= last {
        // From below the beginning to beyond the end in one step: a factor of the loss itself.
        let ((first, from), (last, to)) = (*losses.get(last.checked_sub(1)?)?, losses[last]);
        let factor = finite((to / from).powf(1.0 / (last - first) as f64))?;
        return Some(FittedGrowth { first, last, value: from, factor, standard_error: None });
    }
    let window = &losses[begun..=last];
    let ((first, from), (end, to)) = (window[0], window[window.len() - 1]);
    let steps = (end - first) as f64;
    let drift = (height(to) - height(from)) / steps;
    // A gap of g steps has g times the variance of one.
    let increments = window.windows(2).map(|pair| {
        let gap = (pair[1].0 - pair[0].0) as f64;
        (height(pair[1].1) - height(pair[0].1) - drift * gap).powi(2) / gap
    });
    let count = (window.len() - 1) as f64;
    let variance = increments.sum::<f64>() / (count - 1.0);
    let factor = finite(drift.exp())?;
    let error = factor * (variance / steps).sqrt();
    Some(FittedGrowth {
        first,
        last: end,
        value: height(from).exp(),
        factor,
        standard_error: finite(error).filter(|_| count > 1.0),
    })
}

/// All launches together: the sum of their rises over the sum of their steps, with the error of a
/// ratio of means over launches. Windows of a single step count too.
pub(super) fn pooled(fits: &[FittedGrowth]) -> Option<Growth> {
    let windows: Vec<(f64, f64)> = fits
        .iter()
        .map(|fit| (fit.last - fit.first) as f64)
        .zip(fits.iter().map(|fit| fit.factor.ln()))
        .map(|(steps, drift)| (drift * steps, steps))
        .collect();
    let count = windows.len() as f64;
    let (rise, steps) = windows.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.0, sum.1 + at.1));
    if steps == 0.0 {
        return None;
    }
    let drift = rise / steps;
    let squares: f64 = windows.iter().map(|(rise, steps)| (rise - drift * steps).powi(2)).sum();
    let error = (squares * count / (count - 1.0)).sqrt() / steps;
    let factor = finite(drift.exp())?;
    Some(Growth {
        factor,
        standard_error: finite(factor * error).filter(|_| windows.len() > 1),
        launches: windows.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rule() -> LeavingRule {
        LeavingRule::new(1e-4, 0.1).unwrap()
    }

    fn left_at(losses: &[(u64, f64)]) -> u64 {
        losses.iter().find(|(_, loss)| rule().has_left(*loss)).unwrap().0
    }

    /// A loss that rests at 1e-4 for ten steps, exceeds it by 1e-6·1.5ᵗ, and rests at 0.1.
    #[test]
    fn an_exponential_between_two_rests() {
        let excess =
            |step: u64| if step < 10 { 0.0 } else { 1e-6 * 1.5_f64.powi(step as i32 - 10) };
        let loss = |step: u64| (1e-4 + excess(step)).min(0.1);
        let losses: Vec<(u64, f64)> = (0..60).map(|step| (step, loss(step))).collect();
        let found = fit(&losses, rule(), left_at(&losses)).unwrap();
        assert!((found.factor - 1.5).abs() < 1e-9, "{found:?}");
        // The excess is above 1e-4 first at 1.5^12 = 130, the loss above √(1e-4·0.1) = 3.2e-3
        // first at 1.5^20 = 3325.
        assert_eq!((found.first, found.last), (22, 30));
        assert!((found.value / excess(22) - 1.0).abs() < 1e-9);
        assert!(found.standard_error.unwrap() < 1e-9);
    }

    /// Random walks of known drift 0.1 and deviation 0.3 a step: the error that a path claims is
    /// the one that paths show, and the pooled rate is within its own error of the drift. Least
    /// squares along each path would claim errors five times smaller.
    #[test]
    fn the_claimed_error_is_the_scatter_over_paths() {
        let (drift, deviation) = (0.1_f64, 0.3_f64);
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut fits = Vec::new();
        for _ in 0..400 {
            let mut height = 0.0_f64;
            let mut losses = vec![(0, 1e-4)];
            for step in 1..4000 {
                // Two values of the deviation with equal chance.
                let sign = if random.random::<bool>() { 1.0 } else { -1.0 };
                height += drift + sign * deviation;
                losses.push((step, 1e-4 + 1e-5 * height.exp()));
                if losses[losses.len() - 1].1 > 1e-2 {
                    break;
                }
            }
            fits.push(fit(&losses, rule(), left_at(&losses)).unwrap());
        }
        let all = pooled(&fits).unwrap();
        let (found, error) = (all.factor.ln(), all.standard_error.unwrap() / all.factor);
        assert!((found - drift).abs() < 4.0 * error, "{found} ± {error}");
        // Windows have about ln(31)/0.1 = 34 steps: 0.3/√34/√400, give or take a tenth for the
        // spread of their lengths.
        let expected = deviation / (34.0_f64 * 400.0).sqrt();
        assert!((error / expected - 1.0).abs() < 0.25, "{error} against {expected}");
        let claimed: f64 =
            fits.iter().filter_map(|fit| Some(fit.standard_error? / fit.factor)).sum::<f64>()
                / fits.len() as f64;
        let single = deviation / 34.0_f64.sqrt();
        assert!((claimed / single - 1.0).abs() < 0.25, "{claimed} against {single}");
    }

    /// Two steps of gradient descent far above its threshold: a factor without an error.
    #[test]
    fn a_departure_of_one_step() {
        let losses = [(0, 1e-4), (1, 2e-2), (2, f64::NAN)];
        let found = fit(&losses, rule(), 1).unwrap();
        assert!((found.factor - 200.0).abs() < 1e-9 && found.standard_error.is_none());
        assert!(fit(&[(0, 1e-4), (1, f64::NAN)], rule(), 1).is_none());
        assert!(pooled(&[]).is_none());
        let one = pooled(&[found]).unwrap();
        assert!((one.factor - 200.0).abs() < 1e-9 && one.standard_error.is_none());
    }
}
